"""`fenqi-server loan`: relief by two operators, pauses, the day of deduction, and money that goes back."""

import click

from merchant_server.commands import installation, readable
from merchant_server.domain.deduction_day import LAST_SURE_DAY, MONTH_END
from merchant_server.domain.loan import SuspensionReason
from merchant_server.domain.relief_proposal import (
    EXTENSION_MONTHS_MAX,
    HARDSHIP_INSTALLMENTS_MAX,
    ReliefKind,
)
from merchant_server.services.collection import proposals
from merchant_server.services.collection.moving_day import move_day
from merchant_server.services.collection.suspending import resume_collection, suspend_collection
from merchant_server.services.settlement import money_returns


@click.group()
def loan() -> None:
    """Grant relief on loans (one operator proposes, another approves), pause collection, move its day."""


@loan.command()
@click.argument("loan_id")
@click.option("--minor", type=int, required=True, help="How much, in minor units.")
@click.option("--reason", required=True)
@click.option("--by", required=True, help="Your name.")
@readable
def waive(loan_id: str, minor: int, reason: str, by: str) -> None:
    """Propose to take an amount off penalties, fees and interest, in this order."""
    _propose(loan_id, ReliefKind.WAIVER, {"minor": minor}, reason, by)


@loan.command()
@click.argument("loan_id")
@click.option("--months", type=int, required=True, help=f"1 to {EXTENSION_MONTHS_MAX}.")
@click.option("--reason", required=True)
@click.option("--by", required=True, help="Your name.")
@readable
def extend(loan_id: str, months: int, reason: str, by: str) -> None:
    """Propose to move every open installment by whole months, without more interest."""
    _propose(loan_id, ReliefKind.EXTENSION, {"months": months}, reason, by)


@loan.command()
@click.argument("loan_id")
@click.option("--installments", type=int, required=True, help=f"1 to {HARDSHIP_INSTALLMENTS_MAX}.")
@click.option("--reason", required=True)
@click.option("--by", required=True, help="Your name.")
@readable
def hardship(loan_id: str, installments: int, reason: str, by: str) -> None:
    """Propose an individual plan: what is owed in equal monthly installments, without more interest."""
    _propose(loan_id, ReliefKind.HARDSHIP, {"installments": installments}, reason, by)


@loan.command("write-off")
@click.argument("loan_id")
@click.option("--reason", required=True)
@click.option("--by", required=True, help="Your name.")
@readable
def write_off(loan_id: str, reason: str, by: str) -> None:
    """Propose to write an overdue loan off; what still arrives is a recovery, and the person borrows no more."""
    _propose(loan_id, ReliefKind.WRITE_OFF, {}, reason, by)


@loan.command()
@click.argument("loan_id")
@click.option("--for", "reason", type=click.Choice([each.value for each in SuspensionReason]), required=True)
@click.option("--reason", "note", required=True, help="In words, for the audit log.")
@click.option("--by", required=True, help="Your name.")
@readable
def suspend(loan_id: str, reason: str, note: str, by: str) -> None:
    """Let the collection rest: nothing is deducted, nothing turns overdue, until it is resumed."""
    made = suspend_collection(installation().deps, loan_id, SuspensionReason(reason), note=note, by=by)
    click.echo(f"{made.id} rests: {made.collection_paused_reason}")


@loan.command()
@click.argument("loan_id")
@click.option("--reason", "note", required=True, help="In words, for the audit log.")
@click.option("--by", required=True, help="Your name.")
@readable
def resume(loan_id: str, note: str, by: str) -> None:
    """Go on collecting, unless a dispute pauses the loan as well."""
    made = resume_collection(installation().deps, loan_id, note=note, by=by)
    paused = made.collection_paused_reason
    click.echo(f"{made.id} rests: {paused}" if paused else f"{made.id} is collected again")


@loan.command("move-day")
@click.argument("loan_id")
@click.option(
    "--day",
    type=int,
    required=True,
    help=f"1 to {LAST_SURE_DAY}, or {MONTH_END} for the last of each month.",
)
@click.option("--reason", required=True)
@click.option("--by", required=True, help="Your name.")
@readable
def move_deduction_day(loan_id: str, day: int, reason: str, by: str) -> None:
    """Deduct on another day of the month from now on; what is owed stays the same."""
    made = move_day(installation().deps, loan_id, day, reason=reason, by=by)
    click.echo(f"{made.id} is deducted on day {day} from now on")


@loan.command("proposals")
@readable
def list_proposals() -> None:
    """List what waits for a second operator, oldest first."""
    for each in proposals.open_proposals(installation().deps):
        terms = " ".join(f"{name}={value}" for name, value in each.terms.items())
        click.echo(f"{each.id}  {each.loan_id}  {each.kind} {terms}  by {each.proposed_by}: {each.reason}")


@loan.command()
@click.argument("proposal_id")
@click.option("--by", required=True, help="Your name; not the proposer's.")
@readable
def approve(proposal_id: str, by: str) -> None:
    """Grant a proposal of another operator: the loan changes at once."""
    changed = proposals.approve(installation().deps, proposal_id, by=by)
    click.echo(f"{changed.id} is {changed.status}, {changed.outstanding} is owed")


@loan.command()
@click.argument("proposal_id")
@click.option("--by", required=True, help="Your name.")
@readable
def reject(proposal_id: str, by: str) -> None:
    """Turn a proposal down."""
    click.echo(f"{proposals.reject(installation().deps, proposal_id, by=by).id} is rejected")


@loan.command("return-money")
@click.argument("loan_id")
@click.option("--by", required=True, help="Your name.")
@readable
def return_money(loan_id: str, by: str) -> None:
    """Send money that came in for a loan and pays nothing back to the account it came from."""
    made = money_returns.return_money_of_loan(installation().deps, loan_id, by=by)
    click.echo(f"{made.id}: {made.amount} is on its way")


def _propose(loan_id: str, kind: ReliefKind, terms: dict[str, int], reason: str, by: str) -> None:
    made = proposals.propose(installation().deps, loan_id, kind, terms, reason=reason, by=by)
    click.echo(f"{made.id} waits for another operator: fenqi-server loan approve {made.id} --by NAME")
