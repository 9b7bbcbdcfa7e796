"""What a script of `fenqi trigger` is given: a sale, somebody who plays consumer and bank, and the feed to wait at."""

import secrets
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import click

from fenqi.api.resources import Checkout, Event
from fenqi.cli.surroundings import Player, Surroundings
from fenqi.client import Client
from fenqi.errors import FenqiError, RequestTimeout
from fenqi.finance.money import Money
from fenqi.testing.sandbox_consumer import STRANGER, SandboxConsumer

_WAIT_SECONDS = 90


@dataclass
class SandboxPlayer:
    """Plays over HTTP against a sandbox installation: the pages, the desk, the test clock."""

    client: Client
    surroundings: Surroundings
    consumers: dict[str, SandboxConsumer] = field(default_factory=dict)

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
        self.consumers[checkout.id] = consumer
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
        self.let_days_pass(days)

    def let_days_pass(self, days: int) -> None:
        """Turn the test clock, which does day by day what falls due."""
        self.client.test_clock.advance(days=days)

    def revoke(self, checkout: Checkout) -> None:
        """Take the permission back at /my."""
        self.consumers[checkout.id].revoke(checkout.loan_id or "")

    def dispute(self, checkout: Checkout) -> None:
        """Object to the purchase at /my."""
        self.consumers[checkout.id].dispute(checkout.loan_id or "")


@dataclass
class Scene:
    """What an event's script is given: a client, somebody who plays consumer and bank, and the price of a sale."""

    client: Client
    player: Player
    surroundings: Surroundings
    amount: Money

    def sell(self, **more: Any) -> Checkout:
        """Make a checkout of the price; `more` as for client.checkouts.create."""
        return self.client.checkouts.create(
            amount=self.amount,
            reference=f"trigger-{secrets.token_hex(6)}",
            description="fenqi trigger",
            **more,
        )

    def sign(self, *, account: str = "0001", status: str = "captured", **more: Any) -> Checkout:
        """Sell and let it be signed, paying from the account with these last digits."""
        checkout = self.sell(**more)
        self.player.advance(checkout, status, account=account)
        return self.client.checkouts.retrieve(checkout.id)

    def say(self, text: str) -> None:
        """Tell whoever waits what is waited for."""
        click.echo(text, err=True)

    def await_event(self, kind: str, about: str, cursor: str | None) -> Event:
        """Return the first such event after a cursor, about one thing or, with "", about anything."""
        clock = self.surroundings.clock
        until = clock.now() + timedelta(seconds=_WAIT_SECONDS)
        while clock.now() < until:
            for event in self.client.events.list(after=cursor, limit=100):
                if event.type == kind and about in ("", event.aggregate.id):
                    return event
                cursor = event.cursor
            clock.sleep(0.5)
        raise RequestTimeout(
            f"{kind} did not happen within {_WAIT_SECONDS} s.",
            hint="Is the worker running (fenqi-server worker)?",
        )
