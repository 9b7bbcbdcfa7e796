"""Whatever order the bank tells things in, however often and however late, the books end the same."""

import itertools
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from merchant_server.domain.deduction import DeductionStatus
from merchant_server.domain.errors import TransitionConflict
from merchant_server.services.collection.callbacks import receive
from merchant_server.services.collection.deductions import ask_bank, request_due
from tests.installation import Installation
from tests.life.standing_loan import Life, Template, living, make_template
from tests.services.collecting import ask_without_finding, cash, deductions_of, rows_of

TOLD = ("succeeded", "failed", "reversed")


@pytest.fixture(scope="module")
def template(
    migrated_sqlite: Path, authority_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Template:
    folder = tmp_path_factory.mktemp("orders")
    path = folder / "template.sqlite"
    shutil.copyfile(migrated_sqlite, path)
    return make_template(folder, f"sqlite:///{path}", "", authority_folder)


def asked(life: Life) -> str:
    """Let the first row fall due, and the bank take its deduction on."""
    life.house.advance(months=1)
    request_due(life.house.deps, life.house.caller.merchant_id)
    ask_bank(life.house.deps)
    return life.deductions()[0].id


def books(life: Life) -> dict[str, int]:
    with life.house.deps.storage.reading() as uow:
        return {account: balance.minor for account, balance in uow.ledger.trial_balance() if balance.minor}


@pytest.mark.parametrize("told", [("succeeded",), ("succeeded", "reversed")])
def test_every_order_of_what_a_bank_tells_ends_in_the_same_books(
    template: Template, told: tuple[str, ...]
) -> None:
    """A bank that told a failure by mistake, and the truth besides, in any order and with asking between."""
    ends = []
    for order in itertools.permutations((*told, "failed", "ask")):
        with living(template) as life:
            reference = asked(life)
            life.bank.decide(reference, "succeeded", "reversed" if "reversed" in told else "")
            for each in order:
                (made,) = [one for one in life.deductions() if one.id == reference]
                if each == "ask":
                    life.house.clock.pass_(seconds=30)
                    ask_bank(life.house.deps)
                else:
                    life.tell(made, each, "insufficient_funds" if each == "failed" else "")
                assert life.house.breaches() == []
            ends.append((books(life), life.loan().paid, life.loan().status, life.rows()[0].due()))
    assert all(end == ends[0] for end in ends)


@settings(max_examples=25, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(told=st.lists(st.sampled_from(TOLD), min_size=1, max_size=8), late=st.integers(0, 30))
def test_the_last_word_is_what_was_told_and_not_when(template: Template, told: list[str], late: int) -> None:
    with living(template) as life:
        asked(life)
        for status in told:
            (made, *_) = life.deductions()
            life.house.clock.pass_(days=late / len(told))
            life.tell(made, status, "insufficient_funds" if status == "failed" else "")
        (made, *_) = life.deductions()
        expected = DeductionStatus.FAILED
        if "succeeded" in told:
            expected = DeductionStatus.SUCCEEDED
        if "reversed" in told:
            expected = DeductionStatus.REVERSED
        assert made.status == expected
        assert books(life).get("bank:cash", 0) == (
            made.amount.minor if expected == DeductionStatus.SUCCEEDED else 0
        )
        assert life.house.breaches() == []


def test_a_hundred_copies_on_four_threads_are_booked_once(installation: Installation) -> None:
    sold = installation.sell(plan="p3")
    installation.advance(months=1)
    deduction = ask_without_finding(installation)
    ((body, headers),) = installation.bank.callbacks(deduction.id, installation.clock.now())
    with ThreadPoolExecutor(4) as pool:
        verdicts = list(pool.map(lambda _: _verdict(installation, body, headers), range(100)))
    assert verdicts.count("applied") == 1
    assert cash(installation) == deduction.amount.minor
    assert rows_of(installation, sold)[0] == "paid"
    assert len(deductions_of(installation, sold)) == 1


def _verdict(house: Installation, body: bytes, headers: Any) -> str:
    try:
        return receive(house.deps, body, headers).outcome
    except TransitionConflict:
        # The bank is told to send it again.
        return "conflict"
