"""`fenqi-server loan`: relief that one operator proposes and another one grants, and money that goes back."""

import click

from merchant_server.commands import installation, readable
from merchant_server.domain.relief_proposal import (
    EXTENSION_MONTHS_MAX,
    HARDSHIP_INSTALLMENTS_MAX,
    ReliefKind,
)
from merchant_server.services.collection import proposals
from merchant_server.services.settlement import money_returns


@click.group()
def loan() -> None:
    """Grant relief on loans: two operators, one proposes and another one approves."""


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
