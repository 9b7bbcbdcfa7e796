"""Command groups of `fenqi-server`, and what every command shares: the installation, and errors as one sentence."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

import click

from merchant_server.app import Installation, install
from merchant_server.domain.errors import DomainError
from merchant_server.settings import Settings, SettingsError
from merchant_server.storage.engine import StorageError


def installation() -> Installation:
    """Return the installation that the environment describes. Raises SettingsError, StorageError."""
    return install(Settings.from_env())


def readable(command: Callable[..., None]) -> Callable[..., None]:
    """Turn what can go wrong into one sentence and exit code 1."""

    @wraps(command)
    def wrapped(*positional: Any, **named: Any) -> None:
        try:
            command(*positional, **named)
        except (SettingsError, StorageError, DomainError, OSError) as wrong:
            raise click.ClickException(str(wrong)) from wrong

    return wrapped


@contextmanager
def progress_bar(label: str) -> Iterator[Callable[[int, int], None]]:
    """Draw on a terminal how far the work is."""
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(file=sys.stderr), transient=True) as drawing:
        task = drawing.add_task(label, total=None)
        yield lambda done, total: drawing.update(task, completed=done, total=max(total, 1))
