"""The phone's hold (law 9): the first phone that opens a code holds it, before its expiry, and no other."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from merchant_server.domain.checkout import CheckoutStatus
from merchant_server.domain.errors import DomainError, Expired, NotFound, RuleRefused
from merchant_server.services.operation.upkeep import expire_checkouts
from merchant_server.services.sale import approval, checkouts, choosing, claims, codes, signing
from tests.installation import Installation

PHONES = 12


def code_of(refused: Exception) -> str:
    assert isinstance(refused, DomainError), refused
    return refused.code


def test_of_twelve_phones_at_once_one_holds_the_checkout(installation: Installation) -> None:
    checkout = installation.checkout()
    start = threading.Barrier(PHONES)

    def scan(number: int) -> str:
        start.wait()
        try:
            claims.open_link(installation.deps, checkout.token, f"phone-{number}")
        except RuleRefused as refused:
            return refused.code
        return "held"

    with ThreadPoolExecutor(PHONES) as pool:
        outcomes = list(pool.map(scan, range(PHONES)))
    assert sorted(outcomes) == ["checkout_claimed"] * (PHONES - 1) + ["held"]
    claimed = installation.rows("SELECT * FROM transitions WHERE to_state = 'opened'")
    assert len(claimed) == 1


def test_scanning_twice_with_the_same_phone_changes_nothing(installation: Installation) -> None:
    checkout = installation.checkout()
    for _ in range(3):
        seen = claims.open_link(installation.deps, checkout.token, "phone-1")
        assert (seen.checkout.status, seen.checkout.version) == (CheckoutStatus.OPENED, 2)


def test_a_look_takes_no_hold(sqlite_installation: Installation) -> None:
    installation = sqlite_installation
    checkout = installation.checkout()
    for _ in range(3):
        assert claims.look_at_link(installation.deps, checkout.token).checkout.claim_hash is None
    assert (
        claims.open_link(installation.deps, checkout.token, "phone-2").checkout.status
        == CheckoutStatus.OPENED
    )


def test_what_a_visit_shows_before_any_personal_data_is_the_whole_cost(
    sqlite_installation: Installation,
) -> None:
    installation = sqlite_installation
    visit = claims.open_link(installation.deps, installation.checkout().token, "phone-1")
    assert [offer.plan.id for offer in visit.offers] == ["p3", "p6", "p12"]
    assert visit.offers[0].total_cost.minor == 0
    assert all(offer.schedule.installments[0].due_on > visit.today for offer in visit.offers)


def test_a_second_phone_gets_no_step_of_the_sale(sqlite_installation: Installation) -> None:
    installation = sqlite_installation
    checkout = installation.checkout()
    installation.apply(checkout)
    deps, token = installation.deps, checkout.token
    steps = (
        lambda: codes.send_phone_code(deps, token, "phone-2", "13800138000"),
        lambda: codes.check_phone_code(deps, token, "phone-2", "123456"),
        lambda: approval.apply(
            deps, token, "phone-2", name="王小明", id_number="110101199003077651", consents=approval.CONSENTS
        ),
        lambda: choosing.choices(deps, token, "phone-2"),
        lambda: choosing.prepare_agreement(deps, token, "phone-2", plan_id="p12", account_token="x"),
        lambda: signing.shown_agreement(deps, token, "phone-2"),
        lambda: signing.send_signing_code(deps, token, "phone-2"),
        lambda: signing.sign(deps, token, "phone-2", "123456"),
    )
    before = installation.now(checkout)
    for step in steps:
        with pytest.raises(RuleRefused) as refusal:
            step()
        assert refusal.value.code == "checkout_claimed"
    assert installation.now(checkout) == before


def test_an_unknown_code_is_not_found(sqlite_installation: Installation) -> None:
    installation = sqlite_installation
    with pytest.raises(NotFound):
        claims.open_link(installation.deps, "no-such-token", "phone-1")


def test_a_checkout_is_good_until_its_last_second_and_not_in_the_next(
    sqlite_installation: Installation,
) -> None:
    installation = sqlite_installation
    last, late = installation.checkout(), installation.checkout(reference="order-2")
    installation.clock.pass_(seconds=899)
    claims.open_link(installation.deps, last.token, "phone-1")
    installation.clock.pass_(seconds=1)
    with pytest.raises(Expired):
        claims.open_link(installation.deps, late.token, "phone-1")


def test_the_worker_ends_what_is_over_once_and_tells_of_it(installation: Installation) -> None:
    over = [installation.checkout(reference=f"order-{number}") for number in range(3)]
    claims.open_link(installation.deps, over[1].token, "phone-1")
    installation.apply(over[2], claim="phone-2")
    longer = installation.checkout(reference="longer", expires_in_seconds=3_600)
    installation.clock.pass_(seconds=900)
    assert expire_checkouts(installation.deps) == 3
    assert expire_checkouts(installation.deps) == 0
    assert {installation.now(checkout).status for checkout in over} == {CheckoutStatus.EXPIRED}
    assert installation.now(longer).status == CheckoutStatus.CREATED
    assert len(installation.rows("SELECT * FROM events WHERE type = 'checkout.expired'")) == 3


def test_a_signed_checkout_does_not_expire(sqlite_installation: Installation) -> None:
    installation = sqlite_installation
    sold = installation.sell(capture="manual")
    installation.clock.pass_(days=3)
    assert expire_checkouts(installation.deps) == 0
    assert installation.now(sold).status == CheckoutStatus.AUTHORIZED


@pytest.mark.parametrize("state", ["created", "opened", "offered", "referred", "signing"])
def test_the_shop_can_cancel_in_every_state_before_the_signature(
    sqlite_installation: Installation, state: str
) -> None:
    installation = sqlite_installation
    checkout = installation.checkout()
    if state == "opened":
        claims.open_link(installation.deps, checkout.token, "phone-1")
    if state in ("offered", "signing"):
        installation.apply(checkout)
    if state == "signing":
        installation.choose(checkout)
    if state == "referred":
        installation.apply(checkout, id_number="110101199003079120")
    assert installation.now(checkout).status == state
    with installation.deps.storage.unit_of_work() as uow:
        cancelled = checkouts.cancel_checkout(uow, installation.deps, installation.caller, checkout.id)
    assert cancelled.status == CheckoutStatus.CANCELLED
    with pytest.raises(DomainError) as refusal:
        installation.sign(checkout)
    assert code_of(refusal.value) in ("step_out_of_order", "checkout_cancelled")
    installation.work()
    assert {row["status"] for row in installation.rows("SELECT status FROM mandates")} <= {"cancelled"}


@pytest.mark.parametrize("state", ["declined", "captured", "expired"])
def test_what_is_over_cannot_be_cancelled(sqlite_installation: Installation, state: str) -> None:
    installation = sqlite_installation
    checkout = installation.sell() if state == "captured" else installation.checkout()
    if state == "declined":
        installation.apply(checkout, id_number="110101199003079227")
    if state == "expired":
        installation.clock.pass_(hours=1)
        expire_checkouts(installation.deps)
    with pytest.raises(DomainError) as refusal, installation.deps.storage.unit_of_work() as uow:
        checkouts.cancel_checkout(uow, installation.deps, installation.caller, checkout.id)
    assert code_of(refusal.value) == "transition_not_allowed"
    assert installation.now(checkout).status == state


def test_cancelling_twice_is_one_cancellation(sqlite_installation: Installation) -> None:
    installation = sqlite_installation
    checkout = installation.checkout()
    for _ in range(2):
        with installation.deps.storage.unit_of_work() as uow:
            assert (
                checkouts.cancel_checkout(uow, installation.deps, installation.caller, checkout.id).version
                == 2
            )


def test_a_claim_and_a_cancellation_at_once_leave_one_story(installation: Installation) -> None:
    for number in range(6):
        checkout = installation.checkout(reference=f"order-{number}")
        start = threading.Barrier(2)

        def scan(token: str = checkout.token, start: threading.Barrier = start) -> None:
            start.wait()
            claims.open_link(installation.deps, token, "phone-1")

        def cancel(checkout_id: str = checkout.id, start: threading.Barrier = start) -> None:
            start.wait()
            with installation.deps.storage.unit_of_work() as uow:
                checkouts.cancel_checkout(uow, installation.deps, installation.caller, checkout_id)

        with ThreadPoolExecutor(2) as pool:
            outcomes = [pool.submit(scan), pool.submit(cancel)]
        failures = [outcome.exception() for outcome in outcomes]
        assert all(failure is None or isinstance(failure, DomainError) for failure in failures), failures
        assert installation.now(checkout).status in (CheckoutStatus.CANCELLED, CheckoutStatus.OPENED)
        assert failures[0] is None or failures[1] is None
    assert installation.clock.now() < installation.checkout().expires_at - timedelta(seconds=800)
