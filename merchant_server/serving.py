"""The WSGI application for any server, and the default server: one process, many threads, graceful at SIGTERM."""

import gc

from flask import Flask
from granian import Granian
from granian.constants import Interfaces

GRACE_SECONDS = 10


def application() -> Flask:
    """Return the application of the environment's settings; gunicorn takes it as a factory too."""
    from merchant_server import logs
    from merchant_server.app import create_app, install
    from merchant_server.settings import Settings

    settings = Settings.from_env()
    logs.set_up(settings.log_format)
    installation = install(settings)
    installation.require_ready()
    app = create_app(installation)
    # All of this lives as long as the process: the collector need not walk through it again and again.
    gc.collect()
    gc.freeze()
    return app


def serve(target: str, host: str, port: int, threads: int) -> None:
    """Serve a factory until SIGTERM or SIGINT; open requests are finished first.

    One process on purpose: SQLite writes are batched within a process. Scale out with more processes on PostgreSQL.
    """
    Granian(
        target,
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        factory=True,
        workers=1,
        blocking_threads=threads,
        workers_kill_timeout=GRACE_SECONDS,
        log_access=False,
    ).serve()
