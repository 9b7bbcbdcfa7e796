"""`fenqi-server keys`: rotate the keys of personal data while the installation runs."""

import click

from merchant_server.app import Installation
from merchant_server.commands import installation, progress_bar, readable


@click.group()
def keys() -> None:
    """Look at and rotate the keys of personal data; the server and the worker may go on running."""


@keys.command()
@readable
def status() -> None:
    """List the wrapping keys and how many data keys each wraps."""
    for each in _ready().rotation.counts():
        click.echo(f"{each.wrapping_key_id}  {each.status:<8} {each.data_keys} data keys")


@keys.command()
@readable
def rotate() -> None:
    """Make a new wrapping key and wrap every data key under it; run it again if it was cut off."""
    house = _ready()
    with progress_bar("wrapping data keys") as progress:
        name = house.rotation.rotate(progress)
    _record(house, "keys.rotated", {"wrapping_key": name})
    click.echo(f"{name} is in use; back the key file up, then `fenqi-server keys destroy` the older one")


@keys.command()
@readable
def reseal() -> None:
    """Seal everything under new data keys; run it again if it was cut off."""
    house = _ready()
    with progress_bar("sealing values anew") as progress:
        moved = house.rotation.reseal(progress)
    _record(house, "keys.resealed", {"values": moved})
    click.echo(f"{moved} values are sealed under new keys")


@keys.command()
@click.argument("wrapping_key_id")
@click.confirmation_option(prompt="Backups from before the rotation become unreadable for ever. Go on?")
@readable
def destroy(wrapping_key_id: str) -> None:
    """Take a retired wrapping key out of the key file; erased people are then gone from old backups too."""
    house = _ready()
    house.rotation.destroy(wrapping_key_id)
    _record(house, "keys.destroyed", {"wrapping_key": wrapping_key_id})
    click.echo(f"{wrapping_key_id} is destroyed")


def _ready() -> Installation:
    house = installation()
    house.require_schema()
    return house


def _record(house: Installation, action: str, detail: dict[str, object]) -> None:
    deps = house.deps
    with deps.storage.unit_of_work() as uow:
        uow.audit.add(
            deps.ids.new("aud"),
            at=deps.clock.now(),
            actor="operator",
            action=action,
            subject="installation",
            detail=detail,
        )
