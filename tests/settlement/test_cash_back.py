"""Cash-back: earned once the loan is repaid, by the parties' shares, home like any kept money, less after a refund."""

from dataclasses import replace
from datetime import date

import pytest
from fenqi.finance.money import Money
from fenqi.finance.plan import Plan

from merchant_server.domain.checkout import Checkout
from merchant_server.domain.refund import Strategy
from merchant_server.domain.repayment import RepaymentKind
from merchant_server.services.collection.booking import receive, take_back
from merchant_server.services.collection.ordering import open_own_order
from merchant_server.services.operation import merchants
from merchant_server.services.person.copy import copy_of_data
from merchant_server.services.person.erasure import ask_for_erasure, reasons_to_keep
from merchant_server.services.refunds.committing import refund_at_once
from merchant_server.services.settlement import terms
from merchant_server.services.settlement.money_returns import return_own_money
from merchant_server.services.settlement.statements import lender_statement, merchant_statement
from merchant_server.services.settlement.transfers import ask_about_transfers
from tests.installation import Installation
from tests.services.collecting import cash, loan_of

PRICE = Money(120_000, "CNY")
SHARED = Plan(
    id="p3c", installments=3, annual_rate="0.12", cash_back_bps={"merchant": 100, "brand": 50, "lender": 51}
)
# 2.01 % of the price: 12.00 by the merchant, 6.00 by the brand, 6.12 by the lender.
WHOLE = 2_412


def sell(house: Installation) -> Checkout:
    with house.deps.storage.unit_of_work() as uow:
        merchants.put_plan(uow, house.deps, house.caller, SHARED)
    return house.sell(PRICE, plan="p3c")


def pay(house: Installation, sold: Checkout, source: str = "counter-1", amount: Money | None = None) -> None:
    """Pay everything that is owed, or a part, at the counter."""
    with house.deps.storage.unit_of_work() as uow:
        loan = uow.loans.locked(str(sold.loan_id))
        assert loan is not None
        paid = loan.outstanding if amount is None else amount
        receive(uow, house.deps, loan, paid, kind=RepaymentKind.PAYMENT, source_id=source)


def refund(house: Installation, sold: Checkout, amount: Money = PRICE) -> None:
    with house.deps.storage.unit_of_work() as uow:
        refund_at_once(uow, house.deps, house.caller, str(sold.loan_id), amount, Strategy.LAST_FIRST, "back")


def balance(house: Installation, account: str) -> int:
    with house.deps.storage.reading() as uow:
        return uow.ledger.balance(account, "CNY").minor


def booked(house: Installation) -> list[tuple[str, int]]:
    """Return (kind, what the consumer was given) of every entry about cash-back."""
    rows = house.rows(
        "SELECT e.kind, CAST(SUM(p.amount_minor) AS BIGINT) AS minor FROM journal_entries e"
        " JOIN postings p ON p.entry_id = e.id WHERE e.kind LIKE 'cash_back%' GROUP BY e.id, e.kind ORDER BY e.id"
    )
    return [(row["kind"], row["minor"]) for row in rows]


def waiting(house: Installation, sold: Checkout) -> int:
    with house.deps.storage.reading() as uow:
        return uow.transfers.returnable(str(sold.loan_id)).minor


class TestEarning:
    """What is repaid is given back in part, once."""

    def test_each_party_bears_its_share_to_the_minor_unit(self, installation: Installation) -> None:
        house = installation
        sold = sell(house)
        merchant_id = house.caller.merchant_id
        pay(house, sold, amount=Money(50_000, "CNY"))
        assert booked(house) == []
        before = balance(house, f"merchant:{merchant_id}:payable")
        pay(house, sold, "counter-2")
        assert booked(house) == [("cash_back", WHOLE)]
        assert waiting(house, sold) == WHOLE
        assert balance(house, f"merchant:{merchant_id}:payable") - before == 1_200
        assert balance(house, f"brand:{merchant_id}:receivable") == 600
        assert balance(house, "loss:cash_back") == 612
        told = merchant_statement(house.deps, merchant_id, date(2026, 11, 1), date(2026, 12, 31))
        assert dict(told.totals)["cash_back"] == Money(-1_200, "CNY")

    def test_it_goes_home_when_its_owner_asks(self, installation: Installation) -> None:
        house = installation
        sold = sell(house)
        pay(house, sold)
        had = cash(house)
        (made,) = return_own_money(house.deps, loan_of(house, sold).consumer_id)
        assert ask_about_transfers(house.deps) == 1
        assert (made.amount.minor, had - cash(house), waiting(house, sold)) == (WHOLE, WHOLE, 0)

    def test_it_goes_home_by_itself_after_a_while(self, sqlite_installation: Installation) -> None:
        house = sqlite_installation
        sold = sell(house)
        pay(house, sold)
        house.advance(days=15)
        house.work()
        rows = house.rows("SELECT status, amount_minor, ordered_by FROM transfers")
        assert rows == [{"status": "succeeded", "amount_minor": WHOLE, "ordered_by": "automatic"}]

    def test_a_lender_whose_money_it_is_bears_the_lenders_part(
        self, sqlite_installation: Installation
    ) -> None:
        house = sqlite_installation
        lender = terms.add_lender(house.deps, name="海星银行", currency="CNY", interest_bps=8_000)
        terms.set_terms(house.deps, house.caller.merchant_id, funder=f"lender:{lender.id}")
        sold = sell(house)
        pay(house, sold)
        house.work()
        told = lender_statement(house.deps, lender.id, date(2026, 11, 1), date(2026, 12, 31))
        assert dict(told.totals)["cash_back"] == Money(-612, "CNY")
        assert balance(house, "loss:cash_back") == 0

    def test_a_plan_without_it_gives_nothing_back(self, sqlite_installation: Installation) -> None:
        house = sqlite_installation
        sold = house.sell(PRICE, plan="p3")
        pay(house, sold)
        assert (booked(house), waiting(house, sold)) == ([], 0)

    def test_a_merchant_agrees_it_over_http(self, sqlite_installation: Installation) -> None:
        house = sqlite_installation
        draft = {"id": "cb", "installments": 3, "cash_back_bps": {"merchant": 150}}
        assert house.post("/v1/plans", draft).get_json()["cash_back_bps"] == {"merchant": 150}
        refused = house.post("/v1/plans", draft | {"id": "cb2", "cash_back_bps": {"bank": 1}})
        assert (refused.status_code, refused.get_json()["field"]) == (422, "cash_back_bps")


class TestLess:
    """What is not repaid, or is given back, earns nothing."""

    def test_a_partial_refund_takes_its_part_before(self, installation: Installation) -> None:
        house = installation
        sold = sell(house)
        refund(house, sold, Money(40_000, "CNY"))
        pay(house, sold)
        assert booked(house) == [("cash_back", 1_608)]

    def test_a_full_refund_leaves_none(self, sqlite_installation: Installation) -> None:
        house = sqlite_installation
        sold = sell(house)
        pay(house, sold, amount=Money(50_000, "CNY"))
        refund(house, sold)
        assert (loan_of(house, sold).outstanding.minor, booked(house)) == (0, [])

    def test_a_refund_after_it_was_earned_takes_its_part_while_it_waits(
        self, installation: Installation
    ) -> None:
        house = installation
        sold = sell(house)
        pay(house, sold)
        refund(house, sold, Money(60_000, "CNY"))
        assert booked(house) == [("cash_back", WHOLE), ("cash_back_taken", 1_206)]
        refund(house, sold, Money(60_000, "CNY"))
        assert booked(house)[2:] == [("cash_back_taken", 1_206)]
        assert waiting(house, sold) == 0

    def test_what_went_home_is_not_called_back(self, sqlite_installation: Installation) -> None:
        house = sqlite_installation
        sold = sell(house)
        pay(house, sold)
        return_own_money(house.deps, loan_of(house, sold).consumer_id)
        refund(house, sold)
        assert booked(house) == [("cash_back", WHOLE)]
        assert waiting(house, sold) == 0

    @pytest.mark.parametrize("gone", [False, True])
    def test_a_repayment_that_the_bank_takes_back_earns_it_once_in_the_end(
        self, installation: Installation, gone: bool
    ) -> None:
        house = installation
        sold = sell(house)
        pay(house, sold)
        if gone:
            return_own_money(house.deps, loan_of(house, sold).consumer_id)
        with house.deps.storage.unit_of_work() as uow:
            loan = uow.loans.locked(str(sold.loan_id))
            assert loan is not None
            take_back(uow, house.deps, loan, "counter-1", 3)
        assert waiting(house, sold) == 0
        pay(house, sold, "counter-2")
        once = [("cash_back", WHOLE)]
        assert booked(house) == (once if gone else [*once, ("cash_back_taken", WHOLE), *once])
        assert waiting(house, sold) == (0 if gone else WHOLE)


class TestOwner:
    """Whose money it is reads it in their copy, and is not forgotten before it went home."""

    def test_the_copy_tells_it_with_payments_and_money_sent_back(
        self, sqlite_installation: Installation
    ) -> None:
        house = sqlite_installation
        sold = sell(house)
        consumer_id = loan_of(house, sold).consumer_id
        order = open_own_order(house.deps, consumer_id, str(sold.loan_id), Money(10_000, "CNY"))
        pay(house, sold)
        (sent,) = return_own_money(house.deps, consumer_id)
        ask_about_transfers(house.deps)
        (told,) = copy_of_data(house.deps, consumer_id)["loans"]
        assert told["cash_back"] == {"minor": WHOLE, "currency": "CNY"}
        assert [(each["id"], each["status"]) for each in told["payment_orders"]] == [(order.id, "requested")]
        (back,) = told["money_returns"]
        assert (back["id"], back["status"], back["settled_at"] is None) == (sent.id, "succeeded", False)

    def test_nobody_is_erased_while_money_of_theirs_waits(self, sqlite_installation: Installation) -> None:
        house = sqlite_installation
        house.deps = replace(house.deps, retention_years=0)
        sold = sell(house)
        consumer_id = loan_of(house, sold).consumer_id
        pay(house, sold)
        for _ in range(2):
            reasons = reasons_to_keep(house.deps, consumer_id)
            assert [(each.code, each.subject) for each in reasons] == [("money_kept", sold.loan_id)]
            if not house.rows("SELECT id FROM transfers"):
                return_own_money(house.deps, consumer_id)
        ask_about_transfers(house.deps)
        assert ask_for_erasure(house.deps, consumer_id).done
