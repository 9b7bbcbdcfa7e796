"""`fenqi-server review` and `fenqi-server block`: cases for people, and whom the fraud rules stop."""

import click
from fenqi.finance.money import Money

from merchant_server.commands import installation, readable
from merchant_server.services.decisioning import reviewing, watching


@click.group()
def review() -> None:
    """Look at the cases that a policy referred or a consumer sent."""


@review.command("queue")
@readable
def show_queue() -> None:
    """List the open cases, the one whose target time is nearest first."""
    for each in reviewing.queue(installation().deps):
        asked = f"asked by the {each.asked_by} {each.asked_at:%Y-%m-%d %H:%M}"
        click.echo(f"{each.id}  {each.decision_id}  due {each.due_at:%Y-%m-%d %H:%M} UTC  {asked}")


@review.command()
@click.argument("review_id")
@click.option("--by", required=True, help="Your name as a reviewer.")
@readable
def case(review_id: str, by: str) -> None:
    """Show one case: the person masked, the figures, and the rules that fired."""
    found = reviewing.case(installation().deps, review_id, by)
    click.echo(f"{found.masked_name}  {found.masked_id_number}  {found.masked_phone}")
    shop = found.merchant_name or "no shop yet"
    click.echo(f"{found.amount} at {shop}, grade {found.grade or '-'}, by {found.policy_version}")
    for reason in found.reasons:
        click.echo(f"  {reason.code}: {reason.text_en}")
    for name, value in found.features.items():
        click.echo(f"  {name:<28} {value}")


@review.command()
@click.argument("review_id")
@click.option("--by", required=True, help="Your name as a reviewer.")
@click.option("--reason", required=True)
@click.option(
    "--limit", default=None, help="The whole line, for example 5000.00; otherwise what was asked for."
)
@click.option("--currency", default="CNY", show_default=True)
@readable
def approve(review_id: str, by: str, reason: str, limit: str | None, currency: str) -> None:
    """Say yes and grant a line."""
    money = Money.parse(limit, currency) if limit else None
    made = reviewing.approve(installation().deps, review_id, reviewer=by, reason=reason, limit=money)
    click.echo(f"{made.id} is approved with a line of {Money(made.limit_minor, made.currency)}")


@review.command()
@click.argument("review_id")
@click.option("--by", required=True, help="Your name as a reviewer.")
@click.option("--reason", required=True)
@readable
def decline(review_id: str, by: str, reason: str) -> None:
    """Say no."""
    made = reviewing.decline(installation().deps, review_id, reviewer=by, reason=reason)
    click.echo(f"{made.id} is declined")


@review.command("add-reviewer")
@click.argument("name")
@click.option("--id-number", prompt="Their own id number (kept as a keyed hash)", hide_input=True)
@readable
def add_reviewer(name: str, id_number: str) -> None:
    """Let somebody review; their id number tells when a case is their own."""
    reviewing.add_reviewer(installation().deps, name, id_number)
    click.echo(f"{name} may review")


@click.group()
def block() -> None:
    """Keep the block list."""


@block.command("add")
@click.argument("kind", type=click.Choice(watching.KINDS))
@click.option("--key", prompt="Id number, phone (+86…), device or address prefix", hide_input=True)
@click.option("--reason", required=True)
@click.option("--by", required=True)
@readable
def add_block(kind: str, key: str, reason: str, by: str) -> None:
    """Block a person, phone, device or address; only a keyed hash is kept."""
    click.echo(watching.block(installation().deps, kind, key, reason=reason, by=by))


@block.command("lift")
@click.argument("block_id")
@click.option("--by", required=True)
@readable
def lift_block(block_id: str, by: str) -> None:
    """Take a block away."""
    watching.lift(installation().deps, block_id, by=by)
    click.echo(f"{block_id} is lifted")


@block.command("list")
@readable
def list_blocks() -> None:
    """List the live blocks."""
    for each in watching.block_list(installation().deps):
        click.echo(
            f"{each['id']}  {each['kind']:<8} {each['added_at'][:10]}  {each['added_by']}: {each['reason']}"
        )
