"""Bad input where money moves after the signature, by name: refused clearly over HTTP and inside, and nothing moves."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from fenqi.finance.money import Money

from merchant_server.domain.checkout import Checkout
from merchant_server.domain.deduction import DeductionPurpose
from merchant_server.domain.errors import DomainError, NotFound
from merchant_server.domain.refund import Strategy
from merchant_server.services.collection.callbacks import receive
from merchant_server.services.collection.early_settlement import quote_own
from merchant_server.services.collection.paying import pay_now, settle_now
from merchant_server.services.refunds.committing import refund_at_once
from merchant_server.services.refunds.previewing import preview_refund
from merchant_server.services.sale.capturing import capture_checkout
from merchant_server.services.sale.voiding import preview_void, void_checkout
from tests.api.asking import refused
from tests.installation import Installation
from tests.privacy.people import Somebody, Visitor, sell
from tests.services.collecting import loan_of
from tests.services.test_callbacks import genuine, moved, pending

WHO = Somebody(1)


@pytest.fixture
def house(sqlite_installation: Installation) -> Installation:
    return sqlite_installation


def cny(minor: int) -> dict[str, Any]:
    return {"amount": {"minor": minor, "currency": "CNY"}}


def requests(sold: Checkout) -> dict[str, dict[str, Any]]:
    """Return every request of the API that names an amount of a signed checkout or its loan."""
    return {
        f"/v1/checkouts/{sold.id}/capture": {},
        f"/v1/checkouts/{sold.id}/void": {},
        f"/v1/checkouts/{sold.id}/void_previews": {},
        f"/v1/loans/{sold.loan_id}/refund_previews": {},
        "/v1/refunds": {"loan_id": sold.loan_id},
    }


def acts(house: Installation, sold: Checkout, amount: Money) -> dict[str, Callable[[Any], object]]:
    """Return the same as services, each to be given a unit of work."""
    deps, who, loan_id = house.deps, house.caller, str(sold.loan_id)
    return {
        "capture": lambda uow: capture_checkout(uow, deps, who, sold.id, amount),
        "void": lambda uow: void_checkout(uow, deps, who, sold.id, amount),
        "preview a void": lambda uow: preview_void(uow, deps, who, sold.id, amount),
        "preview a refund": lambda uow: preview_refund(uow, deps, who, loan_id, amount, Strategy.EQUAL),
        "refund": lambda uow: refund_at_once(uow, deps, who, loan_id, amount, Strategy.EQUAL, ""),
    }


def refusals(house: Installation, sold: Checkout, amount: Money) -> set[tuple[str, str | None]]:
    """Return the code and field with which each service refuses an amount."""
    found = set()
    for act in acts(house, sold, amount).values():
        with pytest.raises(DomainError) as error, house.deps.storage.unit_of_work() as uow:
            act(uow)
        found.add((error.value.code, error.value.field))
    return found


@pytest.mark.parametrize("minor", [0, -1, -399_900])
def test_zero_and_negative_amounts_move_nothing(house: Installation, minor: int) -> None:
    sold = house.sell(plan="p6", capture="manual")
    house.post(f"/v1/checkouts/{sold.id}/capture", cny(100_000))
    before = moved(house)
    for path, more in requests(sold).items():
        refused(house.post(path, cny(minor) | more), 422, "field_invalid", "amount.minor")
    assert refusals(house, sold, Money(minor, "CNY")) == {("amount_not_positive", "amount.minor")}
    consumer_id = loan_of(house, sold).consumer_id
    for purpose in DeductionPurpose.PAYMENT, DeductionPurpose.SHORTER:
        with pytest.raises(DomainError) as error:
            pay_now(house.deps, consumer_id, str(sold.loan_id), Money(minor, "CNY"), purpose)
        assert error.value.code in ("payment_too_small", "capture_open")
    assert moved(house) == before


def test_another_currency_moves_nothing(house: Installation) -> None:
    sold = house.sell(plan="p6", capture="manual")
    house.post(f"/v1/checkouts/{sold.id}/capture", cny(100_000))
    before = moved(house)
    dollars = {"amount": {"minor": 100, "currency": "USD"}}
    for path, more in requests(sold).items():
        refused(house.post(path, dollars | more), 422, "currency_mismatch", "amount.currency")
    assert refusals(house, sold, Money(100, "USD")) == {("currency_mismatch", "amount.currency")}
    assert moved(house) == before


def test_over_capture_and_over_void_say_how_much_is_left(house: Installation) -> None:
    sold = house.sell(plan="p6", capture="manual")
    house.post(f"/v1/checkouts/{sold.id}/capture", cny(100_000))
    before = moved(house)
    over = cny(299_901)
    told = refused(
        house.post(f"/v1/checkouts/{sold.id}/capture", over),
        422,
        "capture_exceeds_authorized",
        "amount.minor",
    )
    assert "299900" in told["hint"]
    for path in ("void", "void_previews"):
        told = refused(
            house.post(f"/v1/checkouts/{sold.id}/{path}", over),
            422,
            "void_exceeds_uncaptured",
            "amount.minor",
        )
        assert "299900" in told["hint"]
    codes = {code for code, _ in refusals(house, sold, Money(299_901, "CNY"))}
    assert codes == {"capture_exceeds_authorized", "void_exceeds_uncaptured", "refund_exceeds_captured"}
    assert moved(house) == before


def test_over_refund_counts_what_was_refunded_before(house: Installation) -> None:
    sold = house.sell(plan="p6")
    refund = {"loan_id": sold.loan_id}
    assert house.post("/v1/refunds", cny(300_000) | refund).status_code == 201
    before = moved(house)
    for path, more in ((f"/v1/loans/{sold.loan_id}/refund_previews", {}), ("/v1/refunds", refund)):
        told = refused(house.post(path, cny(99_901) | more), 422, "refund_exceeds_captured", "amount.minor")
        assert "99900" in told["hint"]
    assert moved(house) == before


def test_a_refund_of_an_unpaid_loan_only_lowers_what_is_owed_and_of_an_uncaptured_one_is_refused(
    house: Installation,
) -> None:
    sold = house.sell(plan="p6")
    done = house.post("/v1/refunds", cny(399_900) | {"loan_id": sold.loan_id}).json
    assert (done["to_consumer"]["minor"], done["status"]) == (0, "succeeded")
    assert house.bank.returns == {}
    open_still = house.sell(plan="p6", capture="manual", reference="order-2")
    for path, more in (
        (f"/v1/loans/{open_still.loan_id}/refund_previews", {}),
        ("/v1/refunds", {"loan_id": open_still.loan_id}),
    ):
        refused(house.post(path, cny(1) | more), 422, "nothing_captured")


def test_another_merchants_checkout_and_loan_are_not_found(house: Installation) -> None:
    sold = house.sell(plan="p6", capture="manual")
    before = moved(house)
    other = house.another_merchant()
    for path, more in requests(sold).items():
        refused(other.post(path, cny(1) | more), 404, "not_found")
    for act in acts(other, sold, Money(1, "CNY")).values():
        with pytest.raises(NotFound), house.deps.storage.unit_of_work() as uow:
            act(uow)
    refused(other.get(f"/v1/loans/{sold.loan_id}"), 404, "not_found")
    assert moved(house) == before


def test_a_lapsed_quote_pays_nothing_on_the_page_and_inside(house: Installation) -> None:
    sold = sell(house, WHO, plan="p6")
    visitor = Visitor(house, WHO)
    visitor.sign_in()
    consumer_id = loan_of(house, sold).consumer_id
    shown = quote_own(house.deps, consumer_id, str(sold.loan_id))
    page = f"/loans/{sold.loan_id}/settlement/{shown.id}"
    visitor.get(page)
    house.advance(days=1)
    before = moved(house)
    with pytest.raises(DomainError) as refusal:
        settle_now(house.deps, consumer_id, shown.id)
    assert refusal.value.code == "quote_lapsed"
    answer = visitor.post(page)
    assert answer.status_code in (303, 422), answer.text
    if answer.status_code == 303:
        assert "settlement" in answer.headers["Location"]
    assert moved(house) == before


def test_a_callback_for_an_unknown_deduction_is_acknowledged_and_moves_nothing(house: Installation) -> None:
    deduction = pending(house)
    before = moved(house)
    body, headers = genuine(house, deduction, reference="ded_unknown")
    assert receive(house.deps, body, headers).outcome == "quarantined"
    body, headers = house.bank.signed(json.loads(body), "bev_changed_0002", house.clock.now())
    answer = house.client.post("/callbacks/bank", data=body, headers=headers)
    assert answer.status_code == 200, answer.text
    assert moved(house) == before
    waiting = house.rows("SELECT reference, verdict FROM callbacks ORDER BY event_id")
    assert waiting == [{"reference": "ded_unknown", "verdict": "quarantined"}] * 2
