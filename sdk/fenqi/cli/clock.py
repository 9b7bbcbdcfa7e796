"""`fenqi clock`: look at and turn the test clock."""

import json

import click

from fenqi.api.resources import TestClock
from fenqi.cli import Surroundings
from fenqi.wire import utc_text


@click.group()
def clock() -> None:
    """Look at and turn the clock of test mode."""


@clock.command("show")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def show(surroundings: Surroundings, as_json: bool) -> None:
    """Print what time it is in test mode."""
    _print(surroundings.connect().test_clock.retrieve(), as_json)


@clock.command()
@click.option("--months", type=click.IntRange(1), help="Forwards by months.")
@click.option("--days", type=click.IntRange(1), help="Forwards by days.")
@click.option("--seconds", type=click.IntRange(1), help="Forwards by seconds.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def advance(
    surroundings: Surroundings, months: int | None, days: int | None, seconds: int | None, as_json: bool
) -> None:
    """Turn the clock forwards; what falls due is then collected by the worker."""
    turned = surroundings.connect().test_clock.advance(months=months, days=days, seconds=seconds)
    _print(turned, as_json)


def _print(found: TestClock, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"now": utc_text(found.now), "offset_seconds": found.offset_seconds}))
    else:
        click.echo(f"{found.now:%Y-%m-%d %H:%M:%S} UTC, {found.offset_seconds} s ahead")
