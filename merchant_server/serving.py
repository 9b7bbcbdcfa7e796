"""The WSGI application for any server, and the default server: few processes, many threads, graceful at SIGTERM."""

import gc
import multiprocessing
import os
import signal
import socket
import tempfile
import threading
from contextlib import ExitStack

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


def application_on_a_core() -> Flask:
    """Return the application for a process of the default server: on a core of its own when it is one of several."""
    end_with_the_first_process()
    if SHARED_FIGURES in os.environ:
        keep_to_a_core("fenqi-server")
    return application()


def end_with_the_first_process() -> None:
    """Stop as at SIGTERM once the process that started this one is gone, however it ended.

    Left behind it would keep the port, and answer with code that somebody believes to have stopped.
    """
    first = multiprocessing.parent_process()

    def follow() -> None:
        assert first is not None
        first.join()
        os.kill(os.getpid(), signal.SIGTERM)

    if first is not None:
        threading.Thread(target=follow, name="first process", daemon=True).start()


_claims: list[socket.socket] = []


def keep_to_a_core(claimants: str) -> None:
    """Keep this process to a core that no other claimant of this name on this machine has, while there is one.

    A process runs Python on one core at a time, and threads that take turns on different cores fetch each other's
    memory at every turn: that took a fifth to a half of a read's time.
    """
    if not hasattr(os, "sched_setaffinity"):
        return
    for core in sorted(os.sched_getaffinity(0)):
        # A name without a file (unix(7)) is one process's until it ends, however it ends.
        claim = socket.socket(socket.AF_UNIX)
        try:
            claim.bind(f"\0{claimants}-core-{core}")
        except OSError:
            claim.close()
            continue
        _claims.append(claim)
        os.sched_setaffinity(0, {core})
        return


def serve(target: str, host: str, port: int, threads: int, processes: int = 1) -> None:
    """Serve a factory until SIGTERM or SIGINT; open requests are finished first.

    Processes share the port, and the figures that any of them gives to Prometheus. On SQLite each batches the writes of
    its own threads, and they take turns.
    """
    with ExitStack() as until_the_end:
        if processes > 1:
            shared = until_the_end.enter_context(tempfile.TemporaryDirectory(prefix="fenqi-metrics-"))
            os.environ[SHARED_FIGURES] = shared
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
            respawn_failed_workers=True,
            log_access=False,
        ).serve()
