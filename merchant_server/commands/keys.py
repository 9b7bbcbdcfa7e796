"""`fenqi-server keys`: rotate the keys of personal data while the installation runs."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from merchant_server.app import Installation, install
from merchant_server.settings import Settings, SettingsError
from merchant_server.storage.engine import StorageError


@click.group()
def keys() -> None:
    """Look at and rotate the keys of personal data; the server and the worker may go on running."""


@keys.command()
def status() -> None:
    """List the wrapping keys and how many data keys each wraps."""
    with _installation() as installation:
        for each in installation.rotation.counts():
            click.echo(f"{each.wrapping_key_id}  {each.status:<8} {each.data_keys} data keys")


@keys.command()
def rotate() -> None:
    """Make a new wrapping key and wrap every data key under it; run it again if it was cut off."""
    with _installation() as installation:
        with _bar("wrapping data keys") as progress:
            name = installation.rotation.rotate(progress)
        _record(installation, "keys.rotated", {"wrapping_key": name})
        click.echo(f"{name} is in use; back the key file up, then `fenqi-server keys destroy` the older one")


@keys.command()
def reseal() -> None:
    """Seal everything under new data keys; run it again if it was cut off."""
    with _installation() as installation:
        with _bar("sealing values anew") as progress:
            moved = installation.rotation.reseal(progress)
        _record(installation, "keys.resealed", {"values": moved})
        click.echo(f"{moved} values are sealed under new keys")


@keys.command()
@click.argument("wrapping_key_id")
@click.confirmation_option(prompt="Backups from before the rotation become unreadable for ever. Go on?")
def destroy(wrapping_key_id: str) -> None:
    """Take a retired wrapping key out of the key file; erased people are then gone from old backups too."""
    with _installation() as installation:
        installation.rotation.destroy(wrapping_key_id)
        _record(installation, "keys.destroyed", {"wrapping_key": wrapping_key_id})
        click.echo(f"{wrapping_key_id} is destroyed")


def _record(installation: Installation, action: str, detail: dict[str, object]) -> None:
    deps = installation.deps
    with deps.storage.unit_of_work() as uow:
        uow.audit.add(
            deps.ids.new("aud"),
            at=deps.clock.now(),
            actor="operator",
            action=action,
            subject="installation",
            detail=detail,
        )


@contextmanager
def _installation() -> Iterator[Installation]:
    try:
        installation = install(Settings.from_env())
        installation.require_schema()
        yield installation
    except (SettingsError, StorageError, OSError) as wrong:
        raise click.ClickException(str(wrong)) from wrong


@contextmanager
def _bar(label: str) -> Iterator[Callable[[int, int], None]]:
    """Draw how far the work is, on a terminal; it counts what is left when it begins."""
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(file=sys.stderr), transient=True) as drawing:
        task = drawing.add_task(label, total=None)
        yield lambda done, total: drawing.update(task, completed=done, total=max(total, 1))
