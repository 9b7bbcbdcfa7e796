"""Who bears the interest that a plan spares the consumer, to the minor unit; and the disclosed rate is the real one."""

from datetime import date

from fenqi.finance import Money, build_schedule
from fenqi.finance.apr import irr
from fenqi.finance.errors import ScheduleError
from fenqi.finance.plan import PARTIES, Plan
from fenqi.offers import quote
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.finance.strategies import AMOUNTS, plans

DAY = date(2026, 1, 31)
SHARES = st.lists(st.integers(0, 3_333), min_size=3, max_size=3).map(
    lambda parts: {party: part for party, part in zip(PARTIES, parts, strict=True) if part}
)


@given(plans(), AMOUNTS, SHARES)
def test_the_parties_together_bear_exactly_what_the_consumer_is_spared(
    plan: Plan, amount: Money, shares: dict[str, int]
) -> None:
    shared = plan.changed(subsidy_bps=shares)
    try:
        schedule = build_schedule(shared, amount, DAY)
        full = build_schedule(shared.unsubsidized(), amount, DAY)
    except ScheduleError:
        assume(False)
    spared = max(0, full.total_interest_minor - schedule.total_interest_minor)
    assert set(schedule.subsidies) == set(shares)
    assert sum(part.minor for part in schedule.subsidies.values()) == (spared if shares else 0)
    whole = sum(shares.values())
    for party, bps in shares.items():
        # One minor unit at most beside the exact share.
        assert abs(schedule.subsidies[party].minor * whole - spared * bps) <= whole


@given(st.integers(100, 2_400), st.integers(1, 9_999))
def test_a_discounted_rate_is_disclosed_as_the_consumer_pays_it(points: int, bps: int) -> None:
    rate = f"{points / 10_000:.4f}"
    offered = Plan(id="p", installments=12, annual_rate=rate, subsidy_bps={"lender": bps})
    (offer,) = quote(Money(10_000_000, "CNY"), [offered], on=DAY)
    paid = [(offer.amount, 0), *((-row.total, row.number) for row in offer.schedule.installments)]
    assert abs(offer.annual_cost - irr(paid, 12)) < 10**-6
    assert offer.annual_cost <= offered.annual_rate
