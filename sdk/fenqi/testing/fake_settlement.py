"""What the fake server pays its merchant, and its test clock. There are no fees, reserves or refunds here."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from fenqi.durations import Duration
from fenqi.errors import InvalidArgument
from fenqi.finance.money import Money
from fenqi.ids import PAYOUT
from fenqi.testing.fake_sales import FakeSales
from fenqi.wire import (
    BalanceSchema,
    PayoutSchema,
    PayoutStatementSchema,
    StatementSchema,
    TestClockSchema,
)

CLOCK_ID = "clk_fake"


@dataclass
class FakeSettlement:
    """Payouts out of a FakeSales. Amounts are of the currency of the first checkout, CNY before that."""

    sales: FakeSales
    payouts: list[dict[str, Any]] = field(default_factory=list)
    offset: timedelta = timedelta()

    def pay_out(self, now: datetime) -> dict[str, Any]:
        """Pay everything captured and not yet paid. Raises InvalidArgument when there is nothing."""
        owed = self._owed()
        if owed.minor <= 0:
            raise InvalidArgument("Nothing is captured that was not paid out yet.", field="amount")
        row = {
            "id": self.sales.new_id(PAYOUT, now),
            "mode": "test",
            "status": "pending",
            "amount": owed,
            "code": "",
            "payout_on": (now + self.offset).date(),
            "created_at": now,
            "settled_at": None,
            "sequence": 1,
            "checkouts": [checkout_id for checkout_id, _ in self._unpaid()],
        }
        self.payouts.append(row)
        self._emit(row, "payout.created", now)
        row |= {"status": "paid", "sequence": 2, "settled_at": now}
        self._emit(row, "payout.paid", now)
        return row

    def _emit(self, row: dict[str, Any], kind: str, now: datetime) -> None:
        self.sales.emit_data(kind, "payout", row["id"], row["sequence"], payout_json(row), now)

    def _unpaid(self) -> list[tuple[str, Money]]:
        done = {checkout_id for row in self.payouts for checkout_id in row["checkouts"]}
        return [
            (each.id, Money(each.captured_minor, each.draft["amount"].currency))
            for each in self.sales.checkouts.values()
            if each.captured_minor and each.id not in done
        ]

    @property
    def _currency(self) -> str:
        first = next(iter(self.sales.checkouts.values()), None)
        return "CNY" if first is None else str(first.draft["amount"].currency)

    def _owed(self) -> Money:
        return sum((amount for _, amount in self._unpaid()), Money(0, self._currency))

    def balance(self) -> dict[str, Any]:
        """Return the balance as the wire has it."""
        nothing = Money(0, self._currency)
        shown = {"payable": self._owed(), "reserve": nothing, "on_its_way": nothing}
        return dict(BalanceSchema().dump(shown))

    def composition(self, row: dict[str, Any]) -> dict[str, Any]:
        """Return what a payout is made of, as the wire has it."""
        lines = [self._sale(checkout_id) for checkout_id in row["checkouts"]]
        shown = {
            "payout_id": row["id"],
            "amount": row["amount"],
            "totals": {"captured": row["amount"]},
            "lines": lines,
        }
        return dict(PayoutStatementSchema().dump(shown))

    def _sale(self, checkout_id: str) -> dict[str, Any]:
        sold = self.sales.checkouts[checkout_id]
        return {
            "entry_id": f"je_{checkout_id}",
            "occurred_on": sold.created_at.date(),
            "heading": "captured",
            "loan_id": sold.loan_id,
            "reference": sold.draft["reference"],
            "amount": Money(sold.captured_minor, sold.draft["amount"].currency),
        }

    def statement(self, first: date, last: date, account: str) -> dict[str, Any]:
        """Return a statement as the wire has it."""
        nothing = Money(0, self._currency)
        moved = [self._sale(each.id) for each in self.sales.checkouts.values() if each.captured_minor]
        moved += [
            {
                "entry_id": f"je_{row['id']}",
                "occurred_on": row["payout_on"],
                "heading": "payout",
                "loan_id": None,
                "reference": "",
                "amount": -row["amount"],
            }
            for row in self.payouts
        ]
        moved = sorted(moved, key=lambda line: line["occurred_on"]) if account == "payable" else []
        opening = sum((each["amount"] for each in moved if each["occurred_on"] < first), nothing)
        lines = [each for each in moved if first <= each["occurred_on"] <= last]
        totals: dict[str, Money] = {}
        for each in lines:
            totals[each["heading"]] = totals.get(each["heading"], nothing) + each["amount"]
        shown = {
            "account": account,
            "first": first,
            "last": last,
            "opening": opening,
            "closing": sum((each["amount"] for each in lines), opening),
            "totals": totals,
            "lines": lines,
        }
        return dict(StatementSchema().dump(shown))

    def turn(self, now: datetime, by: Duration | None, to: datetime | None) -> None:
        """Move the clock's time; the fake does at once what falls due, which is nothing. Raises InvalidArgument."""
        before = now + self.offset
        after = to if by is None else by.after(before)
        if after is None or after <= before:
            raise InvalidArgument("The test clock goes forwards only.", field="to")
        self.offset += after - before

    def clock(self, now: datetime) -> dict[str, Any]:
        """Return the test clock as the wire has it."""
        shown = {
            "id": CLOCK_ID,
            "status": "ready",
            "target": None,
            "now": now + self.offset,
            "offset_seconds": int(self.offset.total_seconds()),
        }
        return dict(TestClockSchema().dump(shown))


def payout_json(row: dict[str, Any]) -> dict[str, Any]:
    """Return a payout as the wire has it."""
    return dict(PayoutSchema().dump({name: value for name, value in row.items() if name != "checkouts"}))
