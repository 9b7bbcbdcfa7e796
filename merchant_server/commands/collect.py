"""`fenqi-server collect`: run the day's deductions now, and see how far they are."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from merchant_server.commands import installation, progress_bar, readable
from merchant_server.services.collection.running import RunProgress, run_collection


@click.command()
@click.option("--progress", is_flag=True, help="Show how far it is: a bar on a terminal, lines elsewhere.")
@click.option(
    "--patience", default=60.0, show_default=True, help="Seconds to wait while the bank tells nothing new."
)
@readable
def collect(progress: bool, patience: float) -> None:
    """Request and send every deduction that is due, and wait for the bank's answers.

    A worker does the same by itself; both at once, and this one begun again, ask for nothing twice.
    """
    found = installation()
    found.require_ready()
    found.require_reconciled()
    with _watcher(progress) as tell:
        seen = run_collection(found.deps, tell, patience_seconds=patience)
    click.echo(_line(seen))
    sys.exit(0 if not seen.open else 3)


@contextmanager
def _watcher(progress: bool) -> Iterator[Callable[[RunProgress], None]]:
    if not progress:
        yield lambda _: None
    elif sys.stderr.isatty():
        with progress_bar("deductions") as draw:
            yield lambda seen: draw(seen.done, seen.total)
    else:
        yield lambda seen: click.echo(_line(seen), err=True)


def _line(seen: RunProgress) -> str:
    return (
        f"{seen.done} of {seen.total} answered: {seen.settled} settled, {seen.failed} failed,"
        f" {seen.open} open, {seen.waiting} not requested"
    )
