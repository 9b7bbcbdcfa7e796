"""Payouts: T+n, netting, minimum, reserve, and every way a bank can answer; the books say what was paid."""

from datetime import date

import pytest
from fenqi.finance.money import Money

from merchant_server.domain.payout import PayoutStatus
from merchant_server.domain.workdays import is_workday, next_workday, ripe_before
from merchant_server.services.settlement import payouts
from merchant_server.services.settlement.terms import set_terms
from tests.installation import Installation

# 2026-11-21, a Saturday: a capture on it is one workday old on Monday the 23rd.
PRICE = Money(399_900, "CNY")
FEE = 399_900 * 60 // 10_000


def agree(house: Installation, account: str = "sandbox_9001", **changes: object) -> None:
    set_terms(house.deps, house.caller.merchant_id, payout_account=account, **changes)


def kept(house: Installation) -> list[tuple[str, int]]:
    rows = house.rows("SELECT status, amount_minor FROM payouts ORDER BY id")
    return [(row["status"], row["amount_minor"]) for row in rows]


def owed(house: Installation, account: str) -> int:
    with house.deps.storage.reading() as uow:
        return -uow.ledger.balance(f"merchant:{house.caller.merchant_id}:{account}", "CNY").minor


def days(house: Installation, count: int) -> None:
    for _ in range(count):
        house.advance(days=1)
        house.work()


class TestWorkdays:
    """T+n counts days on which the currency's banks work."""

    def test_a_worked_weekend_counts_and_a_holiday_does_not(self) -> None:
        assert is_workday(date(2026, 2, 14), "CNY")  # a Saturday worked for the Spring Festival
        assert not is_workday(date(2026, 10, 1), "CNY")
        assert next_workday(date(2026, 9, 30), "CNY") == date(2026, 10, 8)
        assert is_workday(date(2026, 10, 1), "EUR")
        assert not is_workday(date(2026, 12, 25), "USD")
        assert is_workday(date(2026, 12, 25), "KWD")

    @pytest.mark.parametrize(
        ("today", "workdays", "edge"),
        [
            (date(2026, 11, 23), 0, date(2026, 11, 24)),
            (date(2026, 11, 23), 1, date(2026, 11, 23)),
            (date(2026, 11, 24), 1, date(2026, 11, 24)),
            (date(2026, 11, 24), 2, date(2026, 11, 23)),
            (date(2026, 11, 23), 2, date(2026, 11, 20)),
        ],
    )
    def test_what_was_captured_before_the_edge_is_ripe(self, today: date, workdays: int, edge: date) -> None:
        assert ripe_before(today, workdays, "CNY") == edge


class TestSchedule:
    """A merchant is paid what is ripe, on workdays, once."""

    def test_a_sale_is_paid_out_on_the_next_workday_less_the_fee(self, installation: Installation) -> None:
        agree(installation)
        installation.sell(PRICE)
        installation.work()
        assert kept(installation) == []
        days(installation, 1)
        assert kept(installation) == [], "Sunday is no workday"
        days(installation, 1)
        assert kept(installation) == [("paid", 399_900 - FEE)]
        assert owed(installation, "payable") == owed(installation, "payout") == 0
        kinds = [
            row["type"]
            for row in installation.rows("SELECT type FROM events WHERE aggregate_type = 'payout'")
        ]
        assert sorted(kinds) == ["payout.created", "payout.paid"]
        days(installation, 3)
        assert len(kept(installation)) == 1

    def test_a_payout_bears_the_days_of_the_merchants_clock(self, sqlite_installation: Installation) -> None:
        house = sqlite_installation
        agree(house)
        house.sell(PRICE)
        days(house, 4)
        (paid,) = house.rows("SELECT payout_on, created_at, settled_at FROM payouts")
        assert paid["created_at"][:10] == paid["settled_at"][:10] == paid["payout_on"] == "2026-11-23"

    def test_without_an_account_the_money_waits(self, sqlite_installation: Installation) -> None:
        house = sqlite_installation
        house.sell(PRICE)
        days(house, 4)
        assert kept(house) == []
        agree(house)
        days(house, 1)
        assert kept(house) == [("paid", 399_900 - FEE)]

    def test_below_the_minimum_everything_waits_for_more(self, sqlite_installation: Installation) -> None:
        house = sqlite_installation
        agree(house, minimum=Money(500_000, "CNY"), payout_days=0)
        house.sell(PRICE)
        days(house, 3)
        assert kept(house) == []
        house.sell(Money(300_000, "CNY"), reference="order-2")
        days(house, 1)
        assert kept(house) == [("paid", 399_900 - FEE + 300_000 - 1_800)]

    def test_what_is_taken_back_is_netted_and_below_zero_carries_over(
        self, sqlite_installation: Installation
    ) -> None:
        house = sqlite_installation
        agree(house, payout_days=0)
        house.sell(PRICE)
        days(house, 2)
        assert len(kept(house)) == 1
        take_back(house, 50_000)
        days(house, 1)
        assert owed(house, "payable") == -50_000
        assert len(kept(house)) == 1
        house.sell(Money(300_000, "CNY"), reference="order-2")
        days(house, 1)
        assert kept(house)[-1] == ("paid", 300_000 - 1_800 - 50_000)

    def test_a_new_merchants_reserve_is_kept_back_and_released_in_time(
        self, installation: Installation
    ) -> None:
        agree(installation, reserve_bps=1_000, reserve_days=5)
        installation.sell(PRICE)
        days(installation, 2)
        assert kept(installation) == [("paid", 399_900 - FEE - 39_990)]
        assert owed(installation, "reserve") == 39_990
        days(installation, 3)
        assert owed(installation, "reserve") == 0
        assert kept(installation)[1:] == [("paid", 39_990)]


def take_back(house: Installation, minor: int) -> None:
    """Book what a refund takes off a merchant's payable, against what it holds."""
    from merchant_server.domain.ledger import held, moves, payable
    from merchant_server.services.settlement.booking import book

    mer = house.caller.merchant_id
    with house.deps.storage.unit_of_work() as uow:
        today = house.deps.today(uow, uow.merchants.get(mer))  # type: ignore[arg-type]
        postings = moves((held(mer), payable(mer), Money(minor, "CNY")))
        book(uow, house.deps, "refund", "rfd_test", postings, merchant_id=mer, occurred_on=today)


class TestBankAnswers:
    """However the bank answers, the money leaves once or comes back once."""

    @pytest.mark.parametrize("account", ["sandbox_9002", "sandbox_9006", "sandbox_9007", "sandbox_9008"])
    def test_late_and_lost_answers_end_paid_once(self, installation: Installation, account: str) -> None:
        agree(installation, account, payout_days=0)
        installation.sell(PRICE)
        days(installation, 2)
        assert kept(installation) == [("paid", 399_900 - FEE)]
        assert owed(installation, "payout") == 0

    def test_a_refused_account_stops_payouts_until_another_is_given(self, installation: Installation) -> None:
        agree(installation, "sandbox_9003", payout_days=0)
        installation.sell(PRICE)
        days(installation, 4)
        assert kept(installation) == [("failed", 399_900 - FEE)]
        assert owed(installation, "payable") == 399_900 - FEE
        agree(installation)
        days(installation, 1)
        assert kept(installation)[1:] == [("paid", 399_900 - FEE)]
        assert owed(installation, "payable") == owed(installation, "payout") == 0

    def test_a_busy_bank_is_tried_again_the_next_day(self, sqlite_installation: Installation) -> None:
        house = sqlite_installation
        agree(house, "sandbox_9005", payout_days=0)
        house.sell(PRICE)
        days(house, 4)
        assert [status for status, _ in kept(house)] == ["failed"] * 3

    def test_a_crash_after_the_bank_acted_is_settled_by_asking(self, installation: Installation) -> None:
        agree(installation, payout_days=0)
        installation.sell(PRICE)
        installation.advance(days=2)
        payouts.pay_out_due(installation.deps)
        (row,) = installation.rows("SELECT id, account, amount_minor FROM payouts")
        # The process died here: the bank had been asked, and its answer was never written down.
        installation.bank.pay_out(
            reference=row["id"], account=row["account"], amount=Money(row["amount_minor"], "CNY")
        )
        installation.work()
        assert kept(installation) == [("paid", 399_900 - FEE)]
        assert len(installation.bank._payouts) == 1

    def test_an_outcome_is_booked_once_however_often_it_is_told(
        self, sqlite_installation: Installation
    ) -> None:
        house = sqlite_installation
        agree(house, payout_days=0)
        house.sell(PRICE)
        days(house, 2)
        (row,) = house.rows("SELECT id FROM payouts")
        with house.deps.storage.unit_of_work() as uow:
            assert payouts.settle_payout(uow, house.deps, row["id"], PayoutStatus.PAID) is False
