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
    """Turn what can go wrong into what it is, what to do about it, and exit code 1."""

    @wraps(command)
    def wrapped(*positional: Any, **named: Any) -> None:
        try:
            command(*positional, **named)
        except DomainError as refused:
            raise click.ClickException("; ".join(filter(None, (str(refused), refused.hint)))) from refused
        except (SettingsError, StorageError, OSError) as wrong:
            raise click.ClickException(str(wrong)) from wrong

    return wrapped


@contextmanager
def progress_bar(label: str) -> Iterator[Callable[[int, int], None]]:
    """Draw on a terminal how far the work is."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(file=sys.stderr)
    # Drawn into a file or a pipe it would leave an empty line behind.
    with Progress(console=console, transient=True, disable=not console.is_terminal) as drawing:
        task = drawing.add_task(label, total=None)
        yield lambda done, total: drawing.update(task, completed=done, total=max(total, 1))
