"""Runs a coroutine to its end from plain code, also where an event loop already runs (notebooks, async servers)."""

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


def finished(work: Coroutine[Any, Any, Result]) -> Result:
    """Return what `work` returns, or raise what it raises; a running loop is left alone by using a thread."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    results: list[Result] = []
    failures: list[BaseException] = []

    def run() -> None:
        try:
            results.append(asyncio.run(work))
        except BaseException as failure:  # noqa: BLE001 - it is raised again by the thread that waits
            failures.append(failure)

    thread = threading.Thread(target=run, name="fenqi-evidence")
    thread.start()
    thread.join()
    if failures:
        raise failures[0]
    return results[0]
