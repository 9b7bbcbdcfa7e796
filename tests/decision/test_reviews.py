"""Human review: a queue with target times, a masked case, a verdict with a reason, and nobody judges their own case."""

from dataclasses import replace
from datetime import timedelta

import pytest
from fenqi.finance.money import Money
from flask.testing import FlaskClient

from merchant_server.domain.checkout import CheckoutStatus
from merchant_server.domain.decision import Bureau
from merchant_server.domain.errors import DomainError, Forbidden, NotFound, RuleRefused
from merchant_server.services.decisioning import reviewing
from merchant_server.services.decisioning.explaining import explain
from merchant_server.services.decisioning.watching import block
from merchant_server.services.operation.upkeep import expire_checkouts
from merchant_server.web.portal.review import review_pages
from tests.decision.people import id_number
from tests.installation import ID_NUMBER, NAME, PHONE, Installation

BUREAU_DOWN = "110101199003079251"
OVERDUE = "110101199003079227"
IDENTITY_DOWN = "110101199003079120"
REASON = "Payslips of three months seen by phone."
TOKEN = "a-portal-token-of-enough-length"


@pytest.fixture
def house(installation: Installation) -> Installation:
    """An installation with two reviewers, one of whom is a customer too."""
    reviewing.add_reviewer(installation.deps, "Li Wei", id_number(1, "19800101"))
    reviewing.add_reviewer(installation.deps, "Zhao Min", BUREAU_DOWN)
    return installation


def referred(house: Installation, number: str = BUREAU_DOWN, **draft):
    checkout = house.checkout(**draft)
    house.apply(checkout, id_number=number)
    (review,) = reviewing.queue(house.deps)
    return checkout, review


def test_a_referral_waits_in_the_queue_with_a_target_time(house: Installation) -> None:
    checkout, review = referred(house)

    assert (review.asked_by, review.checkout_id) == ("policy", checkout.id)
    assert review.due_at - review.asked_at == timedelta(hours=24)
    assert house.now(checkout).status is CheckoutStatus.REFERRED


def test_the_nearest_target_time_comes_first(house: Installation) -> None:
    for number in range(3):
        house.apply(house.checkout(), id_number=BUREAU_DOWN, claim=f"phone-{number}")

    waiting = reviewing.queue(house.deps)

    assert len(waiting) == 3 and [each.due_at for each in waiting] == sorted(each.due_at for each in waiting)


def test_the_case_shows_figures_and_rules_and_masks_the_person(house: Installation) -> None:
    _, review = referred(house)

    case = reviewing.case(house.deps, review.id, "Li Wei")

    told = repr(case)
    assert NAME not in told and BUREAU_DOWN not in told and PHONE not in told
    assert case.masked_name == "王**" and case.masked_phone.endswith("8000")
    assert [reason.code for reason in case.reasons] == ["bureau_unknown"]
    assert case.rules["hard_rules"] == ["rule_bureau_unknown"]
    assert case.features["bureau_status"] == "unknown"
    assert case.amount == Money(399_900, "CNY") and not case.overdue
    house.clock.pass_(hours=25)
    assert reviewing.case(house.deps, review.id, "Li Wei").overdue


def test_a_yes_offers_the_plans_and_the_sale_goes_on(house: Installation) -> None:
    checkout, review = referred(house, expires_in_seconds=3_600)

    reviewing.approve(house.deps, review.id, reviewer="Li Wei", reason=REASON)

    assert house.now(checkout).status is CheckoutStatus.OFFERED
    house.choose(checkout)
    assert house.sign(checkout).status is CheckoutStatus.CAPTURED
    (audit,) = [row for row in house.rows("SELECT * FROM audit") if row["action"] == "review.approved"]
    assert audit["actor"] == "reviewer Li Wei" and REASON not in audit["detail"]
    (stored,) = house.rows("SELECT reason_sealed FROM reviews")
    assert REASON.encode() not in bytes(stored["reason_sealed"])


def test_a_yes_after_the_checkout_expired_serves_the_next_one(house: Installation) -> None:
    checkout, review = referred(house)
    house.clock.pass_(hours=3)
    expire_checkouts(house.deps)

    reviewing.approve(house.deps, review.id, reviewer="Li Wei", reason=REASON, limit=Money(500_000, "CNY"))

    assert house.now(checkout).status is CheckoutStatus.EXPIRED
    again = house.checkout(Money(500_000, "CNY"))
    assert house.apply(again, id_number=BUREAU_DOWN, claim="phone-2").status is CheckoutStatus.OFFERED
    more = house.checkout(Money(500_100, "CNY"))
    declined = house.apply(more, id_number=BUREAU_DOWN, claim="phone-3")
    assert declined.decline_code == "amount_over_limit"
    house.clock.pass_(days=50)
    late = house.apply(house.checkout(), id_number=BUREAU_DOWN, claim="phone-4")
    assert late.status is CheckoutStatus.REFERRED, "a verdict lives as long as a line"


def test_a_no_declines_and_is_not_asked_again_at_the_next_purchase(house: Installation) -> None:
    checkout, review = referred(house, expires_in_seconds=3_600)

    reviewing.decline(house.deps, review.id, reviewer="Li Wei", reason=REASON)

    assert house.now(checkout).decline_code == "review_declined"
    assert [r.code for r in explain(house.deps, checkout.token, "phone-1").reasons] == ["review_declined"]
    again = house.apply(house.checkout(), id_number=BUREAU_DOWN, claim="phone-2")
    assert (again.status, again.decline_code) == (CheckoutStatus.DECLINED, "review_declined")


def test_nobody_reviews_their_own_case(house: Installation) -> None:
    _, review = referred(house)

    for act in (
        lambda: reviewing.case(house.deps, review.id, "Zhao Min"),
        lambda: reviewing.approve(house.deps, review.id, reviewer="Zhao Min", reason=REASON),
        lambda: reviewing.decline(house.deps, review.id, reviewer="Zhao Min", reason=REASON),
    ):
        with pytest.raises(Forbidden) as caught:
            act()
        assert caught.value.code == "review_own_case"
    assert len(reviewing.queue(house.deps)) == 1


def test_somebody_who_is_no_reviewer_sees_and_decides_nothing(house: Installation) -> None:
    _, review = referred(house)

    for act in (
        lambda: reviewing.case(house.deps, review.id, "Mallory"),
        lambda: reviewing.approve(house.deps, review.id, reviewer="Mallory", reason=REASON),
    ):
        with pytest.raises(Forbidden) as caught:
            act()
        assert caught.value.code == "reviewer_unknown"


def test_a_refused_person_sends_the_case_to_a_person_and_the_second_look_is_by_another(
    house: Installation,
) -> None:
    checkout = house.checkout(expires_in_seconds=7_200)
    house.apply(checkout, id_number=OVERDUE)
    assert house.now(checkout).status is CheckoutStatus.DECLINED

    asked = reviewing.ask_for_review(house.deps, checkout.token, "phone-1")
    same = reviewing.ask_for_review(house.deps, checkout.token, "phone-1")

    assert (asked.id, asked.asked_by) == (same.id, "consumer")
    assert house.now(checkout).status is CheckoutStatus.REFERRED
    told = explain(house.deps, checkout.token, "phone-1")
    assert told.review_due_at == asked.due_at and not told.may_ask_for_review
    reviewing.decline(house.deps, asked.id, reviewer="Li Wei", reason=REASON)
    second = reviewing.ask_for_review(house.deps, checkout.token, "phone-1")
    with pytest.raises(Forbidden) as caught:
        reviewing.approve(house.deps, second.id, reviewer="Li Wei", reason=REASON)
    assert caught.value.code == "review_second_look"
    reviewing.approve(house.deps, second.id, reviewer="Zhao Min", reason=REASON)
    assert house.now(checkout).status is CheckoutStatus.OFFERED
    assert len(reviewing.case(house.deps, second.id, "Zhao Min").earlier) == 1


def test_two_people_are_enough(house: Installation) -> None:
    checkout = house.checkout(expires_in_seconds=7_200)
    house.apply(checkout, id_number=OVERDUE)
    for reviewer in ("Li Wei", "Zhao Min"):
        review = reviewing.ask_for_review(house.deps, checkout.token, "phone-1")
        reviewing.decline(house.deps, review.id, reviewer=reviewer, reason=REASON)

    with pytest.raises(RuleRefused) as caught:
        reviewing.ask_for_review(house.deps, checkout.token, "phone-1")

    assert caught.value.code == "review_not_possible"
    assert not explain(house.deps, checkout.token, "phone-1").may_ask_for_review


def test_a_yes_is_no_refusal_to_look_at(house: Installation) -> None:
    checkout = house.checkout()
    house.apply(checkout)

    with pytest.raises(RuleRefused) as caught:
        reviewing.ask_for_review(house.deps, checkout.token, "phone-1")

    assert caught.value.code == "review_not_possible"


def test_another_phone_asks_for_nothing(house: Installation) -> None:
    checkout = house.checkout()
    house.apply(checkout, id_number=OVERDUE)

    with pytest.raises(RuleRefused) as caught:
        reviewing.ask_for_review(house.deps, checkout.token, "another-phone")

    assert caught.value.code == "checkout_claimed"


def test_no_person_may_pass_an_unproven_identity_or_the_block_list(house: Installation) -> None:
    _, review = referred(house, IDENTITY_DOWN)
    with pytest.raises(RuleRefused) as caught:
        reviewing.approve(house.deps, review.id, reviewer="Li Wei", reason=REASON)
    assert caught.value.code == "review_beyond_people"
    reviewing.decline(house.deps, review.id, reviewer="Li Wei", reason=REASON)

    block(house.deps, "person", ID_NUMBER, reason="forged papers", by="alice")
    checkout = house.checkout()
    house.apply(checkout, claim="phone-2")
    blocked = reviewing.ask_for_review(house.deps, checkout.token, "phone-2")
    with pytest.raises(RuleRefused) as caught:
        reviewing.approve(house.deps, blocked.id, reviewer="Li Wei", reason=REASON)
    assert caught.value.code == "review_beyond_people"


@pytest.mark.parametrize("reason", ["", "short", "x" * 1_001, "   short    "])
def test_a_verdict_needs_a_reason(house: Installation, reason: str) -> None:
    _, review = referred(house)

    with pytest.raises(RuleRefused) as caught:
        reviewing.decline(house.deps, review.id, reviewer="Li Wei", reason=reason)

    assert caught.value.code == "review_reason_invalid"


@pytest.mark.parametrize("limit", [Money(0, "CNY"), Money(100, "USD")])
def test_a_line_that_makes_no_sense_is_not_granted(house: Installation, limit: Money) -> None:
    _, review = referred(house)

    with pytest.raises(RuleRefused) as caught:
        reviewing.approve(house.deps, review.id, reviewer="Li Wei", reason=REASON, limit=limit)

    assert caught.value.code == "review_limit_invalid"


def test_a_slip_in_a_reviewers_id_number_is_refused(house: Installation) -> None:
    with pytest.raises(RuleRefused) as caught:
        reviewing.add_reviewer(house.deps, "Wang Fang", "110101198001010011")

    assert caught.value.code == "id_number_invalid"


def test_a_case_has_one_verdict(house: Installation) -> None:
    _, review = referred(house)
    reviewing.decline(house.deps, review.id, reviewer="Li Wei", reason=REASON)

    with pytest.raises(DomainError) as caught:
        reviewing.approve(house.deps, review.id, reviewer="Li Wei", reason=REASON)

    assert caught.value.code == "transition_not_allowed"


def test_a_case_that_is_not_there_is_not_found(house: Installation) -> None:
    with pytest.raises(NotFound):
        reviewing.case(house.deps, "rev_nothing", "Li Wei")


@pytest.fixture
def portal(sqlite_installation: Installation) -> Installation:
    """An installation with the review pages and one reviewer."""
    reviewing.add_reviewer(sqlite_installation.deps, "Li Wei", id_number(1, "19800101"))
    sqlite_installation.app.register_blueprint(review_pages(sqlite_installation.deps, TOKEN))
    sqlite_installation.app.config["WTF_CSRF_ENABLED"] = False
    return sqlite_installation


def signed_in(portal: Installation, name: str = "Li Wei", token: str = TOKEN) -> FlaskClient:
    client = portal.client
    client.post("/portal/sign-in", data={"name": name, "token": token})
    return client


@pytest.mark.parametrize(
    ("name", "token"), [("Li Wei", "wrong"), ("Mallory", TOKEN), ("", ""), ("Li Wei", "")]
)
def test_without_the_token_and_a_reviewers_name_there_is_nothing_to_see(
    portal, name: str, token: str
) -> None:
    _, review = referred(portal)
    client = signed_in(portal, name, token)

    for path in ("/portal/reviews", f"/portal/reviews/{review.id}"):
        answer = client.get(path)
        assert answer.status_code == 401
        assert review.id not in answer.text and "bureau" not in answer.text
    assert client.post(f"/portal/reviews/{review.id}", data={"verdict": "approve"}).status_code == 401


def test_a_reviewer_sees_the_queue_and_the_masked_case_and_decides(portal: Installation) -> None:
    checkout, review = referred(portal, expires_in_seconds=7_200)
    client = signed_in(portal)

    assert review.id in client.get("/portal/reviews").text
    page = client.get(f"/portal/reviews/{review.id}").text
    assert "bureau_unknown" in page and "rule_bureau_unknown" in page
    assert NAME not in page and BUREAU_DOWN not in page and PHONE not in page
    short = client.post(f"/portal/reviews/{review.id}", data={"verdict": "approve", "reason": "ok"})
    assert short.status_code == 422 and 'role="alert"' in short.text
    bad = client.post(
        f"/portal/reviews/{review.id}", data={"verdict": "approve", "reason": REASON, "limit": "abc"}
    )
    assert bad.status_code == 422
    done = client.post(
        f"/portal/reviews/{review.id}", data={"verdict": "approve", "reason": REASON, "limit": "5000.00"}
    )

    assert done.status_code == 303
    assert portal.now(checkout).status is CheckoutStatus.OFFERED
    (line,) = portal.rows("SELECT limit_minor FROM credit_lines")
    assert line["limit_minor"] == 500_000
    assert review.id not in client.get("/portal/reviews").text


def test_a_session_ends_after_a_working_day_and_at_the_sign_out(portal: Installation) -> None:
    client = signed_in(portal)
    assert client.get("/portal/reviews").status_code == 200
    portal.clock.pass_(hours=8)
    assert client.get("/portal/reviews").status_code == 401
    client = signed_in(portal)
    client.post("/portal/sign-out")
    assert client.get("/portal/reviews").status_code == 401


def test_the_review_pages_obey_the_strict_policy_and_speak_two_languages(portal: Installation) -> None:
    client = signed_in(portal)
    chinese = client.get("/portal/reviews", headers={"Accept-Language": "zh"})
    english = client.get("/portal/reviews", headers={"Accept-Language": "en"})

    assert "default-src 'self'" in chinese.headers["Content-Security-Policy"]
    assert "没有待复核的案件" in chinese.text and "No case is waiting" in english.text
    assert "<script" not in chinese.text and "style=" not in chinese.text


def test_a_bureau_that_comes_back_needs_no_person(house: Installation) -> None:
    house.apply(house.checkout(), id_number=BUREAU_DOWN)
    house.bureau.reports[BUREAU_DOWN] = Bureau("found", 800)

    again = house.apply(house.checkout(), id_number=BUREAU_DOWN, claim="phone-2")

    assert again.status is CheckoutStatus.OFFERED
    assert replace(again, version=1).decline_code is None
