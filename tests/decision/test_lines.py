"""Credit lines belong to the person: granted before a cart, kept 50 days, shared by stores, never exceeded."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from fenqi.finance.money import Money

from merchant_server.domain.checkout import CheckoutStatus
from merchant_server.domain.circumstances import Circumstances
from merchant_server.domain.code import issue
from merchant_server.domain.decision import Bureau
from merchant_server.domain.errors import RuleRefused, TransitionConflict, Unauthenticated
from merchant_server.services.decisioning import preapproval, preapproval_visits, reviewing
from merchant_server.services.decisioning.preapproval import Answer, Standing
from merchant_server.services.person import visits
from merchant_server.services.person.copy import copy_of_data
from merchant_server.services.person.erasure import ask_for_erasure
from merchant_server.services.sale import approval, choosing, claims, codes, signing
from merchant_server.services.sale.persons import CONSENTS
from tests.decision.people import id_number, phone
from tests.installation import ID_NUMBER, NAME, PHONE, Installation


class CountingBureau:
    """Counts how often a report is asked for."""

    def __init__(self, behind) -> None:
        self.behind, self.asked = behind, 0

    def report(self, *, reference: str, id_number: str) -> Bureau:
        self.asked += 1
        return self.behind.report(reference=reference, id_number=id_number)


class Crash:
    """An identity check during which the process dies."""

    def check(self, **_: object) -> None:
        raise SystemError("the power is gone")


def preapproved(house: Installation, number: str = ID_NUMBER, **changes) -> Answer:
    """Ask how much could be spent, as one browser does: number, code, person; return what it is told."""
    return preapproval.answer(house.deps, asked(house, number, **changes))


def proven(house: Installation, mobile: str = PHONE) -> str:
    """Return the secret of a browser whose number is verified."""
    token = preapproval_visits.ask_for_code(house.deps, mobile, "zh-CN")
    return preapproval_visits.check_code(house.deps, token, house.last_code())


def asked(house: Installation, number: str = ID_NUMBER, mobile: str = PHONE, **changes) -> str:
    token = proven(house, mobile)
    said = {
        "name": NAME, "id_number": number, "consents": CONSENTS, "circumstances": Circumstances(device="browser-1"),
    }  # fmt: skip
    preapproval.preapprove(house.deps, token, **{**said, **changes})
    return token


def counting(house: Installation) -> CountingBureau:
    bureau = CountingBureau(house.deps.bureau)
    house.deps = replace(house.deps, bureau=bureau)
    return bureau


def test_a_line_before_a_cart_lives_fifty_days_and_has_no_checkout(installation: Installation) -> None:
    told = preapproved(installation)

    assert told.standing is Standing.GRANTED
    assert told.left == told.limit > Money(0, "CNY")
    assert told.expires_at == installation.clock.now() + timedelta(days=50)
    (row,) = installation.rows("SELECT * FROM decisions")
    assert (row["checkout_id"], row["merchant_id"], row["purpose"]) == (None, "", "preapproval")
    consents = installation.rows("SELECT * FROM audit WHERE action = 'consents.given'")
    assert [(each["subject"], each["merchant_id"]) for each in consents] == [(row["id"], None)]


def test_what_was_typed_is_forgotten_once_it_is_decided(installation: Installation) -> None:
    token = proven(installation)
    assert installation.rows("SELECT phone_sealed FROM preapprovals")[0]["phone_sealed"] is not None

    preapproval.preapprove(
        installation.deps, token, name=NAME, id_number=ID_NUMBER, consents=CONSENTS, circumstances=Circumstances()
    )  # fmt: skip

    (row,) = installation.rows("SELECT * FROM preapprovals")
    keys = installation.rows("SELECT status FROM data_keys WHERE owner = :id", id=row["id"])
    assert row["phone_sealed"] is None and [key["status"] for key in keys] == ["erased"]


def test_a_refusal_before_a_cart_says_why_and_grants_nothing(installation: Installation) -> None:
    told = preapproved(installation, "110101199003079227")

    assert (told.standing, told.expires_at, told.left) == (Standing.REFUSED, None, Money(0, "CNY"))
    assert [reason.code for reason in told.told.reasons] == ["bureau_overdue"]
    assert installation.rows("SELECT * FROM credit_lines") == []


def test_a_referral_before_a_cart_waits_for_a_person_whose_yes_is_a_line(installation: Installation) -> None:
    house = installation
    token = asked(house, "110101199003079251")
    waiting = preapproval.answer(house.deps, token)
    assert waiting.standing is Standing.REFERRED and waiting.told.review_due_at is not None
    reviewing.add_reviewer(house.deps, "Li Wei", id_number(900, "19800101"))
    (review,) = reviewing.queue(house.deps)
    assert reviewing.case(house.deps, review.id, "Li Wei").merchant_name == ""

    with pytest.raises(RuleRefused):
        reviewing.approve(house.deps, review.id, reviewer="Li Wei", reason="Payslips of three months seen")
    reviewing.approve(
        house.deps, review.id, reviewer="Li Wei", reason="Payslips of three months seen", limit=Money(500_000, "CNY")
    )  # fmt: skip

    told = preapproval.answer(house.deps, token)
    assert (told.standing, told.left) == (Standing.GRANTED, Money(500_000, "CNY"))


def test_a_refusal_before_a_cart_can_be_sent_to_a_person_once(installation: Installation) -> None:
    token = asked(installation, "110101199003079227")

    preapproval.ask_a_person(installation.deps, token)
    preapproval.ask_a_person(installation.deps, token)

    told = preapproval.answer(installation.deps, token)
    assert told.standing is Standing.REFERRED and not told.told.may_ask_for_review
    (review,) = reviewing.queue(installation.deps)
    assert (review.checkout_id, review.asked_by) == (None, "consumer")


def test_a_yes_leaves_nothing_for_a_person_to_look_at(sqlite_installation: Installation) -> None:
    token = asked(sqlite_installation)

    with pytest.raises(RuleRefused) as caught:
        preapproval.ask_a_person(sqlite_installation.deps, token)

    assert caught.value.code == "review_not_possible"


def test_a_line_needs_a_phone_verified_just_now(sqlite_installation: Installation) -> None:
    house = sqlite_installation
    token = proven(house)
    for _ in range(2):
        house.clock.pass_(minutes=8)
        preapproval.answer(house.deps, token)

    with pytest.raises(RuleRefused) as caught:
        preapproval.preapprove(
            house.deps, token, name=NAME, id_number=ID_NUMBER, consents=CONSENTS, circumstances=Circumstances()
        )  # fmt: skip

    assert caught.value.code == "phone_unverified"


def test_an_unproven_number_or_a_stranger_is_told_nothing(sqlite_installation: Installation) -> None:
    house = sqlite_installation
    token = preapproval_visits.ask_for_code(house.deps, PHONE, "en")
    said = {"name": NAME, "id_number": ID_NUMBER, "consents": CONSENTS, "circumstances": Circumstances()}

    with pytest.raises(RuleRefused, match="verify your phone"):
        preapproval.preapprove(house.deps, token, **said)
    for stranger in ("", "a secret of nobody"):
        with pytest.raises(Unauthenticated):
            preapproval.answer(house.deps, stranger)
    secret = preapproval_visits.check_code(house.deps, token, house.last_code())
    with pytest.raises(Unauthenticated):
        preapproval.answer(house.deps, token)
    house.clock.pass_(minutes=15)
    with pytest.raises(Unauthenticated):
        preapproval.answer(house.deps, secret)


def test_a_second_tap_asks_nobody_twice(installation: Installation) -> None:
    bureau = counting(installation)
    token = asked(installation)

    with pytest.raises(TransitionConflict):
        preapproval.preapprove(
            installation.deps, token, name=NAME, id_number=ID_NUMBER, consents=CONSENTS, circumstances=Circumstances()
        )  # fmt: skip

    assert bureau.asked == 1


def test_eight_taps_at_once_make_one_decision(installation: Installation) -> None:
    house = installation
    bureau = counting(house)
    token = proven(house)

    def tap(_: int) -> str:
        try:
            preapproval.preapprove(
                house.deps, token, name=NAME, id_number=ID_NUMBER, consents=CONSENTS, circumstances=Circumstances()
            )  # fmt: skip
        except TransitionConflict:
            return "late"
        return "decided"

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(tap, range(8)))

    assert (outcomes.count("decided"), bureau.asked) == (1, 1)
    assert len(house.rows("SELECT * FROM decisions")) == 1


def test_after_a_crash_the_same_browser_may_ask_again(sqlite_installation: Installation) -> None:
    house = sqlite_installation
    whole, house.deps = house.deps, replace(house.deps, identity=Crash())
    with pytest.raises(SystemError):
        asked(house)
    token = proven(house)
    said = {"name": NAME, "id_number": ID_NUMBER, "consents": CONSENTS, "circumstances": Circumstances()}
    with pytest.raises(SystemError):
        preapproval.preapprove(house.deps, token, **said)
    house.deps = whole
    assert preapproval.answer(house.deps, token).standing is Standing.DECIDING
    with pytest.raises(TransitionConflict):
        preapproval.preapprove(house.deps, token, **said)
    house.clock.pass_(seconds=30)
    assert preapproval.answer(house.deps, token).standing is Standing.PROVEN

    preapproval.preapprove(house.deps, token, **said)

    assert preapproval.answer(house.deps, token).standing is Standing.GRANTED


def test_a_line_needs_every_consent(sqlite_installation: Installation) -> None:
    with pytest.raises(RuleRefused) as caught:
        preapproved(sqlite_installation, consents=("terms",))

    assert caught.value.code == "consent_missing"


def test_one_line_is_spent_at_two_merchants_until_nothing_is_left(installation: Installation) -> None:
    house = installation
    other = house.another_merchant()
    granted = preapproved(house)
    for shop, amount in ((house, Money(granted.limit.minor // 2, "CNY")), (other, None)):
        sold = shop.checkout(amount or preapproved(house).left)
        assert shop.apply(sold).status is CheckoutStatus.OFFERED
        shop.choose(sold)
        assert shop.sign(sold).status is CheckoutStatus.CAPTURED
        house.clock.pass_(minutes=10)

    left = preapproved(house)
    assert left.left == Money(0, "CNY") and left.expires_at == granted.expires_at
    (line,) = house.rows("SELECT limit_minor, used_minor FROM credit_lines")
    assert 0 < line["used_minor"] <= line["limit_minor"] == granted.limit.minor
    over = other.checkout(Money(10_000, "CNY"))
    assert other.apply(over).status is CheckoutStatus.DECLINED
    assert other.now(over).decline_code == "amount_over_limit"


def test_who_has_only_asked_comes_to_their_own_page_and_is_erased_there(installation: Installation) -> None:
    house = installation
    preapproved(house)
    token = visits.ask_to_come_in(house.deps, PHONE, "zh-CN")

    secret = visits.come_in(house.deps, token, house.last_code(), ID_NUMBER[-4:])
    consumer_id = visits.who_is_there(house.deps, secret)
    told = copy_of_data(house.deps, consumer_id)
    assert [each["outcome"] for each in told["decisions"]] == ["approve"]

    assert ask_for_erasure(house.deps, consumer_id).done
    assert house.rows("SELECT * FROM preapprovals") == house.rows("SELECT * FROM preapproval_codes") == []


def test_who_typed_a_number_and_left_is_forgotten(installation: Installation) -> None:
    house = installation
    preapproval_visits.ask_for_code(house.deps, PHONE, "zh-CN")
    kept = asked(house, mobile=phone(77))
    house.clock.pass_(days=3)

    house.work()

    rows = house.rows("SELECT * FROM preapprovals")
    assert len(rows) == 1 and rows[0]["consumer_id"] is not None and kept
    assert house.rows("SELECT status FROM data_keys WHERE owner LIKE 'pre%' AND status <> 'erased'") == []


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
