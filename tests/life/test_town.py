"""Thirty days of fifty loans with a faulty bank: at the end nothing is unexplained. `make soak` lives a year."""

import os
import sys
from collections.abc import Callable

from fenqi.finance.money import Money

from tests.installation import Installation
from tests.life.town import Town, found_town

LOANS = int(os.environ.get("FENQI_YEAR_LOANS", "0"))
DAYS = int(os.environ.get("FENQI_YEAR_DAYS", "365"))
SEED = int(os.environ.get("FENQI_YEAR_SEED", "20261121"))


def shown(what: str) -> Callable[[int, int], None]:
    """Return a progress display for a terminal or a log."""

    def told(done: int, of: int) -> None:
        if done == of or done % max(1, of // 20) == 0:
            print(f"  {what}: {done} of {of}", file=sys.stderr, flush=True)

    return told


def live_and_check(house: Installation, loans: int, days: int, liveliness: int = 1) -> Town:
    """Let a town live, come to rest, and be explained."""
    town = found_town(house, SEED, liveliness)
    town.settle_down(loans, shown("loans"))
    town.live(days, shown("days"))
    town.come_to_rest()
    print(f"  seed {SEED}: {dict(town.acts)} {town.bank.faults}", file=sys.stderr)
    assert town.unexplained() == []
    with house.deps.storage.reading() as uow:
        difference = uow.ledger.balance("bank:cash", "CNY") - Money(town.bank.cash_minor, "CNY")
    assert difference == Money(0, "CNY")
    assert town.loans_without_reason() == []
    assert house.breaches() == []
    return town


def test_thirty_days_with_a_faulty_bank_leave_nothing_unexplained(installation: Installation) -> None:
    town = live_and_check(installation, 50, 30, liveliness=3)
    # The month was as bad as it was meant to be.
    for fault in ("late", "never told", "told thrice", "forged", "reversed", "unanswered", "answer lost"):
        assert town.bank.faults.get(fault), fault
    assert town.acts["lines that agree"] > 100
    kinds = {row["kind"] for row in installation.rows("SELECT DISTINCT kind FROM transfers")}
    assert {"lender_drawing", "lender_payout"} <= kinds


if LOANS:

    def test_a_year_with_a_faulty_bank_leaves_nothing_unexplained(installation: Installation) -> None:
        town = live_and_check(installation, LOANS, DAYS)
        # In a month chance may leave the bank's file nothing to settle.
        assert town.acts["settled by the file"] > 0
