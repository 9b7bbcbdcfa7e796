"""A refusal for the amount comes with the nearest yes, and every counter-offer is a yes of the same policy."""

from datetime import date

import pytest
from fenqi.finance.money import Money
from fenqi.finance.plan import Plan
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from merchant_server.domain.checkout import CheckoutStatus
from merchant_server.domain.circumstances import Circumstances
from merchant_server.domain.decision import Bureau, Features, Outcome
from merchant_server.services.decisioning.explaining import explain
from merchant_server.services.decisioning.pricing import CounterOffers, gentlest, month_burden, priced_offers
from merchant_server.services.operation import merchants
from merchant_server.services.sale import approval, choosing, claims, codes
from merchant_server.services.sale.claims import SHOWN_RATE, offers_for
from tests.decision.people import id_number
from tests.installation import ID_NUMBER, NAME, PHONE, Installation

TODAY = date(2026, 11, 21)


def cny(minor: int) -> Money:
    return Money(minor, "CNY")


def put_plan(house: Installation, plan: Plan) -> None:
    with house.deps.storage.unit_of_work() as uow:
        merchants.put_plan(uow, house.deps, house.caller, plan)


def apply_with(house: Installation, checkout, circumstances: Circumstances, number: str = ID_NUMBER):
    claims.open_link(house.deps, checkout.token, "phone-1")
    codes.send_phone_code(house.deps, checkout.token, "phone-1", PHONE)
    codes.check_phone_code(house.deps, checkout.token, "phone-1", house.last_code())
    return approval.apply(
        house.deps, checkout.token, "phone-1", name=NAME, id_number=number, consents=approval.CONSENTS,
        circumstances=circumstances,
    )  # fmt: skip


def test_more_than_the_line_gets_a_smaller_amount_and_a_bigger_down_payment(
    installation: Installation,
) -> None:
    installation.bureau.reports[ID_NUMBER] = Bureau("found", 560)
    checkout = installation.checkout(cny(1_500_000))

    declined = installation.apply(checkout)

    assert (declined.status, declined.decline_code) == (CheckoutStatus.DECLINED, "amount_over_limit")
    told = explain(installation.deps, checkout.token, "phone-1")
    offers = {offer.kind: offer for offer in told.counter_offers}
    assert offers["smaller_amount"].amount_minor == 1_000_000, "all that grade D has"
    # 30 % of 15,000.00 is 4,500.00, which leaves 10,500.00: too much; 40 % leaves 9,000.00.
    assert offers["bigger_down_payment"].down_payment_minor == 600_000
    assert offers["bigger_down_payment"].amount_minor == 900_000
    again = installation.checkout(cny(offers["smaller_amount"].amount_minor))
    assert installation.apply(again, claim="phone-2").status is CheckoutStatus.OFFERED


def test_too_much_a_month_gets_a_longer_plan_of_the_merchant(installation: Installation) -> None:
    installation.bureau.reports[ID_NUMBER] = installation.bureau.reports[id_number(222)] = Bureau(
        "found", 720
    )
    put_plan(installation, Plan(id="p24", installments=24, annual_rate="0.12", name="24 期"))
    checkout = installation.checkout(cny(1_200_000), plan_ids=["p3", "p6"])

    declined = apply_with(installation, checkout, Circumstances(device="d", income_minor=300_000))

    assert declined.decline_code == "not_affordable"
    told = explain(installation.deps, checkout.token, "phone-1")
    offers = {offer.kind: offer for offer in told.counter_offers}
    assert offers["longer_term"].plan_id == "p12", "the shortest of the merchant's others that fits"
    assert offers["longer_term"].amount_minor == 1_200_000
    assert 0 < offers["smaller_amount"].amount_minor < 1_200_000
    assert all(offer.installment_minor <= 150_000 for offer in offers.values())
    longer = installation.checkout(cny(1_200_000), plan_ids=["p12"])
    approved = apply_with(
        installation, longer, Circumstances(device="d", income_minor=300_000), number=id_number(222)
    )
    assert approved.status is CheckoutStatus.OFFERED


def test_an_approved_person_sees_only_plans_within_their_means(installation: Installation) -> None:
    installation.bureau.reports[ID_NUMBER] = Bureau("found", 720)
    checkout = installation.checkout(cny(1_200_000))

    apply_with(installation, checkout, Circumstances(device="d", income_minor=300_000))

    choice = choosing.choices(installation.deps, checkout.token, "phone-1")
    assert [offer.plan.id for offer in choice.offers] == ["p12"]
    with installation.deps.storage.reading() as uow:
        record = uow.decisions.record(installation.now(checkout).decision_id)
    assert [price.plan_id for price in record.prices] == ["p12"]


@pytest.mark.parametrize("number", ["110101199003079104", "110101199003079227"])
def test_a_refusal_that_is_not_about_the_amount_has_no_counter_offer(
    sqlite_installation, number: str
) -> None:
    checkout = sqlite_installation.checkout()

    sqlite_installation.apply(checkout, id_number=number)

    told = explain(sqlite_installation.deps, checkout.token, "phone-1")
    assert told.counter_offers == () and told.reasons and told.may_ask_for_review


def test_a_yes_needs_no_explanation(sqlite_installation: Installation) -> None:
    checkout = sqlite_installation.checkout()
    sqlite_installation.apply(checkout)

    told = explain(sqlite_installation.deps, checkout.token, "phone-1")

    assert (told.reasons, told.counter_offers, told.may_ask_for_review) == ((), (), False)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    amount=st.integers(100_000, 6_000_000),
    income=st.sampled_from([0, 100_000, 300_000, 1_000_000]),
    score=st.integers(500, 900),
)
def test_each_counter_offer_is_a_yes_and_smaller_ones_are_the_largest(
    sqlite_installation, applicant, policy, amount: int, income: int, score: int
) -> None:
    plans = [Plan(id=f"p{count}", installments=count, annual_rate="0.12") for count in (3, 6, 12, 24)]
    refused = [plan for plan in plans if plan.id in ("p3", "p6")]
    offer = gentlest(offers_for(sqlite_installation.deps, cny(amount), refused, TODAY))
    features = applicant(
        amount_minor=amount,
        bureau_score=score,
        income_stated_minor=income,
        installment_minor=month_burden(offer),
    )
    decision = policy.decide(features)
    search = CounterOffers(sqlite_installation.deps, policy, features, plans, TODAY)

    found = search.search(decision, ("p3", "p6"))

    if decision.outcome is not Outcome.DECLINE:
        assert found == ()
    for each in found:
        assert policy.decide(features.changed(each.changes)).outcome is Outcome.APPROVE
        assert 0 < each.amount_minor <= amount
        assert each.amount_minor + each.down_payment_minor in (each.amount_minor, amount)


def test_the_cheapest_plan_comes_first_whatever_the_merchant_does(sqlite_installation) -> None:
    deps = sqlite_installation.deps
    plans = [
        Plan(id="a_dear", installments=6, annual_rate="0.18", name="★ recommended"),
        Plan(id="b_free", installments=12, annual_rate="0"),
        Plan(id="c_middle", installments=3, annual_rate="0.09"),
        Plan(id="d_same", installments=6, annual_rate="0.09"),
    ]
    decision = _approval(deps.policy)
    orders = set()
    for shift in range(len(plans)):
        shuffled = plans[shift:] + plans[:shift]
        offers = priced_offers(deps, decision, cny(300_000), shuffled, TODAY)
        shown = [offer.annual_cost.quantize(SHOWN_RATE) for offer in offers]
        assert shown == sorted(shown)
        orders.add(tuple(offer.plan.id for offer in offers))
    assert len(orders) == 1, "the order in which a merchant lists its plans buys no place"
    assert next(iter(orders))[0] == "b_free" and next(iter(orders))[-1] == "a_dear"


def test_plans_that_tie_in_all_keep_one_order(sqlite_installation) -> None:
    """Equal cost and equal length: the order in which the merchant listed them decides nothing."""
    deps = sqlite_installation.deps
    twins = [Plan(id=f"twin_{letter}", installments=6, annual_rate="0.09") for letter in "cab"]
    # A hundredth of a basis point is rounding, and no reason to stand first.
    twins.append(Plan(id="twin_d", installments=6, annual_rate="0.0900001"))
    orders = {
        tuple(offer.plan.id for offer in priced_offers(deps, _approval(deps.policy), cny(300_000), some, TODAY))
        for some in (twins, twins[::-1], twins[2:] + twins[:2])
    }  # fmt: skip

    assert orders == {("twin_a", "twin_b", "twin_c", "twin_d")}


def _approval(policy):
    features = Features(
        currency="CNY", amount_minor=300_000, age_years=30, identity="match", bureau_status="found", bureau_score=560,
        bureau_debts_minor=0, bureau_worst_overdue_days=0, bureau_inquiries_30d=0, own_open_loans=0,
        own_outstanding_minor=0, own_worst_overdue_days=0, own_refusals_30d=0, merchant_category="travel",
        decided_on=TODAY,
    )  # fmt: skip
    return policy.decide(features)


def test_a_weekly_plan_is_measured_by_what_falls_due_in_a_month(sqlite_installation) -> None:
    weekly = Plan(id="w", installments=8, annual_rate="0", period="week")
    monthly = Plan(id="m", installments=2, annual_rate="0")
    one, two = (
        next(iter(offers_for(sqlite_installation.deps, cny(80_000), [plan], TODAY)))
        for plan in (weekly, monthly)
    )

    assert (month_burden(one), month_burden(two)) == (40_000, 40_000)
