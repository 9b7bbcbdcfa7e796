"""`fenqi checkouts` and `fenqi doctor`: one key, one server."""

import json
import os

import click

from fenqi import qr, webhooks
from fenqi.api.resources import Checkout
from fenqi.cli import Surroundings
from fenqi.client import Client
from fenqi.errors import APIError, ConfigError, FenqiError
from fenqi.finance.money import Money

# Webhooks tolerate five minutes; a clock that is a minute off deserves a word before that.
SKEW_WARNED_SECONDS = 60


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
    """Make a checkout; the same reference and amount give the same one."""
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


@click.command()
@click.pass_obj
def doctor(surroundings: Surroundings) -> None:
    """Check the key, the server and this machine's clock; exit 1 when something is wrong."""
    problems = 0
    try:
        client = surroundings.connect()
    except ConfigError as error:
        _line(False, "settings", str(error))
        raise click.exceptions.Exit(1) from None
    _line(True, "settings", f"a key is set; server {client.base_url}")
    try:
        skew_seconds = _skew_seconds(client, surroundings)
    except APIError as error:
        _line(True, "server", "reachable")
        _line(False, "key", str(error))
        raise click.exceptions.Exit(1) from None
    except FenqiError as error:
        _line(False, "server", str(error))
        raise click.exceptions.Exit(1) from None
    _line(True, "server", "reachable, and it is fenqi")
    _line(True, "key", "accepted")
    if skew_seconds is None:
        _line(True, "clock", "not compared: the server sent no Date")
    else:
        good = abs(skew_seconds) <= SKEW_WARNED_SECONDS
        problems += not good
        allowed = webhooks.TOLERANCE_SECONDS
        _line(
            good, "clock", f"{skew_seconds:+d} s against the server (webhooks allow {allowed} s either way)"
        )
    secret = os.environ.get("FENQI_WEBHOOK_SECRET")
    if secret is not None:
        good = _secret_usable(secret)
        problems += not good
        _line(good, "webhook secret", "usable" if good else "not usable: copy the whole whsec_… text")
    if problems:
        raise click.exceptions.Exit(1)


def _skew_seconds(client: Client, surroundings: Surroundings) -> int | None:
    there = client.server_time()
    return None if there is None else round((surroundings.clock.now() - there).total_seconds())


def _secret_usable(secret: str) -> bool:
    try:
        webhooks.secret_key(secret)
    except webhooks.SignatureVerificationError:
        return False
    return True


def _line(good: bool, what: str, detail: str) -> None:
    mark = click.style("ok  ", fg="green") if good else click.style("FAIL", fg="red")
    click.echo(f"{mark} {what}: {detail}")
