"""Lines of an order that come back in any order of refunds: each piece once, and every minor unit once."""

from fenqi.finance import Money
from fenqi.finance.errors import RepaymentError
from fenqi.finance.lines import Line, ReturnedLine, checked_lines, returned_lines
from hypothesis import given
from hypothesis import strategies as st

ORDERS = st.lists(st.tuples(st.integers(1, 9), st.integers(1, 10**9)), min_size=1, max_size=6).map(
    lambda rows: tuple(
        Line(f"line-{index}", "", quantity, Money(minor, "CNY"))
        for index, (quantity, minor) in enumerate(rows)
    )
)


@given(ORDERS, st.lists(st.tuples(st.integers(0, 6), st.one_of(st.none(), st.integers(0, 10))), max_size=40))
def test_all_refunds_of_a_line_together_are_at_most_the_line_and_at_its_end_exactly_it(
    lines: tuple[Line, ...], wishes: list[tuple[int, int | None]]
) -> None:
    checked_lines(lines, Money(sum(line.amount.minor for line in lines), "CNY"))
    came: list[ReturnedLine] = []
    for which, quantity in [*wishes, *((index, None) for index in range(len(lines)))]:
        try:
            came += returned_lines(lines, [(f"line-{which}", quantity)], came)
        except RepaymentError as refused:
            assert refused.field in ("lines", "quantity") and refused.allowed
    for line in lines:
        back = [each for each in came if each.id == line.id]
        assert sum(each.quantity for each in back) == line.quantity
        assert sum(each.amount.minor for each in back) == line.amount.minor
        assert all(each.amount.minor >= 0 for each in back)
