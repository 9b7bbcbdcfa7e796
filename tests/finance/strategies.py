"""Plans and amounts over the whole product range, for properties."""

from datetime import date
from decimal import Decimal

from fenqi.finance import Money, Plan
from fenqi.finance.dates import DAY_COUNTS
from fenqi.finance.plan import METHODS
from hypothesis import strategies as st

DAYS = st.dates(date(1970, 1, 1), date(2100, 12, 31))
RATES = st.integers(0, 3600).map(lambda points: Decimal(points).scaleb(-4))
AMOUNTS = st.one_of(st.integers(20_000, 10**7), st.integers(10**5, 10**12)).map(
    lambda minor: Money(minor, "CNY")
)


@st.composite
def plans(draw, methods=METHODS, **fixed):
    method = draw(st.sampled_from(methods))
    count = draw(st.one_of(st.integers(1, 24), st.integers(1, 60)))
    terms = {
        "id": "p",
        "installments": count,
        "method": method,
        "annual_rate": Decimal(0) if method == "flat_fee" else draw(RATES),
        "fee_rate": draw(st.sampled_from(["0", "0.006", "0.0075", "0.012"])),
        "installment_fee_minor": draw(st.sampled_from([0, 0, 99])),
        "down_payment_rate": draw(st.sampled_from(["0", "0", "0.2", "0.3333"])),
        "up_front_fee_rate": draw(st.sampled_from(["0", "0", "0.02"])),
        "up_front_fee": draw(st.sampled_from(["paid", "financed"])),
        "period": draw(st.sampled_from(["month", "month", "half_month", "2 weeks", "week"])),
        "interest_free_installments": draw(st.one_of(st.just(0), st.integers(0, count))),
        "day_count": draw(st.sampled_from(DAY_COUNTS)),
        "rounding": draw(st.sampled_from(["half_up", "half_even"])),
        "remainder": draw(st.sampled_from(["last", "first"])),
        "cash_back_bps": draw(st.sampled_from([0, 150, {"merchant": 100, "brand": 33, "lender": 34}])),
        "subsidy_bps": draw(st.sampled_from([0, 5000, {"merchant": 2500, "brand": 2500, "lender": 5000}])),
        "disclosure": draw(st.sampled_from(["CN", "EU", "UK", "US"])),
    }
    return Plan(**{**terms, **fixed})
