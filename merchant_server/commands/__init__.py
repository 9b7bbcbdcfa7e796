"""Command groups of `fenqi-server`, and what every command shares: the installation, and errors as one sentence."""

from collections.abc import Callable
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
