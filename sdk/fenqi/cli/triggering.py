"""`fenqi trigger`: make an event happen in test mode, by doing what makes it happen: a sale, a signature, a due day."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Protocol

import click

from fenqi.api.resources import Checkout, Event
from fenqi.cli import Surroundings
from fenqi.cli.feed import show
from fenqi.cli.listening import newest_cursor
from fenqi.client import Client
from fenqi.errors import FenqiError, RequestTimeout
from fenqi.finance.money import Money
from fenqi.testing.sandbox_consumer import STRANGER, SandboxConsumer

_WAIT_SECONDS = 90
_EXPIRES_IN_SECONDS = 60


class Player(Protocol):
    """Who plays the consumer and the bank; tests bring one that plays against the fake server."""

    def advance(self, checkout: Checkout, to: str, *, account: str = "0001") -> None:
        """Go through the checkout until it has this status."""
        ...

    def fall_due(self, loan_id: str) -> None:
        """Let the loan's next installment fall due."""
        ...


@dataclass
class SandboxPlayer:
    """Plays over HTTP against a sandbox installation: the pages, the desk, the test clock."""

    client: Client
    surroundings: Surroundings

    def advance(self, checkout: Checkout, to: str, *, account: str = "0001") -> None:
        """Walk the pages as a consumer; another person each time, so that no limit of codes is met."""
        if checkout.url is None:
            raise FenqiError("The server gave no link to the checkout.")
        refused = to in ("declined", "referred")
        consumer = SandboxConsumer(
            self.client.base_url,
            self.surroundings.clock,
            id_number=STRANGER if refused else None,
            account=account,
        )
        consumer.walk(checkout.url, "declined" if refused else to)
        if to == "referred":
            consumer.ask_for_review(checkout.url)

    def fall_due(self, loan_id: str) -> None:
        """Turn the test clock to the day after the next open installment is due."""
        loan = self.client.loans.retrieve(loan_id)
        due = next(
            row.due_on for row in loan.installments if row.status not in ("paid", "refunded", "waived")
        )
        now = self.client.test_clock.retrieve().now
        days = max((due - now.date()).days + 1, 1)
        self.client.test_clock.advance(days=days)


@dataclass
class _Scene:
    """What an event's script is given."""

    client: Client
    player: Player
    surroundings: Surroundings
    amount: Money

    def sell(self, *, capture: str = "automatic", expires_in_seconds: int | None = None) -> Checkout:
        return self.client.checkouts.create(
            amount=self.amount,
            reference=f"trigger-{secrets.token_hex(6)}",
            description="fenqi trigger",
            capture=capture,
            expires_in_seconds=expires_in_seconds,
        )

    def sign(self, *, account: str = "0001") -> Checkout:
        checkout = self.sell()
        self.player.advance(checkout, "captured", account=account)
        return self.client.checkouts.retrieve(checkout.id)

    def collect(self, *, account: str = "0001") -> str:
        loan_id = self.sign(account=account).loan_id or ""
        self.player.fall_due(loan_id)
        return loan_id

    def await_event(self, kind: str, about: set[str], cursor: str | None) -> Event:
        clock = self.surroundings.clock
        until = clock.now() + timedelta(seconds=_WAIT_SECONDS)
        while clock.now() < until:
            for event in self.client.events.list(after=cursor, limit=100):
                if event.type == kind and event.aggregate.id in about:
                    return event
                cursor = event.cursor
            clock.sleep(0.5)
        raise RequestTimeout(
            f"{kind} did not happen within {_WAIT_SECONDS} s.",
            hint="Is the worker running (fenqi-server worker)?",
        )


def _reach(status: str) -> Callable[[_Scene], str]:
    def script(scene: _Scene) -> str:
        checkout = scene.sell(capture="manual" if status == "authorized" else "automatic")
        scene.player.advance(checkout, status)
        return checkout.id

    return script


def _cancel(scene: _Scene) -> str:
    return scene.client.checkouts.cancel(scene.sell().id).id


def _expire(scene: _Scene) -> str:
    checkout = scene.sell(expires_in_seconds=_EXPIRES_IN_SECONDS)
    click.echo(f"Waiting {_EXPIRES_IN_SECONDS} s for {checkout.id} to expire.", err=True)
    scene.surroundings.clock.sleep(_EXPIRES_IN_SECONDS + 1)
    return checkout.id


def _repay(scene: _Scene) -> str:
    return _pay_all(scene, scene.sign().loan_id or "")


def _close(scene: _Scene) -> str:
    checkout = scene.sign()
    _pay_all(scene, checkout.loan_id or "")
    return checkout.id


def _pay_all(scene: _Scene, loan_id: str) -> str:
    for _ in scene.client.loans.retrieve(loan_id).installments:
        cursor = newest_cursor(scene.client)
        scene.player.fall_due(loan_id)
        scene.await_event("installment.paid", {loan_id}, cursor)
    return loan_id


SCRIPTS: Final[dict[str, Callable[[_Scene], str]]] = {
    "checkout.closed": _close,
    "checkout.created": lambda scene: scene.sell().id,
    "checkout.cancelled": _cancel,
    "checkout.expired": _expire,
    "checkout.opened": _reach("opened"),
    "checkout.deciding": _reach("offered"),
    "checkout.offered": _reach("offered"),
    "checkout.declined": _reach("declined"),
    "checkout.referred": _reach("referred"),
    "checkout.signing": _reach("signing"),
    "checkout.authorized": _reach("authorized"),
    "checkout.captured": lambda scene: scene.sign().id,
    "loan.created": lambda scene: scene.sign().loan_id or "",
    "installment.paid": lambda scene: scene.collect(),
    "loan.repaid": _repay,
    "deduction.failed": lambda scene: scene.collect(account="0002"),
}


@click.command()
@click.argument("event", type=click.Choice(sorted(SCRIPTS)))
@click.option("--amount", default="600.00", show_default=True, help="Price of the sale, in major units.")
@click.option("--currency", default="CNY", show_default=True, help="ISO 4217 code.")
@click.option("--json", "as_json", is_flag=True, help="Print the event's JSON.")
@click.pass_obj
def trigger(surroundings: Surroundings, event: str, amount: str, currency: str, as_json: bool) -> None:
    """Do in the sandbox what makes EVENT happen, and print it: a real sale with a made-up person."""
    client = surroundings.connect()
    player = surroundings.player or SandboxPlayer(client, surroundings)
    cursor = newest_cursor(client)
    scene = _Scene(client, player, surroundings, Money.parse(amount, currency))
    about = SCRIPTS[event](scene)
    show(scene.await_event(event, {about}, cursor), as_json=as_json)
