"""What is given back of a repaid principal, and by whom, to the minor unit; it makes no price and no rate lower."""

from datetime import date

import pytest
from fenqi.finance import Money
from fenqi.finance.cash_back import cash_back_of, share_cash_back
from fenqi.finance.errors import AmountError
from fenqi.finance.plan import PARTIES, Plan
from fenqi.offers import quote
from hypothesis import given
from hypothesis import strategies as st

SHARES = st.lists(st.integers(0, 3_333), min_size=3, max_size=3).map(
    lambda parts: {party: part for party, part in zip(PARTIES, parts, strict=True) if part}
)


@given(st.integers(0, 10**13), SHARES, st.sampled_from(["half_up", "half_even"]))
def test_the_parties_together_give_exactly_what_the_consumer_gets(
    minor: int, shares: dict[str, int], rounding: str
) -> None:
    plan = Plan(id="p", installments=3, cash_back_bps=shares, rounding=rounding)
    whole, bps = cash_back_of(plan, Money(minor, "CNY")).minor, sum(shares.values())
    given_back = share_cash_back(plan, Money(whole, "CNY"))
    assert set(given_back) == set(shares)
    assert sum(part.minor for part in given_back.values()) == whole
    assert abs(whole * 10_000 - minor * bps) <= 5_000
    for party, share in shares.items():
        assert abs(given_back[party].minor * bps - whole * share) <= bps


@given(st.integers(1, 10**9), SHARES, st.integers(0, 10**9))
def test_more_repaid_never_gives_less_back(minor: int, shares: dict[str, int], more: int) -> None:
    plan = Plan(id="p", installments=3, cash_back_bps=shares)

    def whole(principal: int) -> int:
        return cash_back_of(plan, Money(principal, "CNY")).minor

    assert whole(minor) <= whole(minor + more)


def test_an_offer_costs_the_same_with_and_without_it() -> None:
    plain = Plan(id="p", installments=12, annual_rate="0.12")
    (without,), (promised,) = (
        quote(Money(399_900, "CNY"), [plan], on=date(2026, 11, 21))
        for plan in (plain, plain.changed(cash_back_bps=200))
    )
    assert (promised.total_cost, promised.annual_cost) == (without.total_cost, without.annual_cost)
    assert [row.total for row in promised.schedule.installments] == [
        row.total for row in without.schedule.installments
    ]


def test_a_principal_below_zero_is_refused() -> None:
    with pytest.raises(AmountError):
        cash_back_of(Plan(id="p", installments=3, cash_back_bps=100), Money(-1, "CNY"))


def test_an_offer_says_what_it_gives_back_of_what_is_financed() -> None:
    plan = Plan(
        id="p", installments=6, annual_rate="0.1", down_payment_rate="0.2", cash_back_bps={"brand": 150}
    )
    (offer,) = quote(Money(399_900, "CNY"), [plan], date(2026, 11, 22))
    assert offer.cash_back == Money(4_799, "CNY")
    assert offer.to_dict()["cash_back"] == {"minor": 4_799, "currency": "CNY"}
