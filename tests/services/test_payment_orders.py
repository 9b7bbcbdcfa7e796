"""Payments at the bank's own page: committed first, settled once by callback or by asking (laws 3, 8, 10)."""

from typing import Any

import pytest
from fenqi.finance.money import Money

from merchant_server.domain.checkout import Checkout
from merchant_server.domain.errors import Expired, NotFound, RuleRefused
from merchant_server.domain.payment_order import PaymentOrder
from merchant_server.services.collection.callbacks import receive
from merchant_server.services.collection.deductions import ask_bank, request_due
from merchant_server.services.collection.ordering import bank_page, open_order, open_own_order, show_order
from merchant_server.services.settlement.money_returns import return_own_money
from merchant_server.services.settlement.reconciling import reconcile
from merchant_server.services.settlement.transfers import ask_about_transfers
from tests.installation import Installation
from tests.services.collecting import cash, loan_of, rows_of, tell

BACK = "https://fenqi.example/pay/back"


def ordered(house: Installation, sold: Checkout, amount: Money | None = None) -> PaymentOrder:
    with house.deps.storage.unit_of_work() as uow:
        return open_order(uow, house.deps, house.caller, str(sold.loan_id), amount)


def now(house: Installation, order: PaymentOrder) -> str:
    return show_order(house.deps, order.token).order.status.value


def told(house: Installation, order: PaymentOrder) -> str:
    """The consumer pays at the bank's page, and the bank tells of it."""
    return receive(house.deps, *house.bank.pay(order.id, house.clock.now())).outcome


def test_a_link_pays_the_next_installment_once_however_often_the_bank_tells(
    installation: Installation,
) -> None:
    sold = installation.sell(plan="p3")
    order = ordered(installation, sold)
    assert order.amount == Money(133_300, "CNY")
    assert installation.bank.payments == {}
    page = bank_page(installation.deps, order.token, BACK)
    assert page == bank_page(installation.deps, order.token, BACK)
    assert now(installation, order) == "pending"
    assert [told(installation, order) for _ in range(3)] == ["applied", "duplicate", "duplicate"]
    assert now(installation, order) == "paid"
    assert rows_of(installation, sold) == ["paid", "scheduled", "scheduled"]
    assert cash(installation) == 133_300
    assert bank_page(installation.deps, order.token, BACK) is None
    installation.advance(months=1)
    installation.work()
    assert rows_of(installation, sold)[0] == "paid" and cash(installation) == 133_300


def test_a_lost_callback_is_settled_by_asking_and_a_late_one_changes_nothing(
    installation: Installation,
) -> None:
    sold = installation.sell(plan="p3")
    order = ordered(installation, sold, Money(50_000, "CNY"))
    bank_page(installation.deps, order.token, BACK)
    body, headers = installation.bank.pay(order.id, installation.clock.now())
    installation.clock.pass_(seconds=31)
    installation.work()
    assert now(installation, order) == "paid"
    assert loan_of(installation, sold).paid == Money(50_000, "CNY")
    assert receive(installation.deps, body, headers).outcome == "unchanged"
    assert cash(installation) == 50_000


def test_who_comes_back_from_the_bank_sees_it_paid_without_waiting_for_a_callback(
    installation: Installation,
) -> None:
    order = ordered(installation, installation.sell(plan="p3"))
    bank_page(installation.deps, order.token, BACK)
    installation.bank.pay(order.id, installation.clock.now())
    assert show_order(installation.deps, order.token, ask=True).order.status == "paid"


def test_a_crash_between_the_bank_and_our_commit_is_settled_with_our_reference(
    installation: Installation,
) -> None:
    """The bank took the order on, and somebody paid; that it did was never written here."""
    sold = installation.sell(plan="p3")
    order = ordered(installation, sold)
    installation.bank.create_payment(
        reference=order.id, amount=order.amount, description="x", expires_at=order.expires_at, return_url=BACK
    )
    assert now(installation, order) == "requested"
    assert told(installation, order) == "applied"
    assert rows_of(installation, sold)[0] == "paid"


def test_two_links_for_one_installment_leave_the_excess_to_the_consumer(installation: Installation) -> None:
    sold = installation.sell(plan="p3")
    orders = [ordered(installation, sold, loan_of(installation, sold).outstanding) for _ in range(2)]
    for order in orders:
        bank_page(installation.deps, order.token, BACK)
    for order in orders:
        assert told(installation, order) == "applied"
    assert loan_of(installation, sold).status == "repaid"
    excess = installation.rows("SELECT SUM(excess_minor) AS kept FROM repayments")
    assert excess == [{"kept": loan_of(installation, sold).total_payable.minor}]
    (made,) = return_own_money(installation.deps, loan_of(installation, sold).consumer_id)
    assert ask_about_transfers(installation.deps) == 1
    assert installation.bank.returns == {made.id: (orders[1].id, orders[1].amount)}


def test_no_more_goes_back_by_a_way_than_came_by_it(installation: Installation) -> None:
    sold = installation.sell(plan="p3")
    whole = loan_of(installation, sold).outstanding
    orders = [ordered(installation, sold, amount) for amount in (whole, whole, Money(5_000, "CNY"))]
    for order in orders:
        bank_page(installation.deps, order.token, BACK)
    for order in orders:
        assert told(installation, order) == "applied"
        installation.clock.pass_(seconds=1)
    owner = loan_of(installation, sold).consumer_id
    for order in reversed(orders[1:]):
        (made,) = return_own_money(installation.deps, owner)
        assert (made.channel, made.amount) == (order.id, order.amount)
        ask_about_transfers(installation.deps)
    with pytest.raises(RuleRefused):
        return_own_money(installation.deps, owner)


def test_a_payment_while_the_bank_deducts_pays_nothing_twice(installation: Installation) -> None:
    sold = installation.sell(plan="p3")
    order = ordered(installation, sold)
    bank_page(installation.deps, order.token, BACK)
    installation.advance(months=1)
    request_due(installation.deps, sold.merchant_id)
    ask_bank(installation.deps)
    assert told(installation, order) == "applied"
    (deduction,) = installation.rows("SELECT id FROM deductions")
    with installation.deps.storage.reading() as uow:
        under_way = uow.deductions.get(deduction["id"])
    assert under_way is not None and tell(installation, under_way) == ["applied"]
    assert rows_of(installation, sold) == ["paid", "scheduled", "scheduled"]
    kept = installation.rows("SELECT SUM(excess_minor) AS kept FROM repayments")
    assert kept == [{"kept": 133_300}]


def test_a_link_that_is_over_opens_no_bank_and_what_was_paid_late_is_booked(
    installation: Installation,
) -> None:
    sold = installation.sell(plan="p3")
    unopened, opened = ordered(installation, sold), ordered(installation, sold)
    bank_page(installation.deps, opened.token, BACK)
    installation.clock.pass_(minutes=31)
    installation.work()
    assert (now(installation, unopened), now(installation, opened)) == ("expired", "expired")
    with pytest.raises(Expired):
        bank_page(installation.deps, unopened.token, BACK)
    assert told(installation, opened) == "applied"
    assert rows_of(installation, sold)[0] == "paid"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("amount", {"minor": 1, "currency": "CNY"}),
        ("amount", {"minor": 133_300, "currency": "USD"}),
        ("gateway_account", "another_gateway"),
        ("mode", "live"),
        ("mandate_reference", "mnd_somebody"),
        ("reference", "pay_nobody"),
        ("kind", "deduction.succeeded"),
    ],
)
def test_a_genuine_callback_that_is_wrong_is_set_aside(
    installation: Installation, field: str, value: Any
) -> None:
    sold = installation.sell(plan="p3")
    order = ordered(installation, sold)
    bank_page(installation.deps, order.token, BACK)
    body = {
        "gateway_account": installation.bank.gateway_account, "mode": "test", "kind": "payment.succeeded",
        "reference": order.id, "mandate_reference": "", "status": "succeeded", "code": "",
        "amount": order.amount.to_dict(), "occurred_at": installation.clock.now().isoformat(),
    } | {field: value}  # fmt: skip
    signed = installation.bank.signed(body, "bev_0123456789", installation.clock.now())
    assert receive(installation.deps, *signed).outcome == "quarantined"
    assert now(installation, order) == "pending" and cash(installation) == 0


def test_amounts_and_loans_that_cannot_be_are_refused(installation: Installation) -> None:
    sold = installation.sell(plan="p3")
    owed = loan_of(installation, sold).outstanding
    for wrong in (owed + Money(1, "CNY"), Money(0, "CNY"), Money(-1, "CNY"), Money(1, "USD")):
        with pytest.raises(RuleRefused):
            ordered(installation, sold, wrong)
    stranger = installation.another_merchant()
    with pytest.raises(NotFound):
        ordered(stranger, sold)
    with pytest.raises(NotFound):
        open_own_order(installation.deps, "con_somebody", str(sold.loan_id), Money(1, "CNY"))
    with pytest.raises(NotFound):
        show_order(installation.deps, "no-such-token")


def test_a_shops_service_desk_quotes_an_early_settlement_and_prints_a_link(
    installation: Installation,
) -> None:
    sold = installation.sell(plan="p12")
    path = f"/v1/loans/{sold.loan_id}"
    assert installation.get(f"{path}/settlement_quote").status_code == 404
    made = installation.post(f"{path}/settlement_quote").get_json()
    assert made["object"] == "settlement_quote" and made["loan_id"] == sold.loan_id
    assert made["total"]["minor"] == sum(
        made[part]["minor"] for part in ("principal", "interest", "fee", "penalty", "early_settlement_fee")
    )
    assert installation.get(f"{path}/settlement_quote").get_json() == made
    order = installation.post(f"{path}/payment_orders", {"amount": {"minor": 10_000, "currency": "CNY"}})
    link = order.get_json()
    assert (order.status_code, link["status"]) == (201, "requested")
    answer = installation.client.get(link["url"].removeprefix(installation.deps.public_url))
    assert "10,000.00" not in answer.text and "100.00" in answer.text and "小满商店" in answer.text
    assert "王小明" not in answer.text
    # A payment changes what is owed, so the quote does not hold any more.
    with installation.deps.storage.reading() as uow:
        found = uow.payment_orders.get(link["id"])
    assert found is not None
    bank_page(installation.deps, found.token, BACK)
    told(installation, found)
    assert installation.get(f"{path}/settlement_quote").status_code == 404
    assert installation.get(f"{path}/payment_orders/{link['id']}").get_json()["status"] == "paid"


def test_a_payment_stands_in_the_banks_file_and_one_that_was_missed_is_settled_from_it(
    installation: Installation,
) -> None:
    sold = installation.sell(plan="p3")
    known, missed = ordered(installation, sold), ordered(installation, sold)
    for order in (known, missed):
        bank_page(installation.deps, order.token, BACK)
    told(installation, known)
    at = installation.clock.now()
    account = installation.bank.gateway_account
    lines = [f"D,payment,{order.id},{order.amount.minor},CNY,{at.isoformat()}" for order in (known, missed)]
    file = "\n".join([f"H,1,{account},{at.date()}", *lines, f"T,2,{2 * known.amount.minor},0", ""]).encode()
    seen = reconcile(installation.deps, file)
    assert [(each.code, each.reference) for each in seen.differences] == [("late_here", missed.id)]
    assert reconcile(installation.deps, file, apply=True).applied == 1
    assert now(installation, missed) == "paid"
    assert rows_of(installation, sold)[0] == "paid"
    again = reconcile(installation.deps, file, apply=True)
    assert (again.applied, again.unexplained) == (0, ())
