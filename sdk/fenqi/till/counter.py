"""`fenqi.Till`: sell while the shop has no network, and check offline that the customer signed.

The customer's phone has network; it carries the till's signed word to the server and the server's signed answer back.
Makes no network call itself, except in `reconcile`.
"""

import hmac
import os
import secrets
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Self

from fenqi.errors import APIError
from fenqi.finance.money import Money
from fenqi.till.errors import CodeWrong, TillRefused
from fenqi.till.grant import Grant
from fenqi.till.journal import Journal, OfflineSale, SaleStatus
from fenqi.till.keys import CODE_DIGITS, SecretKeys
from fenqi.till.messages import NONCE_BYTES, ReceiptMessage, SaleMessage, with_signature
from fenqi.till.receipts import code_bytes, read_receipt

if TYPE_CHECKING:
    from fenqi.api.resources import Checkout
    from fenqi.api.transport import Clock
    from fenqi.client import Client

TRIES_MAX = 5
METADATA_SALE = "offline_sale"
_SIGNED = frozenset({"authorized", "captured", "closed"})
_OVER = frozenset({"expired", "cancelled", "declined", "voided"})


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What the server said about the sales of the time without network.

    settled: signed, as both sides now know. lapsed: nobody signed. open: a phone is still at it.
    signed_after_cancel: the customer signed although the cashier had cancelled; refund these.
    unknown: confirmed by a code or receipt, yet the server has no signature; call for help.
    """

    settled: tuple[OfflineSale, ...] = ()
    lapsed: tuple[OfflineSale, ...] = ()
    open: tuple[OfflineSale, ...] = ()
    signed_after_cancel: tuple[OfflineSale, ...] = ()
    unknown: tuple[OfflineSale, ...] = ()


class Till:
    """One till with its key, the merchant's bounds, and a journal of what it sold."""

    def __init__(
        self,
        keys: SecretKeys,
        grant: Grant,
        journal: str | os.PathLike[str],
        *,
        clock: "Clock | None" = None,
        randomness: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        """Open the journal. Raises ConfigError, TillRefused (journal_unavailable)."""
        if clock is None:
            from fenqi.api.transport import SystemClock

            clock = SystemClock()
        self.grant = grant
        self._keys, self._clock, self._randomness = keys, clock, randomness
        self._public = keys.public
        self._journal = Journal(journal)

    @classmethod
    def open(cls, folder: str | os.PathLike[str], *, clock: "Clock | None" = None) -> Self:
        """Open a till's folder: till.key, grant.json and sales.sqlite. Raises ConfigError, TillRefused."""
        place = Path(folder)
        grant = Grant.read(place / "grant.json")
        return cls(SecretKeys.open(place / "till.key"), grant, place / "sales.sqlite", clock=clock)

    def sell(self, amount: Money, *, reference: str, plan_ids: Sequence[str] | None = None) -> OfflineSale:
        """Write a sale down, sign it, and return it with the link for its QR code.

        The same reference and amount give the same sale while its link can still be opened. plan_ids: some of the
        grant's, all when left out. Raises TillRefused when a bound is reached, ConfigError for a plan not granted.
        """
        now = self._clock.now()
        plans = self.grant.plans_bits(None if plan_ids is None else tuple(plan_ids))
        nonce = self._randomness(NONCE_BYTES)
        message = SaleMessage(self._public.fingerprint, nonce, now, amount, plans, reference)
        payload = message.payload()
        with self._journal.writing() as rows:
            known = self._journal.by_reference(rows, reference)
            if known is not None and self._still_good(known, amount, now):
                return known
            self._refuse_beyond_bounds(rows, amount, now)
            letters = with_signature(payload, self._keys.sign(message.signed_bytes()))
            sale = OfflineSale(
                id=message.id,
                reference=reference,
                amount=amount,
                url=f"{self.grant.public_url}/o/{letters}",
                issued_at=now,
                status=SaleStatus.SHOWN,
                tries=0,
                checkout_id=None,
            )
            self._journal.add(rows, sale, self.grant.day_of(now))
        return sale

    def sale(self, sale_id: str) -> OfflineSale:
        """Return a sale as it stands here. Raises TillRefused (offline_sale_unknown)."""
        with self._journal.writing() as rows:
            return self._journal.get(rows, sale_id)

    def sales(self, limit: int = 20) -> tuple[OfflineSale, ...]:
        """Return the newest sales."""
        with self._journal.writing() as rows:
            return tuple(self._journal.newest(rows, limit))

    def open_until(self, sale: OfflineSale) -> datetime:
        """Return until when a phone can open the sale's link."""
        return self.grant.open_until(sale.issued_at)

    def confirm(self, sale_id: str, code: str) -> OfflineSale:
        """Check the eight digits that the customer's phone shows, without network.

        Five tries a sale: a customer who guesses is right at most five times in 10**8. Spaces do not matter.
        Raises CodeWrong with the tries left, TillRefused (offline_tries_spent, offline_sale_over).
        """
        plain = "".join(code.split())
        with self._journal.writing() as rows:
            sale = self._confirmable(rows, sale_id)
            if sale.status != SaleStatus.SHOWN:
                return sale
            if sale.tries >= TRIES_MAX:
                raise TillRefused(
                    "Too many wrong codes were typed for this sale.",
                    code="offline_tries_spent",
                    hint="Scan the receipt on the customer's phone, or wait for the network.",
                )
            right = self._digits(sale)
            if len(plain) == CODE_DIGITS and plain.isascii() and hmac.compare_digest(plain, right):
                return self._journal.change(rows, sale_id, SaleStatus.CONFIRMED)
            sale = self._journal.change(rows, sale_id, SaleStatus.SHOWN, tries=sale.tries + 1)
        # The try is counted for good before anybody learns that it was wrong.
        raise CodeWrong(TRIES_MAX - sale.tries)

    def confirm_receipt(self, text: str) -> OfflineSale:
        """Check the receipt that the customer's phone shows as a QR code, without network.

        Raises TillRefused: offline_receipt_forged, offline_receipt_foreign (another till's, or another amount),
        offline_sale_over, offline_token_malformed.
        """
        receipt = read_receipt(text, self.grant.server_keys)
        with self._journal.writing() as rows:
            foreign = receipt.fingerprint != self._public.fingerprint
            sale = None if foreign else self._confirmable(rows, receipt.nonce.hex())
            if sale is None or sale.amount != receipt.amount:
                raise TillRefused(
                    "This receipt is for another sale.",
                    code="offline_receipt_foreign",
                    hint="Scan the receipt of the sale that this till shows.",
                )
            if sale.status != SaleStatus.SHOWN:
                return sale
            return self._journal.change(rows, sale.id, SaleStatus.CONFIRMED)

    def cancel(self, sale_id: str) -> OfflineSale:
        """Give a sale up here; a phone that has its link may still sign, and then `reconcile` says so.

        Raises TillRefused (offline_sale_over) when it was confirmed.
        """
        with self._journal.writing() as rows:
            sale = self._journal.get(rows, sale_id)
            if sale.status in (SaleStatus.CANCELLED, SaleStatus.LAPSED):
                return sale
            if sale.status != SaleStatus.SHOWN:
                raise _over(sale)
            return self._journal.change(rows, sale_id, SaleStatus.CANCELLED)

    def reconcile(self, client: "Client") -> Reconciliation:
        """Ask the server about every unfinished sale, once the network is back. Safe to repeat, and to break off.

        Cancels at the server what was cancelled here and is not signed. Raises APIError, TransportError, NotFenqi.
        """
        with self._journal.writing() as rows:
            unfinished = self._journal.unfinished(rows)
        found: dict[str, list[OfflineSale]] = {}
        for sale in unfinished:
            outcome, ended = self._settle(client, sale)
            found.setdefault(outcome, []).append(ended)
        return Reconciliation(**{outcome: tuple(sales) for outcome, sales in found.items()})

    def _settle(self, client: "Client", sale: OfflineSale) -> tuple[str, OfflineSale]:
        checkout = self._at_server(client, sale)
        if checkout is not None and sale.status == SaleStatus.CANCELLED:
            checkout = self._cancel_there(client, checkout)
        with self._journal.writing() as rows:
            if checkout is not None and checkout.status in _SIGNED:
                ended = self._journal.change(rows, sale.id, SaleStatus.SETTLED, checkout_id=checkout.id)
                return ("signed_after_cancel" if sale.status == SaleStatus.CANCELLED else "settled"), ended
            if sale.status == SaleStatus.CONFIRMED and (checkout is None or checkout.status != "voided"):
                return "unknown", sale
            never_opened = checkout is None and self._clock.now() > self.grant.open_until(sale.issued_at)
            if never_opened or (checkout is not None and checkout.status in _OVER):
                there = checkout.id if checkout else None
                return "lapsed", self._journal.change(rows, sale.id, SaleStatus.LAPSED, checkout_id=there)
            return "open", sale

    @staticmethod
    def _at_server(client: "Client", sale: OfflineSale) -> "Checkout | None":
        same = client.checkouts.list(reference=sale.reference)
        return next((each for each in same if each.metadata.get(METADATA_SALE) == sale.id), None)

    @staticmethod
    def _cancel_there(client: "Client", checkout: "Checkout") -> "Checkout":
        if checkout.status in _SIGNED | _OVER:
            return checkout
        try:
            return client.checkouts.cancel(checkout.id, confirm=True)
        except APIError:
            return client.checkouts.retrieve(checkout.id)

    def _still_good(self, sale: OfflineSale, amount: Money, now: datetime) -> bool:
        if sale.status not in (SaleStatus.SHOWN, SaleStatus.CONFIRMED, SaleStatus.SETTLED):
            return False
        if sale.amount != amount:
            raise TillRefused(
                "This reference was sold at another amount.",
                code="offline_reference_taken",
                field="reference",
                hint="Cancel that sale first, or use another reference.",
            )
        return sale.status != SaleStatus.SHOWN or now <= self.open_until(sale)

    def _refuse_beyond_bounds(self, rows: sqlite3.Connection, amount: Money, now: datetime) -> None:
        grant = self.grant
        if amount.currency != grant.currency or amount.minor < 1:
            raise TillRefused(
                f"This till sells in {grant.currency}, for more than nothing.",
                code="argument_invalid",
                field="amount",
                hint=f'Write Money.parse("100.00", "{grant.currency}").',
            )
        count, sold_minor = self._journal.sold_on(rows, grant.day_of(now))
        over_sale = amount.minor > grant.sale_minor_max
        if not over_sale and count < grant.day_count_max and sold_minor + amount.minor <= grant.day_minor_max:
            return
        raise TillRefused(
            f"Without network this till sells at most {grant.sale_max} at a time."
            if over_sale
            else "This till has sold what it may sell in a day without network.",
            code="offline_amount_over_limit" if over_sale else "offline_day_over_limit",
            field="amount",
            hint="Take another way to pay, or wait for the network.",
        )

    def _confirmable(self, rows: sqlite3.Connection, sale_id: str) -> OfflineSale:
        sale = self._journal.get(rows, sale_id)
        if sale.status in (SaleStatus.CANCELLED, SaleStatus.LAPSED):
            raise _over(sale)
        return sale

    def _digits(self, sale: OfflineSale) -> str:
        nonce = bytes.fromhex(sale.id)
        message = ReceiptMessage(self._public.fingerprint, nonce, sale.issued_at, sale.amount)
        return self._keys.digits(self.grant.server_keys, self._public.fingerprint, code_bytes(message))


def _over(sale: OfflineSale) -> TillRefused:
    return TillRefused(
        f"This sale is {sale.status.value}.", code="offline_sale_over", hint="Make a new sale."
    )
