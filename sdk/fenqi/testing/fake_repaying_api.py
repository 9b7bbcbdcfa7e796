"""The fake server's routes of early settlement quotes and payment links, which are paid when a test says so."""

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Any

from fenqi.finance.money import Money
from fenqi.finance.repayment import payoff, settled_rows
from fenqi.finance.schedule import build_schedule
from fenqi.testing.clock import ManualClock
from fenqi.testing.fake_answers import Answer, Refused
from fenqi.testing.fake_records import FakeLoan
from fenqi.testing.fake_refunds import OPEN_ROWS, FakeRefunds, owed_row
from fenqi.testing.fake_sales import FakeSales, TransitionNotAllowed
from fenqi.wire import (
    EmptySchema,
    PaymentOrderDraftSchema,
    PaymentOrderSchema,
    SettlementQuoteSchema,
    strict_json,
)

_PARTS = ("principal", "interest", "fee", "penalty")


class RepayingHandlers:
    """Mixed into the fake API, which gives loans, the business time and JSON answers."""

    _refunds: FakeRefunds
    _sales: FakeSales
    _clock: ManualClock
    quotes: dict[str, dict[str, Any]]
    orders: dict[str, dict[str, Any]]

    def _loan(self, loan_id: str) -> FakeLoan:
        raise NotImplementedError

    def business_now(self) -> datetime:
        raise NotImplementedError

    def _json(self, status: int, body: Mapping[str, Any]) -> Answer:
        raise NotImplementedError

    def create_settlement_quote(self, _: dict[str, str], body: bytes, loan_id: str) -> Answer:
        EmptySchema().load(strict_json(body))
        loan = self._loan(loan_id)
        rows = _open_rows(loan)
        now = self.business_now()
        plan = self._refunds.plan_of(loan)
        schedule = build_schedule(plan, loan.principal, loan.created_at.date())
        owed = [owed_row(row) for row in rows]
        found = payoff(schedule, owed, now.date())
        after = settled_rows(schedule, owed, now.date())
        sums = {part: sum(getattr(row, f"{part}_minor") for row in after) for part in _PARTS}
        charge = found.early_settlement_fee.minor
        total = sum(sums.values()) + charge
        amounts = {
            **sums,
            "total": total,
            "early_settlement_fee": charge,
            "given_back": sum(row.total_minor for row in owed) - total + charge,
        }
        midnight = datetime.combine(now.date() + timedelta(days=1), time.min, UTC)
        made = {
            "id": self._sales.new_id("stq", now),
            "mode": "test",
            "loan_id": loan.id,
            "on": now.date(),
            **{name: Money(minor, loan.principal.currency) for name, minor in amounts.items()},
            "created_at": now,
            "expires_at": midnight,
        }
        self.quotes[loan.id] = made
        return self._json(201, SettlementQuoteSchema().dump(made))

    def newest_settlement_quote(self, _: dict[str, str], __: bytes, loan_id: str) -> Answer:
        made = self.quotes.get(self._loan(loan_id).id)
        if made is None or made["expires_at"] <= self.business_now():
            raise Refused(404, "not_found", "There is no quote of this loan that holds.")
        return self._json(200, SettlementQuoteSchema().dump(made))

    def create_payment_order(self, _: dict[str, str], body: bytes, loan_id: str) -> Answer:
        draft = PaymentOrderDraftSchema().load(strict_json(body))
        loan = self._loan(loan_id)
        owed = [owed_row(row).total_minor for row in _open_rows(loan)]
        amount = draft["amount"] or Money(owed[0], loan.principal.currency)
        if amount.currency != loan.principal.currency:
            raise Refused(422, "currency_mismatch", "The loan is in another currency.", "amount.currency")
        if amount.minor > sum(owed):
            raise Refused(422, "payment_exceeds_owed", "This is more than is owed.", "amount")
        now = self._clock.now()
        order_id = self._sales.new_id("pay", now)
        made = {
            "id": order_id,
            "mode": "test",
            "loan_id": loan.id,
            "status": "requested",
            "amount": amount,
            "created_at": now,
            "expires_at": now + timedelta(seconds=draft["expires_in_seconds"]),
        }
        made["url"] = f"{self._sales.base_url}/pay/{order_id.removeprefix('pay_')}"
        self.orders[order_id] = made
        return self._json(201, PaymentOrderSchema().dump(made))

    def retrieve_payment_order(self, _: dict[str, str], __: bytes, loan_id: str, order_id: str) -> Answer:
        made = self.orders.get(order_id)
        if made is None or made["loan_id"] != self._loan(loan_id).id:
            raise Refused(404, "not_found", "There is no such payment order.")
        return self._json(200, PaymentOrderSchema().dump(made | {"status": self._standing(made)}))

    def _standing(self, order: Mapping[str, Any]) -> str:
        over = order["status"] == "requested" and order["expires_at"] <= self._clock.now()
        return "expired" if over else str(order["status"])

    def pay_order(self, order_id: str) -> None:
        """Pay a link. Raises KeyError for an unknown one and TransitionNotAllowed for one that is over."""
        order = self.orders[order_id]
        if self._standing(order) != "requested":
            raise TransitionNotAllowed(self._standing(order), "paid")
        order["status"] = "paid"
        self._sales.receive(self._loan(order["loan_id"]), order["amount"], self.business_now())


def _open_rows(loan: FakeLoan) -> list[dict[str, Any]]:
    rows = [row for row in loan.rows if row["status"] in OPEN_ROWS]
    if not rows:
        raise Refused(422, "nothing_owed", "Nothing is owed on this loan.")
    return rows


REPAYING_ROUTES = (
    (
        "/v1/loans/([^/]+)/settlement_quote",
        {
            "POST": RepayingHandlers.create_settlement_quote,
            "GET": RepayingHandlers.newest_settlement_quote,
        },
    ),
    ("/v1/loans/([^/]+)/payment_orders", {"POST": RepayingHandlers.create_payment_order}),
    ("/v1/loans/([^/]+)/payment_orders/([^/]+)", {"GET": RepayingHandlers.retrieve_payment_order}),
)
