"""`fenqi-server dispute`: open one for a consumer, look at them, and decide."""

import click
from fenqi.finance.money import Money

from merchant_server.commands import installation, readable
from merchant_server.domain.dispute import DisputeReason, DisputeStatus
from merchant_server.services.disputes import finding
from merchant_server.services.disputes.closing import decide as decide_dispute
from merchant_server.services.disputes.opening import open_by_operator


@click.group()
def dispute() -> None:
    """Open disputes for consumers, and decide those that merchants challenged."""


@dispute.command("open")
@click.argument("loan_id")
@click.option("--by", required=True, help="Your name as a reviewer; somebody else has to decide it.")
@click.option("--reason", required=True, type=click.Choice([each.value for each in DisputeReason]))
@click.option("--text", required=True, help="What the consumer told you; the merchant reads it.")
@click.option("--amount", default=None, help="For example 500.00; otherwise all that is not refunded.")
@click.option("--currency", default="CNY", show_default=True)
@readable
def open_command(loan_id: str, by: str, reason: str, text: str, amount: str | None, currency: str) -> None:
    """Open a dispute for a consumer; deductions of the loan rest until it is decided."""
    money = Money.parse(amount, currency) if amount else None
    made = open_by_operator(installation().deps, by, loan_id, DisputeReason(reason), text, money)
    click.echo(f"{made.id} is open about {made.amount}; the merchant answers by {made.answer_due_on}")


@dispute.command("list")
@readable
def show_list() -> None:
    """List the live disputes, those to decide first."""
    for each in finding.queue(installation().deps):
        click.echo(
            f"{each.id}  {each.status:<18} {each.reason:<16} {each.amount!s:>16}  answer by {each.answer_due_on}"
        )


@dispute.command()
@click.argument("dispute_id")
@click.option("--by", required=True, help="Your name as a reviewer.")
@readable
def show(dispute_id: str, by: str) -> None:
    """Show one dispute with what both sides wrote."""
    found = finding.case(installation().deps, dispute_id, by)
    click.echo(
        f"{found.dispute.status}  {found.dispute.reason}  {found.dispute.amount}  {found.merchant_name}"
    )
    if found.words is None:
        click.echo("the consumer's data was erased")
        return
    click.echo(f"consumer: {found.words.statement.reveal()}")
    for each in found.words.evidence:
        click.echo(f"merchant: {each.text.reveal()} {' '.join(each.links)}".rstrip())
    if found.words.ruling:
        click.echo(f"decided:  {found.words.ruling.reveal()}")


@dispute.command()
@click.argument("dispute_id")
@click.argument("outcome", type=click.Choice(["won", "lost"]))
@click.option("--by", required=True, help="Your name as a reviewer.")
@click.option("--reason", required=True, help="10 to 1,000 characters; both sides read it.")
@readable
def decide(dispute_id: str, outcome: str, by: str, reason: str) -> None:
    """Decide a challenged dispute as won or lost by the merchant; a lost one is refunded at once."""
    made = decide_dispute(installation().deps, dispute_id, DisputeStatus(outcome), reviewer=by, reason=reason)
    click.echo(f"{made.id} is {made.status}" + (f", refunded by {made.refund_id}" if made.refund_id else ""))
