"""The sales inside the fake server: checkouts, loans and events in memory. Speaks no HTTP and signs nothing.

It follows the real server's states and events; everybody gets credit, and money moves only when played.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from fenqi.errors import FenqiError, InvalidArgument
from fenqi.finance.errors import CurrencyMismatch, RepaymentError
from fenqi.finance.lines import Line, checked_lines
from fenqi.finance.money import Money
from fenqi.finance.plan import Plan
from fenqi.finance.schedule import build_schedule
from fenqi.ids import CHECKOUT, EVENT, LOAN, RANDOM_BYTES, MonotonicIds
from fenqi.offers import quote
from fenqi.testing.fake_json import checkout_json, loan_json
from fenqi.testing.fake_records import FakeCheckout, FakeLoan
from fenqi.wire import EventSchema

PATH = ("created", "opened", "deciding", "offered", "signing", "authorized", "captured", "closed")
_SIDEWAYS = {"declined": "deciding", "referred": "deciding"}
_OVER = ("paid", "refunded")
AUTHORIZED_DAYS = 7


class TransitionNotAllowed(FenqiError):
    """The state of a checkout or loan does not allow this. Attributes: status, wanted."""

    default_code = "transition_not_allowed"

    def __init__(self, status: str, wanted: str) -> None:
        self.status, self.wanted = status, wanted
        super().__init__(f"What is {status} cannot become {wanted}.")


@dataclass
class FakeSales:
    """All sales of the fake server. Methods raise KeyError for unknown ids and TransitionNotAllowed."""

    plans: dict[str, Plan]
    base_url: str
    checkouts: dict[str, FakeCheckout] = field(default_factory=dict)
    loans: dict[str, FakeLoan] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    texts: list[tuple[str, str]] = field(default_factory=list)
    _ids: MonotonicIds = field(default_factory=MonotonicIds)

    def new_id(self, prefix: str, now: datetime) -> str:
        """Make an id; the same calls at the same times give the same ids."""
        return self._ids.new(prefix, int(now.timestamp() * 1000), bytes(RANDOM_BYTES))

    def create(self, draft: dict[str, Any], now: datetime) -> FakeCheckout:
        """Store a new checkout. Raises InvalidArgument for an unknown plan."""
        for plan_id in draft["plan_ids"] or ():
            if plan_id not in self.plans:
                raise InvalidArgument(f"There is no plan {plan_id!r}.", field="plan_ids")
        draft["lines"] = _checked_lines(draft)
        checkout_id = self.new_id(CHECKOUT, now)
        checkout = FakeCheckout(
            id=checkout_id,
            draft=draft,
            created_at=now,
            expires_at=now + timedelta(seconds=draft["expires_in_seconds"]),
            url=f"{self.base_url}/p/{checkout_id.partition('_')[2]}",
        )
        self.checkouts[checkout.id] = checkout
        self._emit("checkout.created", checkout, now)
        return checkout

    def offers(self, query: dict[str, Any], now: datetime) -> list[dict[str, Any]]:
        """Price an amount, as a loaded OfferQuerySchema asks. Raises InvalidArgument for an unknown plan."""
        chosen = (query["plan_ids"] or ",".join(self.plans)).split(",")
        if unknown := set(chosen) - set(self.plans):
            raise InvalidArgument(f"There is no plan {min(unknown)!r}.", field="plan_ids")
        amount = Money(query["amount_minor"], query["currency"])
        priced = quote(amount, [self.plans[plan_id] for plan_id in chosen], now.date())
        return [{"object": "offer", **each.to_dict()} for each in priced]

    def expire_due(self, now: datetime) -> None:
        """Expire every unsigned checkout whose time has passed."""
        for checkout in self.checkouts.values():
            if checkout.is_unsigned and checkout.expires_at <= now:
                self._enter(checkout, "expired", now)

    def cancel(self, checkout: FakeCheckout, now: datetime) -> None:
        """Cancel an unsigned checkout; cancelling twice is one cancelling."""
        if checkout.status != "cancelled":
            if not checkout.is_unsigned:
                raise TransitionNotAllowed(checkout.status, "cancelled")
            self._enter(checkout, "cancelled", now)

    def advance(self, checkout: FakeCheckout, to: str, now: datetime) -> None:
        """Walk the checkout to a status, one transition and one event at a time."""
        if to in ("expired", "cancelled"):
            if not checkout.is_unsigned:
                raise TransitionNotAllowed(checkout.status, to)
            self._enter(checkout, to, now)
            return
        through = _SIDEWAYS.get(to, to)
        if through not in PATH or checkout.status not in PATH:
            raise TransitionNotAllowed(checkout.status, to)
        here, there = PATH.index(checkout.status), PATH.index(through)
        if there < here or (there == here and to == checkout.status):
            raise TransitionNotAllowed(checkout.status, to)
        for status in PATH[here + 1 : there + 1]:
            self._enter(checkout, status, now)
        if to in _SIDEWAYS:
            self._enter(checkout, to, now)
        elif to == "authorized" and checkout.draft["capture"] == "automatic":
            self._enter(checkout, "captured", now)

    def send_link(self, checkout: FakeCheckout, phone: str) -> None:
        """Put a text of (phone, link) down. Raises TransitionNotAllowed when a phone has opened it."""
        if checkout.status != "created":
            raise TransitionNotAllowed(checkout.status, "sent")
        self.texts.append((phone, checkout.url))

    def capture(self, checkout: FakeCheckout, amount: Money | None, now: datetime) -> None:
        """Capture a part of the signed amount, or all that is left. Raises InvalidArgument beyond that."""
        total: Money = checkout.draft["amount"]
        if checkout.status not in ("authorized", "captured"):
            raise TransitionNotAllowed(checkout.status, "captured")
        left = total.minor - checkout.captured_minor - checkout.voided_minor
        if amount is not None and amount.currency != total.currency:
            raise InvalidArgument(f"Expected {total.currency}.", field="amount.currency")
        wanted = left if amount is None else amount.minor
        if not left:
            raise TransitionNotAllowed(checkout.status, "captured")
        if not 1 <= wanted <= left:
            raise InvalidArgument(f"Expected at most {left} minor units.", field="amount.minor")
        checkout.captured_minor += wanted
        if wanted == left:
            checkout.authorized_until = None
        self._enter(checkout, "captured", now, take_all=False)

    def voidable(self, checkout: FakeCheckout, amount: Money | None) -> Money:
        """Return what a void gives up. Raises InvalidArgument beyond what is left."""
        total: Money = checkout.draft["amount"]
        left = total.minor - checkout.captured_minor - checkout.voided_minor
        if checkout.status not in ("authorized", "captured") or not left:
            raise TransitionNotAllowed(checkout.status, "voided")
        if amount is not None and amount.currency != total.currency:
            raise InvalidArgument(f"Expected {total.currency}.", field="amount.currency")
        if amount is not None and not 1 <= amount.minor <= left:
            raise InvalidArgument(f"Expected at most {left} minor units.", field="amount.minor")
        return amount or Money(left, total.currency)

    def void(self, checkout: FakeCheckout, amount: Money | None, now: datetime) -> Money:
        """Void a part of what is not captured, or all of that, and return it. Raises InvalidArgument."""
        given_up = self.voidable(checkout, amount)
        checkout.voided_minor += given_up.minor
        rest = checkout.draft["amount"].minor - checkout.captured_minor - checkout.voided_minor
        if rest:
            checkout.sequence += 1
            self._emit("checkout.reduced", checkout, now)
            return given_up
        checkout.authorized_until = None
        self._enter(checkout, "captured" if checkout.captured_minor else "voided", now, take_all=False)
        return given_up

    def pay_installment(self, loan: FakeLoan, now: datetime) -> None:
        """Pay the next unpaid installment in full; the last one repays the loan and closes its checkout."""
        row = next((row for row in loan.rows if row["status"] not in _OVER), None)
        if row is None:
            raise TransitionNotAllowed(loan.status, "repaid")
        self.receive(loan, row["outstanding"], now)

    def receive(self, loan: FakeLoan, amount: Money, now: datetime) -> None:
        """Pay what is owed, the earliest due first; what pays the last row repays the loan and closes its checkout."""
        left, finished = amount.minor, False
        for row in loan.rows:
            part = 0 if row["status"] in _OVER else min(left, row["outstanding"].minor)
            if not part:
                continue
            left -= part
            row.update(
                paid=Money(row["paid"].minor + part, amount.currency),
                outstanding=Money(row["outstanding"].minor - part, amount.currency),
            )
            if not row["outstanding"].minor:
                row["status"], finished = "paid", True
        self.changed(loan, "installment.paid" if finished else "installment.partly_paid", now)
        if all(row["status"] in _OVER for row in loan.rows):
            loan.status = "repaid"
            self.changed(loan, "loan.repaid", now)
            if loan.checkout.status == "captured":
                self._enter(loan.checkout, "closed", now)

    def _enter(self, checkout: FakeCheckout, status: str, now: datetime, *, take_all: bool = True) -> None:
        checkout.status = status
        checkout.sequence += 1
        if status == "signing":
            checkout.plan_id = (checkout.draft["plan_ids"] or list(self.plans))[0]
        if status == "authorized":
            checkout.authorized_until = now + timedelta(days=AUTHORIZED_DAYS)
            self._sign(checkout, now)
        if status == "captured" and take_all:
            checkout.authorized_until = None
            checkout.captured_minor = checkout.draft["amount"].minor
        self._emit(f"checkout.{status}", checkout, now)

    def _sign(self, checkout: FakeCheckout, now: datetime) -> None:
        schedule = build_schedule(self.plans[checkout.plan_id or ""], checkout.draft["amount"], now.date())
        nothing = Money(0, checkout.draft["amount"].currency)
        rows = [
            {
                "number": row.number,
                "due_on": row.due_on,
                "principal": row.principal,
                "interest": row.interest,
                "fee": row.fee,
                "total": row.total,
                "paid": nothing,
                "penalty": nothing,
                "penalty_paid": nothing,
                "outstanding": row.total,
                "status": "scheduled",
            }
            for row in schedule.installments
        ]
        loan = FakeLoan(self.new_id(LOAN, now), checkout, now, schedule.principal, rows)
        checkout.loan_id = loan.id
        self.loans[loan.id] = loan
        self._emit("loan.created", loan, now)

    def changed(self, loan: FakeLoan, kind: str, now: datetime) -> None:
        """Count a change of a loan and tell it."""
        loan.sequence += 1
        self._emit(kind, loan, now)

    def emit_data(
        self, kind: str, noun: str, of: str, sequence: int, data: dict[str, Any], now: datetime
    ) -> None:
        """Add an event about anything to the feed."""
        event = {
            "id": self.new_id(EVENT, now),
            "type": kind,
            "mode": "test",
            "created_at": now,
            "sequence": len(self.events) + 1,
            "aggregate": {"type": noun, "id": of, "sequence": sequence},
            "data": data,
            "request_id": None,
        }
        self.events.append(EventSchema().dump(event))

    def _emit(self, kind: str, about: FakeCheckout | FakeLoan, now: datetime) -> None:
        checkout = isinstance(about, FakeCheckout)
        data = checkout_json(about) if isinstance(about, FakeCheckout) else loan_json(about)
        data.pop("url", None)
        noun = "checkout" if checkout else "loan"
        self.emit_data(kind, noun, about.id, about.sequence, data, now)


def _checked_lines(draft: dict[str, Any]) -> tuple[Line, ...]:
    try:
        return checked_lines([Line(**line) for line in draft.get("lines") or ()], draft["amount"])
    except (RepaymentError, CurrencyMismatch) as refused:
        raise InvalidArgument(f"The lines {refused}.", field="lines") from None
