"""Credit lines belong to the person: granted before a cart, kept 50 days, shared by stores, never exceeded."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from fenqi.finance.money import Money

from merchant_server.domain.checkout import CheckoutStatus
from merchant_server.domain.circumstances import Circumstances
from merchant_server.domain.code import issue
from merchant_server.domain.decision import Bureau, Outcome
from merchant_server.domain.errors import RuleRefused, TransitionConflict
from merchant_server.services.decisioning.preapproval import Preapproval, preapprove
from merchant_server.services.sale import approval, choosing, claims, codes, signing
from merchant_server.services.sale.persons import CONSENTS, parse_person
from tests.decision.people import id_number, phone
from tests.installation import ID_NUMBER, NAME, PHONE, Installation


class CountingBureau:
    """Counts how often a report is asked for."""

    def __init__(self, behind) -> None:
        self.behind, self.asked = behind, 0

    def report(self, *, reference: str, id_number: str) -> Bureau:
        self.asked += 1
        return self.behind.report(reference=reference, id_number=id_number)


def preapproved(house: Installation, number: str = ID_NUMBER, **changes) -> Preapproval:
    now = house.clock.now()
    asked = {
        "merchant_id": house.caller.merchant_id, "mode": "test", "currency": "CNY",
        "person": parse_person(NAME, number, PHONE), "consents": CONSENTS, "phone_verified_at": now,
        "circumstances": Circumstances(device="browser-1"),
    }  # fmt: skip
    return preapprove(house.deps, **{**asked, **changes})


def counting(house: Installation) -> CountingBureau:
    bureau = CountingBureau(house.deps.bureau)
    house.deps = replace(house.deps, bureau=bureau)
    return bureau


def test_a_line_before_a_cart_lives_fifty_days_and_has_no_checkout(installation: Installation) -> None:
    answer = preapproved(installation)

    assert answer.outcome is Outcome.APPROVE
    assert answer.left == answer.limit > Money(0, "CNY")
    assert answer.expires_at == installation.clock.now() + timedelta(days=50)
    (row,) = installation.rows("SELECT * FROM decisions")
    assert (row["checkout_id"], row["purpose"], row["arm"]) == (None, "preapproval", "champion")


def test_a_refusal_before_a_cart_says_why_and_grants_nothing(installation: Installation) -> None:
    answer = preapproved(installation, "110101199003079227")

    assert (answer.outcome, answer.expires_at, answer.left) == (Outcome.DECLINE, None, Money(0, "CNY"))
    assert [reason.code for reason in answer.reasons] == ["bureau_overdue"]
    assert installation.rows("SELECT * FROM credit_lines") == []


@pytest.mark.parametrize("age_seconds", [901, -1])
def test_a_line_needs_a_phone_verified_just_now(sqlite_installation: Installation, age_seconds: int) -> None:
    verified_at = sqlite_installation.clock.now() - timedelta(seconds=age_seconds)

    with pytest.raises(RuleRefused) as caught:
        preapproved(sqlite_installation, phone_verified_at=verified_at)

    assert caught.value.code == "phone_unverified"


def test_a_line_needs_every_consent(sqlite_installation: Installation) -> None:
    with pytest.raises(RuleRefused) as caught:
        preapproved(sqlite_installation, consents=("terms",))

    assert caught.value.code == "consent_missing"


def test_a_live_line_serves_at_another_merchant_without_a_new_report(installation: Installation) -> None:
    bureau = counting(installation)
    granted = preapproved(installation)
    other = installation.another_merchant()
    installation.clock.pass_(days=20)

    bought = other.apply(other.checkout())

    assert bought.status is CheckoutStatus.OFFERED
    assert bureau.asked == 1
    with installation.deps.storage.reading() as uow:
        record = uow.decisions.record(bought.decision_id)
        line = uow.lines.get(bought.consumer_id, "CNY")
    assert record.sources["bureau"]["state"] == "kept"
    assert record.features.bureau_age_days == 20
    assert line.expires_at == granted.expires_at, "a kept report does not lengthen the line"


def test_an_expired_line_asks_the_bureau_again_and_lives_anew(installation: Installation) -> None:
    bureau = counting(installation)
    preapproved(installation)
    installation.clock.pass_(days=50, seconds=1)

    bought = installation.apply(installation.checkout())

    assert bureau.asked == 2
    with installation.deps.storage.reading() as uow:
        line = uow.lines.get(bought.consumer_id, "CNY")
    assert line.expires_at - installation.clock.now() > timedelta(days=49)


def test_a_line_that_expired_before_the_signature_is_not_drawn(sqlite_installation: Installation) -> None:
    house = sqlite_installation
    checkout = house.checkout(expires_in_seconds=172_800)
    preapproved(house)
    house.clock.pass_(days=49, hours=23, minutes=30)
    checkout = house.checkout(expires_in_seconds=172_800)
    house.apply(checkout)
    house.choose(checkout)
    house.clock.pass_(minutes=30)

    with pytest.raises(RuleRefused) as caught:
        house.sign(checkout)

    assert caught.value.code == "approval_expired"


def ready_to_sign(house: Installation, number: int) -> tuple[str, str, str]:
    """Bring one more checkout of one person, from a phone of its own, to the signature; return token, claim, code."""
    checkout, claim, mobile = house.checkout(expires_in_seconds=172_800), f"phone-{number}", phone(number)
    claims.open_link(house.deps, checkout.token, claim)
    codes.send_phone_code(house.deps, checkout.token, claim, mobile)
    codes.check_phone_code(house.deps, checkout.token, claim, house.last_code())
    applied = approval.apply(
        house.deps, checkout.token, claim, name=NAME, id_number=ID_NUMBER, consents=approval.CONSENTS
    )
    assert applied.status is CheckoutStatus.OFFERED
    account = choosing.choices(house.deps, checkout.token, claim).accounts[0].token
    shown = choosing.prepare_agreement(house.deps, checkout.token, claim, plan_id="p6", account_token=account)
    house.clock.pass_(seconds=10)
    # Put beside the limits on text messages, which no person could pass twenty times in ten minutes.
    with house.deps.storage.unit_of_work() as uow:
        code = issue(
            code_id=house.deps.ids.new("otp"), purpose="sign", checkout_id=checkout.id, bound_to=shown.shown_sha256,
            phone_index=uow.applicants.phone_index(mobile), digits="123456", key=house.deps.code_key,
            now=house.clock.now(),
        )  # fmt: skip
        uow.codes.add(code)
    return checkout.token, claim, "123456"


def test_twenty_checkouts_at_once_cannot_exceed_the_line(installation: Installation) -> None:
    """All twenty are approved while nothing is drawn; at the signature the line is drawn under its lock."""
    ready = [ready_to_sign(installation, number) for number in range(20)]

    def sign(one: tuple[str, str, str]) -> str:
        for _ in range(40):
            try:
                return str(signing.sign(installation.deps, *one).status)
            except TransitionConflict:
                continue
            except RuleRefused as refused:
                return refused.code
        return "never"

    with ThreadPoolExecutor(20) as pool:
        outcomes = list(pool.map(sign, ready))

    (line,) = installation.rows("SELECT limit_minor, used_minor FROM credit_lines")
    fitting = line["limit_minor"] // 399_900
    assert 0 < fitting < 20
    assert outcomes.count("captured") == fitting
    assert outcomes.count("amount_over_limit") == 20 - fitting
    assert line["used_minor"] == fitting * 399_900 <= line["limit_minor"]


def test_lines_of_two_people_do_not_mix(sqlite_installation: Installation) -> None:
    one = preapproved(sqlite_installation, id_number(200))
    two = preapproved(sqlite_installation, id_number(201))

    assert one.decision_id != two.decision_id
    assert len(sqlite_installation.rows("SELECT * FROM credit_lines")) == 2
