"""Any order of grants, draws, repayments and reversals keeps a line's use exact, and no draw exceeds it."""

import shutil
import tempfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fenqi.finance.money import Money
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from merchant_server.domain.consumer import Consumer, CreditLine, Person
from merchant_server.domain.errors import RuleRefused, TransitionConflict
from merchant_server.storage.key_ring import KeyRing
from merchant_server.storage.opening import open_engine
from merchant_server.storage.unit_of_work import SqlStorage

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
AMOUNTS = st.integers(1, 600)


class Exposure(RuleBasedStateMachine):
    """A real line in a real database beside two numbers: the limit and what is used."""

    template: Path

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        path = Path(self.folder.name) / "lines.sqlite"
        shutil.copyfile(self.template, path)
        self.engine = open_engine(f"sqlite:///{path}")
        self.storage = SqlStorage(
            self.engine, KeyRing.open(path.with_name("keys.json"), b"i" * 32), lambda p: p
        )
        person = Person("王小明", "110101199003077651", "+8613800138000", NOW.date())
        with self.storage.unit_of_work() as uow:
            uow.consumers.find_or_add(Consumer("con_1", person, NOW))
        self.now, self.limit, self.used, self.expires_at = NOW, 0, 0, NOW

    def teardown(self) -> None:
        self.engine.close()
        self.folder.cleanup()

    def line(self) -> CreditLine:
        with self.storage.reading() as uow:
            found = uow.lines.get("con_1", "CNY")
        assert found is not None
        return found

    @rule(limit=st.integers(0, 1_000), days=st.integers(1, 50))
    def grant(self, limit: int, days: int) -> None:
        self.limit, self.expires_at = limit, self.now + timedelta(days=days)
        line = CreditLine(
            "con_1", Money(limit, "CNY"), Money(0, "CNY"), "A", "0", self.expires_at, 1, "dec_1"
        )
        with self.storage.unit_of_work() as uow:
            uow.lines.grant(line)

    @precondition(lambda self: self.expires_at > NOW)
    @rule(amount=AMOUNTS)
    def draw(self, amount: int) -> None:
        allowed = self.now < self.expires_at and self.used + amount <= self.limit
        try:
            with self.storage.unit_of_work() as uow:
                line = uow.lines.get("con_1", "CNY")
                uow.lines.save(line.draw(Money(amount, "CNY"), self.now), line)
            drawn = True
        except RuleRefused:
            drawn = False
        assert drawn == allowed
        self.used += amount if drawn else 0

    @precondition(lambda self: self.used > 0)
    @rule(share=st.integers(1, 100))
    def repay(self, share: int) -> None:
        amount = max(self.used * share // 100, 1)
        with self.storage.unit_of_work() as uow:
            uow.lines.owe("con_1", Money(-amount, "CNY"))
        self.used -= amount

    @precondition(lambda self: self.expires_at > NOW)
    @rule(amount=AMOUNTS)
    def the_bank_takes_back(self, amount: int) -> None:
        with self.storage.unit_of_work() as uow:
            uow.lines.owe("con_1", Money(amount, "CNY"))
        self.used += amount

    @precondition(lambda self: self.expires_at > NOW)
    @rule(amount=AMOUNTS)
    def two_draw_from_one_reading(self, amount: int) -> None:
        seen = self.line()
        done = 0
        for _ in range(2):
            try:
                with self.storage.unit_of_work() as uow:
                    uow.lines.save(seen.draw(Money(amount, "CNY"), self.now), seen)
                done += 1
            except (RuleRefused, TransitionConflict):
                continue
        assert done <= 1
        self.used += amount * done

    @rule(days=st.integers(0, 30))
    def time_passes(self, days: int) -> None:
        self.now += timedelta(days=days)

    @precondition(lambda self: self.expires_at > NOW)
    @invariant()
    def the_line_says_what_happened(self) -> None:
        line = self.line()
        assert (line.limit.minor, line.used.minor) == (self.limit, self.used)


def test_exposure_is_exact_in_any_order(migrated_sqlite: Path) -> None:
    Exposure.template = migrated_sqlite
    run_state_machine_as_test(
        Exposure, settings=settings(max_examples=25, stateful_step_count=20, deadline=None)
    )


def test_the_machine_finds_a_line_that_forgets(
    migrated_sqlite: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same test fails when a draw does not count: it is able to find what it looks for."""
    Exposure.template = migrated_sqlite
    monkeypatch.setattr(CreditLine, "draw", lambda line, amount, now: replace(line, version=line.version + 1))

    with pytest.raises(AssertionError):
        run_state_machine_as_test(
            Exposure,
            settings=settings(max_examples=25, deadline=None, database=None, report_multiple_bugs=False),
        )
