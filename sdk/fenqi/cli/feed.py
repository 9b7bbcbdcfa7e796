"""`fenqi events`: read the event feed as it grows, and post past events to a receiver once more."""

import json

import click

from fenqi.api.resources import Event
from fenqi.cli.listening import forward, receiver, signing_secret
from fenqi.cli.surroundings import Surroundings
from fenqi.client import Client
from fenqi.errors import InvalidArgument, TransportError, Unavailable

_PAGE = 100


@click.group()
def events() -> None:
    """Read and repeat events."""


@events.command()
@click.option("--after", help="Start after this event cursor (0: from the beginning); default: from now on.")
@click.option("--every", "every_seconds", type=click.FloatRange(0.1, 60), default=1.0, show_default=True)
@click.option("--once", is_flag=True, help="Stop when there are no more events.")
@click.option("--json", "as_json", is_flag=True, help="Print the server's JSON, one line an event.")
@click.pass_obj
def tail(
    surroundings: Surroundings, after: str | None, every_seconds: float, once: bool, as_json: bool
) -> None:
    """Print events as they happen."""
    client = surroundings.connect()
    cursor = after if after is not None else (None if once else client.events.newest_cursor())
    try:
        while True:
            try:
                for event in client.events.list(after=cursor, limit=_PAGE):
                    show(event, as_json=as_json)
                    cursor = event.cursor
            except (TransportError, Unavailable) as error:
                if once:
                    raise
                click.echo(f"{error} Trying again.", err=True)
            if once:
                return
            surroundings.clock.sleep(every_seconds)
    except KeyboardInterrupt:
        click.echo(f"Stopped after event {cursor or 0}.", err=True)


@events.command()
@click.argument("event_ids", nargs=-1)
@click.option("--forward-to", "url", required=True, callback=receiver, help="Your receiver.")
@click.option("--after", help="Repeat everything after this event cursor, beside the named events.")
@click.option(
    "--secret", help="whsec_… to sign with; default FENQI_WEBHOOK_SECRET, else a new one that is shown."
)
@click.pass_obj
def replay(
    surroundings: Surroundings, event_ids: tuple[str, ...], url: str, after: str | None, secret: str | None
) -> None:
    """Post past events to your receiver again, under their own ids, signed anew; exit 1 when one is refused."""
    if not event_ids and after is None:
        raise click.UsageError("Name events, or give --after.")
    client = surroundings.connect()
    secret = signing_secret(secret)
    wanted = _wanted(client, set(event_ids), after)
    failures = sum(not forward(surroundings, event, url, secret) for event in wanted)
    if failures:
        raise click.exceptions.Exit(1)


def _wanted(client: Client, event_ids: set[str], after: str | None) -> list[Event]:
    found = [
        event
        for event in client.events.list(limit=_PAGE)
        if event.id in event_ids or (after is not None and event.sequence > _number(after))
    ]
    missing = event_ids - {event.id for event in found}
    if missing:
        raise InvalidArgument(f"There is no event {', '.join(sorted(missing))}.", field="event_ids")
    return found


def _number(cursor: str) -> int:
    if not (cursor.isascii() and cursor.isdecimal()):
        raise InvalidArgument("A cursor is a number, as fenqi events tail shows it.", field="after")
    return int(cursor)


def show(event: Event, *, as_json: bool) -> None:
    """Print one event."""
    if as_json:
        click.echo(json.dumps(event.raw, ensure_ascii=False))
    else:
        when = event.created_at.strftime("%Y-%m-%d %H:%M:%S")
        click.echo(f"{event.sequence:>6}  {when}  {event.type:<22}  {event.aggregate.id}  {event.id}")
