"""`fenqi clock`: look at and turn the merchant's test clock."""

import json
from datetime import datetime

import click

from fenqi.api.resources import TestClock
from fenqi.cli.surroundings import Surroundings
from fenqi.errors import InvalidArgument
from fenqi.wire import utc_text


@click.group()
def clock() -> None:
    """Read and turn the test clock."""


@clock.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def show(surroundings: Surroundings, as_json: bool) -> None:
    """Show the merchant's time in test mode."""
    _echo(surroundings.connect().test_clocks.retrieve(), as_json)


@clock.command()
@click.argument("by", nargs=-1)
@click.option("--to", help="A moment such as 2026-12-21T00:00:00Z, instead of a duration.")
@click.option("--no-wait", is_flag=True, help="Do not wait until everything due on the way was done.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def advance(
    surroundings: Surroundings, by: tuple[str, ...], to: str | None, no_wait: bool, as_json: bool
) -> None:
    """Go forwards by a duration, such as `1 month` or P1M; what falls due is done day by day."""
    client = surroundings.connect()
    turned = client.test_clocks.advance(" ".join(by) or None, to=None if to is None else _moment(to))
    _echo(turned if no_wait else client.test_clocks.wait(), as_json)


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise InvalidArgument("Expected a moment such as 2026-12-21T00:00:00Z.", field="to") from None


def _echo(found: TestClock, as_json: bool) -> None:
    if as_json:
        told = {"now": utc_text(found.now), "offset_seconds": found.offset_seconds, "status": found.status}
        click.echo(json.dumps(told))
        return
    ahead = f"{found.offset_seconds // 86_400} days ahead"
    click.echo(f"{found.now:%Y-%m-%d %H:%M:%S} UTC  {ahead}  {found.status}")
