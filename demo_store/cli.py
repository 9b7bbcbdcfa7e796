"""`fenqi-demo`: runs the shop, and starts the whole demonstration when its launcher is installed."""

import signal
import sys
import threading
from importlib import import_module
from types import FrameType

import click
from fenqi import FenqiError, __version__
from werkzeug.serving import BaseWSGIServer, make_server

from demo_store.app import create_app
from demo_store.settings import from_env
from demo_store.wiring import EXTENSION


@click.group()
@click.version_option(__version__, prog_name="fenqi-demo")
def main() -> None:
    """A shop and a till that sell in installments."""


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", default=5000, show_default=True, type=click.IntRange(0, 65535), help="Port; 0 picks one."
)
def run(host: str, port: int) -> None:
    """Serve the shop. Settings come from the environment: FENQI_API_KEY, FENQI_BASE_URL, FENQI_WEBHOOK_SECRET,
    DEMO_DATABASE, DEMO_PUBLIC_URL, DEMO_STORES, DEMO_TILLS."""
    try:
        app = create_app(from_env())
    except FenqiError as error:
        raise click.ClickException(str(error)) from error
    try:
        server = make_server(host, port, app, threaded=True)
    except (OSError, SystemExit) as error:
        raise click.ClickException(
            f"Port {port} on {host} is taken or not allowed; choose another with --port."
        ) from error
    live = app.extensions[EXTENSION].live
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda number, frame: _stop(server, live.close, number, frame))
    click.echo(f"The shop is open at http://{host}:{server.server_port}/ and its till at /till")
    server.serve_forever()
    server.server_close()


def _stop(server: BaseWSGIServer, close: object, _number: int, _frame: FrameType | None) -> None:
    """End the streams, then the server; from a thread, because shutdown waits for the loop it would block."""
    if callable(close):
        close()
    threading.Thread(target=server.shutdown, daemon=True).start()


# The launcher reads its own options, --help among them.
@main.command(add_help_option=False, context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def up(arguments: tuple[str, ...]) -> None:
    """Start everything: server, worker, sandbox bank and this shop."""
    try:
        launcher = import_module("demo_store.launcher")
    except ModuleNotFoundError as error:
        raise click.ClickException("The launcher needs the server: install fenqi[demo].") from error
    sys.exit(launcher.main(list(arguments)))
