"""The WSGI application for any server, and the default server: few processes, many threads, graceful at SIGTERM."""

import gc
import multiprocessing
import os
import tempfile

from flask import Flask
from granian import Granian
from granian.constants import Interfaces

from merchant_server.web.metrics import SHARED_FIGURES

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


def serve(target: str, host: str, port: int, threads: int, processes: int = 1) -> None:
    """Serve a factory until SIGTERM or SIGINT; open requests are finished first.

    Processes share the port, and the figures that any of them gives to Prometheus. On SQLite each batches the writes of
    its own threads, and they take turns.
    """
    with tempfile.TemporaryDirectory(prefix="fenqi-metrics-") as figures:
        if processes > 1:
            os.environ[SHARED_FIGURES] = figures
            # A forked one would count for itself: what it counts with is chosen at the import.
            multiprocessing.set_start_method("spawn", force=True)
        Granian(
            target,
            address=host,
            port=port,
            interface=Interfaces.WSGI,
            factory=True,
            workers=processes,
            blocking_threads=threads,
            workers_kill_timeout=GRACE_SECONDS,
            log_access=False,
        ).serve()
