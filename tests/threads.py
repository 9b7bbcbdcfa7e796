"""Tests in a thread of their own: what runs an event loop cannot share a thread with the browser's."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import wraps
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def in_its_own_thread(function: Callable[P, R]) -> Callable[P, R]:
    """Return the function so that each call runs in a new thread."""

    @wraps(function)
    def apart(*args: P.args, **named: P.kwargs) -> R:
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(function, *args, **named).result()

    return apart
