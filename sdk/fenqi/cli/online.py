"""`fenqi checkouts`: make and follow them."""

import json

import click

from fenqi import qr
from fenqi.api.resources import Checkout
from fenqi.cli.surroundings import Surroundings
from fenqi.finance.money import Money


@click.group()
def checkouts() -> None:
    """Make and follow checkouts."""


@checkouts.command()
@click.option("--amount", required=True, help="Price in major units, such as 3999.00.")
@click.option("--currency", default="CNY", show_default=True, help="ISO 4217 code.")
@click.option("--reference", required=True, help="Your order number.")
@click.option("--description", help="What is sold.")
@click.option(
    "--plan", "plan_ids", multiple=True, help="Id of a plan to offer; repeatable, all when left out."
)
@click.option("--qr", "with_qr", is_flag=True, help="Draw the link as a QR code.")
@click.option("--watch", is_flag=True, help="Follow the checkout to its end.")
@click.option("--json", "as_json", is_flag=True, help="Print the server's JSON, one line a state.")
@click.pass_obj
def create(
    surroundings: Surroundings,
    amount: str,
    currency: str,
    reference: str,
    description: str | None,
    plan_ids: tuple[str, ...],
    with_qr: bool,
    watch: bool,
    as_json: bool,
) -> None:
    """Make a checkout; the same order again gives the same one, and with other details it is refused."""
    client = surroundings.connect()
    checkout = client.checkouts.create(
        amount=Money.parse(amount, currency),
        reference=reference,
        description=description,
        plan_ids=list(plan_ids) or None,
    )
    _show(checkout, as_json)
    if with_qr and checkout.url and not as_json:
        click.echo(qr.terminal(checkout.url))
    if watch:
        for state in client.checkouts.watch(checkout.id):
            if state.sequence > checkout.sequence:
                _show(state, as_json)


def _show(checkout: Checkout, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(checkout.raw, ensure_ascii=False))
    else:
        until = checkout.expires_at.strftime("%H:%M:%S UTC")
        click.echo(
            f"{checkout.id}  {checkout.status}  {checkout.amount}  until {until}  {checkout.url or ''}".rstrip()
        )
