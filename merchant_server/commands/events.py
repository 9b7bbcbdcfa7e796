"""`fenqi-server events`: where events are kept once they are many."""

from pathlib import Path

import click

from merchant_server.commands import installation, progress_bar, readable
from merchant_server.storage.event_months import MONTHS_AHEAD


@click.group()
def events() -> None:
    """Move old events into a file; on PostgreSQL keep them by month."""


@events.command("archive")
@click.argument("out", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--through", required=True, metavar="YYYY-MM", help="The last month that goes; it must be over."
)
@click.option("--unread", is_flag=True, help="Also what a named reader of the feed has not acknowledged.")
@readable
def archive(out: Path, through: str, unread: bool) -> None:
    """Move events up to the end of a month out of the database into a new file, one JSON text a line."""
    from merchant_server.storage.event_archive import archive_events

    found = installation()
    found.require_schema()
    now = found.deps.clock.now()
    with progress_bar("archiving") as progress:
        made = archive_events(found.engine, out, through, now, progress, unread=unread)
    if made.events:
        click.echo(f"{made.events} events in {out}, SHA-256 {made.sha256}")
    click.echo(f"{made.removed} events left the database; `fenqi-server doctor` reads its laws")


@events.command("months")
@click.option(
    "--ahead",
    default=MONTHS_AHEAD,
    show_default=True,
    type=click.IntRange(1, 24),
    help=f"Months to come to make; the worker goes on with {MONTHS_AHEAD}.",
)
@readable
def months(ahead: int) -> None:
    """Keep events by month on PostgreSQL; again, it makes the months that are wanting."""
    from merchant_server.storage.event_months import split_by_month

    found = installation()
    found.require_schema()
    made = split_by_month(found.engine, found.deps.clock.now(), ahead)
    click.echo("made " + ", ".join(made) if made else "every month is there")
