"""A bar on the terminal for work that takes a while; it goes to stderr, so that output can be piped."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def bar(label: str) -> Iterator[Callable[[int, int], None]]:
    """Draw how far the work is; the caller tells (done, total)."""
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(file=sys.stderr), transient=True) as drawing:
        task = drawing.add_task(label, total=None)
        yield lambda done, total: drawing.update(task, completed=done, total=max(total, 1))
