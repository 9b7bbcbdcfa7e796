"""Money is whole minor units of one currency, exact, and refuses everything else."""

import pickle
from decimal import Decimal
from fractions import Fraction

import pytest
from fenqi.finance import FinanceError, Money, Plan
from fenqi.finance.currencies import EXPONENTS
from fenqi.finance.errors import AmountError, CurrencyError, CurrencyMismatch, RateError
from fenqi.finance.rounding import ROUNDINGS, divide
from hypothesis import given
from hypothesis import strategies as st

MINORS = st.integers(-(10**15), 10**15)
CURRENCIES = st.sampled_from(sorted(EXPONENTS))


@pytest.mark.parametrize(
    ("text", "currency", "minor", "shown"),
    [
        ("3999.00", "CNY", 399900, "CNY 3999.00"),
        ("3999", "CNY", 399900, "CNY 3999.00"),
        ("500", "JPY", 500, "JPY 500"),
        ("1.234", "KWD", 1234, "KWD 1.234"),
        ("-0.05", "EUR", -5, "EUR -0.05"),
        ("0.1", "CLF", 1000, "CLF 0.1000"),
        (Decimal("1E+2"), "USD", 10000, "USD 100.00"),
    ],
)
def test_money_is_read_with_the_currencys_own_decimals(text, currency, minor, shown):
    amount = Money.parse(text, currency)
    assert (amount.minor, str(amount)) == (minor, shown)


@given(MINORS, CURRENCIES)
def test_printing_and_reading_gives_the_same_money(minor, currency):
    amount = Money(minor, currency)
    assert Money.parse(amount.decimal_text, currency) == amount
    assert pickle.loads(pickle.dumps(amount)) == amount
    assert hash(Money(minor, currency)) == hash(amount)


@pytest.mark.parametrize("bad", [1.0, True, "1", None, Decimal(1), 10**15 + 1, -(10**15) - 1])
def test_money_refuses_what_is_no_whole_number_in_range(bad):
    with pytest.raises(AmountError) as refused:
        Money(bad, "CNY")
    assert refused.value.field == "amount"
    assert "10^15" in refused.value.allowed


@pytest.mark.parametrize(
    "bad", [1.5, "1.234", "1e3", "", " 1", "1,000.00", "NaN", "١", "1.", ".5", 5, None, "1" * 17]
)
def test_parse_refuses_what_is_no_decimal_amount(bad):
    with pytest.raises(AmountError):
        Money.parse(bad, "CNY")


def test_parse_refuses_decimals_that_the_currency_does_not_have():
    with pytest.raises(AmountError, match="0 decimals for JPY"):
        Money.parse("5.0", "JPY")


@pytest.mark.parametrize("code", ["cny", "XXX", "ZZZ", "", None, "XAU", "HRK", ["CNY"]])
def test_an_unknown_currency_is_refused(code):
    with pytest.raises(CurrencyError):
        Money(1, code)


@pytest.mark.parametrize("verb", ["__add__", "__sub__", "__lt__", "__le__", "__gt__", "__ge__"])
def test_two_currencies_never_meet(verb):
    with pytest.raises(CurrencyMismatch):
        getattr(Money(1, "CNY"), verb)(Money(1, "USD"))


@pytest.mark.parametrize("factor", [0.5, True, "2", None])
def test_multiplying_by_anything_inexact_is_refused(factor):
    with pytest.raises(AmountError):
        Money(100, "CNY") * factor
    with pytest.raises(AmountError):
        Money(100, "CNY").times(factor)


def test_a_product_that_is_no_whole_minor_unit_needs_a_named_rounding():
    amount = Money(100, "CNY")
    assert amount * Fraction(1, 4) == Money(25, "CNY")
    with pytest.raises(AmountError, match="rounding"):
        amount * Fraction(1, 3)
    assert amount.times(Fraction(1, 3)) == Money(33, "CNY")


def test_a_sum_beyond_the_bound_is_refused():
    with pytest.raises(AmountError):
        Money(10**15, "CNY") + Money(1, "CNY")


@pytest.mark.parametrize(
    ("rounding", "of_plus", "of_minus"),
    [("half_up", 3, -3), ("half_even", 2, -2), ("up", 3, -3), ("down", 2, -2)],
)
def test_a_tie_is_rounded_by_name_and_alike_on_both_sides_of_zero(rounding, of_plus, of_minus):
    assert Money(5, "CNY").times(Fraction(1, 2), rounding=rounding).minor == of_plus
    assert Money(-5, "CNY").times(Fraction(1, 2), rounding=rounding).minor == of_minus


@given(st.integers(-(10**20), 10**20), st.integers(1, 10**12), st.sampled_from(ROUNDINGS))
def test_division_rounds_as_the_decimal_module_does(top, bottom, rounding):
    import decimal

    with decimal.localcontext(prec=80):
        name = {
            "half_up": "ROUND_HALF_UP",
            "half_even": "ROUND_HALF_EVEN",
            "up": "ROUND_UP",
            "down": "ROUND_DOWN",
        }
        whole, rest = divmod(abs(top), bottom)
        share = Decimal(0) if not rest else Decimal("0.5") if 2 * rest == bottom else Decimal(rest) / bottom
        expected = (Decimal(whole) + share).quantize(Decimal(1), rounding=name[rounding])
    assert divide(top, bottom, rounding) == (int(expected) if top >= 0 else -int(expected))


@given(
    MINORS,
    st.lists(st.integers(0, 1000), min_size=1, max_size=30),
    st.sampled_from(["last", "first", "largest"]),
)
def test_allocation_loses_nothing_and_gives_each_share_within_its_rule(minor, weights, remainder):
    if not any(weights):
        weights[0] = 1
    amount = Money(minor, "CNY")
    shares = [share.minor for share in amount.allocate(weights, remainder=remainder)]
    assert sum(shares) == minor
    assert all(share == 0 or (share > 0) == (minor > 0) for share in shares)
    assert all(share == 0 for share, weight in zip(shares, weights, strict=True) if weight == 0)
    off = [
        abs(share - Fraction(minor * weight, sum(weights)))
        for share, weight in zip(shares, weights, strict=True)
    ]
    bearing = [index for index, weight in enumerate(weights) if weight]
    excused = {"last": bearing[-1], "first": bearing[0], "largest": None}[remainder]
    assert all(gap < 1 for index, gap in enumerate(off) if index != excused)


def test_the_remainder_goes_where_the_rule_says():
    amount = Money(100, "CNY")
    assert [share.minor for share in amount.allocate([1, 1, 1])] == [33, 33, 34]
    assert [share.minor for share in amount.allocate([1, 1, 1], remainder="first")] == [34, 33, 33]
    assert [share.minor for share in Money(101, "CNY").allocate([1, 1, 1, 0], remainder="largest")] == [
        34,
        34,
        33,
        0,
    ]


@pytest.mark.parametrize("weights", [[], [0, 0], [-1, 2], [0.5, 0.5], [True], ["1"]])
def test_weights_that_are_no_weights_are_refused(weights):
    with pytest.raises(AmountError):
        Money(100, "CNY").allocate(weights)


def test_money_cannot_be_changed():
    with pytest.raises(AttributeError):
        Money(1, "CNY").minor = 2


def test_every_refusal_is_a_finance_error_with_a_code():
    with pytest.raises(FinanceError) as refused:
        Money(1, "CNY").allocate([1], remainder="middle")
    assert refused.value.code
    assert "last, first, largest" in str(refused.value)


def test_exponents_agree_with_an_independent_table():
    from babel.numbers import get_currency_precision

    minor_units_of_the_standard_that_cldr_shortens = {
        "AFN", "ALL", "AMD", "COP", "CRC", "IDR", "IQD", "IRR", "KPW", "LAK", "LBP", "MGA", "MMK", "MNT", "MUR",
        "PKR", "RSD", "SLE", "SOS", "SYP", "TZS", "UZS", "YER", "CHE", "CHW", "TWD", "CZK", "HUF", "GYD", "NOK", "SEK",
    }  # fmt: skip
    differing = {code for code, exponent in EXPONENTS.items() if get_currency_precision(code) != exponent}
    assert differing <= minor_units_of_the_standard_that_cldr_shortens


def test_a_number_too_long_to_print_is_refused_in_words():
    huge = 10**5000
    with pytest.raises(AmountError):
        Money(huge, "CNY")
    with pytest.raises(AmountError):
        Money(1, "CNY") * huge
    with pytest.raises(RateError, match="huge"):
        Plan(id="p", installments=3, annual_rate=huge)
