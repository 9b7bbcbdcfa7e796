"""Wires the sandbox: its database, its routes, its callback thread and the HTTP server that carries them."""

import signal
import socket
import sys
import threading
from types import FrameType, TracebackType
from typing import Any

from flask import Flask
from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

from merchant_server.providers.sandbox.bank import SandboxBank
from merchant_server.providers.sandbox.bank_routes import bank_routes
from merchant_server.providers.sandbox.callbacks import CallbackSender
from merchant_server.providers.sandbox.database import SandboxDatabase
from merchant_server.providers.sandbox.desk import desk_routes, published_routes
from merchant_server.providers.sandbox.door import install
from merchant_server.providers.sandbox.payments import SandboxPayments, payment_routes
from merchant_server.providers.sandbox.payouts import payout_routes
from merchant_server.providers.sandbox.people import people_routes
from merchant_server.providers.sandbox.settings import SandboxSettings, ensure_signing_key


class _QuietHandler(WSGIRequestHandler):
    """HTTP/1.1 with connections kept open, and no access log: the inbox's URL holds a phone number."""

    protocol_version = "HTTP/1.1"
    # Header and body leave in two writes; Nagle's algorithm would hold the second back for 40 ms.
    disable_nagle_algorithm = True

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Log nothing."""

    def log(self, type: str, message: str, *args: Any) -> None:
        """Log nothing: broken connections are a part of what the sandbox is for."""


class _Server(ThreadedWSGIServer):
    daemon_threads = True
    block_on_close = False


def create_app(settings: SandboxSettings) -> Flask:
    """Build the sandbox as a Flask application.

    Its parts are in `app.extensions`: "sandbox_callbacks" (a CallbackSender, not started) and
    "sandbox_database".
    """
    database = SandboxDatabase(settings.database_path)
    key = ensure_signing_key(settings.signing_key_pem_path)
    callbacks = CallbackSender(database, settings, key)
    app = Flask("fenqi_sandbox")
    install(app, settings.api_key)
    app.register_blueprint(bank_routes(SandboxBank(database, settings), callbacks.wake))
    payments = SandboxPayments(database, settings)
    app.register_blueprint(payment_routes(payments, callbacks.wake, settings.public_url))
    app.register_blueprint(payout_routes(database, settings, callbacks.wake))
    app.register_blueprint(people_routes(database, settings))
    app.register_blueprint(published_routes(database, key.public_key()))
    app.register_blueprint(desk_routes(database, settings, callbacks.wake))
    app.extensions["sandbox_callbacks"] = callbacks
    app.extensions["sandbox_database"] = database
    return app


class SandboxServer:
    """The running sandbox; a context manager. `port` is the real one when 0 was asked for."""

    def __init__(self, settings: SandboxSettings, *, host: str = "127.0.0.1", port: int = 0) -> None:
        # Bound here, for werkzeug would end the whole process when the port is taken.
        with socket.create_server((host, port)) as bound:
            self.port = int(bound.getsockname()[1])
            self._app = create_app(settings)
            self._server = _Server(host, self.port, self._app, handler=_QuietHandler, fd=bound.fileno())
        self.base_url = f"http://{host}:{self.port}"
        self._callbacks: CallbackSender = self._app.extensions["sandbox_callbacks"]

    def __enter__(self) -> "SandboxServer":
        threading.Thread(target=self.serve_forever, name="sandbox-http", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self.close()

    def serve_forever(self) -> None:
        """Send callbacks and answer requests until shutdown."""
        self._callbacks.start()
        self._server.serve_forever(poll_interval=0.05)

    def close(self) -> None:
        """Stop the callback thread and close port and database."""
        self._callbacks.stop()
        self._server.server_close()
        self._app.extensions["sandbox_database"].close()


def serve(
    host: str,
    port: int,
    database_path: str,
    api_key: str,
    callback_url: str,
    signing_key_pem_path: str,
    **more: Any,
) -> None:
    """Run the sandbox until SIGINT or SIGTERM; `more` are further fields of SandboxSettings.

    Raises OSError when the port is taken. Killed at any point, it resumes on the same file.
    """
    settings = SandboxSettings(
        database_path=database_path,
        api_key=api_key,
        callback_url=callback_url,
        signing_key_pem_path=signing_key_pem_path,
        **more,
    )
    server = SandboxServer(settings, host=host, port=port)
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _leave)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        server.close()


def _leave(_: int, __: FrameType | None) -> None:
    sys.exit(0)
