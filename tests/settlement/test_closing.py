"""The daily close: interest is earned by the day, never twice, and never more than the contract's."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

from fenqi.finance.money import Money
from hypothesis import given
from hypothesis import strategies as st

from merchant_server.domain.accrual import AccruingRow, accrued
from merchant_server.services.settlement.closing import close_days
from tests.installation import Installation
from tests.settlement.test_payouts import days

BEGINS = date(2026, 11, 21)


def earned(house: Installation) -> int:
    with house.deps.storage.reading() as uow:
        return -uow.ledger.balance("income:interest:earned", "CNY").minor


class TestArithmetic:
    """One row, any day."""

    def test_a_third_of_the_days_earn_a_third_of_the_interest(self) -> None:
        row = AccruingRow(BEGINS, BEGINS + timedelta(days=30), Money(3_000, "CNY"), Money(0, "CNY"))
        assert accrued(row, BEGINS) == Money(0, "CNY")
        assert accrued(row, BEGINS + timedelta(days=10)) == Money(1_000, "CNY")
        assert accrued(row, BEGINS + timedelta(days=400)) == Money(3_000, "CNY")

    @given(
        st.integers(1, 400),
        st.integers(0, 10**12),
        st.integers(0, 10**12),
        st.integers(-10, 800),
        st.integers(0, 30),
    )
    def test_it_grows_by_the_day_within_the_contract(
        self, length: int, interest: int, paid: int, after: int, more: int
    ) -> None:
        row = AccruingRow(
            BEGINS, BEGINS + timedelta(days=length), Money(interest, "CNY"), Money(min(paid, interest), "CNY")
        )
        day = BEGINS + timedelta(days=after)
        now, later = accrued(row, day), accrued(row, day + timedelta(days=more))
        assert Money(0, "CNY") <= now <= later <= row.interest - row.paid


class TestClose:
    """The books of a day, with repayments in between."""

    def test_each_day_earns_its_part_and_a_repayment_trues_it_up(self, installation: Installation) -> None:
        house = installation
        sold = house.sell(Money(399_900, "CNY"), plan="p12")
        rows = house.rows("SELECT * FROM installments WHERE loan_id = :id ORDER BY number", id=sold.loan_id)
        first, second = rows[0]["interest_minor"], rows[1]["interest_minor"]
        days(house, 11)
        # Ten days of November and December are over; the period has thirty.
        assert earned(house) == first * 10 // 30
        days(house, 20)
        assert house.rows("SELECT status FROM installments WHERE number = 1")[0]["status"] == "paid"
        assert earned(house) == first
        days(house, 4)
        assert earned(house) == first + second * 4 // 31

    def test_a_jump_earns_what_the_days_would_have(self, installation: Installation) -> None:
        house = installation
        house.sell(Money(399_900, "CNY"), plan="p12")
        house.advance(days=11)
        house.work()
        (row,) = house.rows("SELECT interest_minor FROM installments WHERE number = 1")
        assert earned(house) == row["interest_minor"] * 10 // 30
        assert close_days(house.deps) == 0
        before = house.rows("SELECT COUNT(*) AS n FROM journal_entries")
        house.work()
        assert house.rows("SELECT COUNT(*) AS n FROM journal_entries") == before

    def test_workers_that_close_a_day_at_the_same_moment_close_it_once(
        self, installation: Installation
    ) -> None:
        house = installation
        house.sell(Money(399_900, "CNY"), plan="p12")
        for _ in range(3):
            house.advance(days=11)
            with ThreadPoolExecutor(4) as workers:
                assert sorted(workers.map(lambda _: close_days(house.deps), range(4))) == [0, 0, 0, 1]

    def test_when_all_is_paid_all_of_the_contracts_interest_is_earned_and_no_more(
        self, sqlite_installation: Installation
    ) -> None:
        house = sqlite_installation
        sold = house.sell(Money(60_000, "CNY"), plan="p6")
        for _ in range(7):
            house.advance(months=1)
            house.work()
        (loan,) = house.rows("SELECT status, interest_minor FROM loans WHERE id = :id", id=sold.loan_id)
        assert loan["status"] == "repaid"
        assert earned(house) == loan["interest_minor"]
        with house.deps.storage.reading() as uow:
            assert uow.ledger.balance("income:interest:deferred", "CNY").minor == 0
