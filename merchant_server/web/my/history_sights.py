"""Refunds, changes and disputes of a loan as shown: their words, and rows before and after side by side."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from fenqi.finance.money import Money
from fenqi.finance.repayment import Due

from merchant_server.domain.dispute import Dispute, DisputeWords
from merchant_server.domain.refund import Refund
from merchant_server.domain.schedule_change import ScheduleChange
from merchant_server.services.person.loan_history import LoanHistory
from merchant_server.web.language import day_text
from merchant_server.web.my.dispute_words import CHANGE_WORDS, REASON_WORDS, STATUS_WORDS


@dataclass(frozen=True, slots=True)
class ChangedRow:
    """One installment whose amount or day changed; None where it did not exist or is gone."""

    number: int
    was_on: date | None
    due_on: date
    before: Money | None
    after: Money | None


@dataclass(frozen=True, slots=True)
class ChangeView:
    """One change of a schedule."""

    words: str
    on: date
    less: Money
    rows: tuple[ChangedRow, ...]


@dataclass(frozen=True, slots=True)
class DisputeView:
    """One dispute."""

    dispute: Dispute
    written: DisputeWords
    reason: str
    headline: str
    advice: str


@dataclass(frozen=True, slots=True)
class HistoryView:
    """What happened to a loan."""

    refunds: tuple[Refund, ...]
    changes: tuple[ChangeView, ...]
    disputes: tuple[DisputeView, ...]
    can_dispute: bool
    is_disputed: bool


def history_view(history: LoanHistory, zone: str) -> HistoryView:
    """Return what to show of a loan's history, the newest first, in the request's language."""
    return HistoryView(
        refunds=tuple(reversed(history.refunds)),
        changes=tuple(_change(each, zone) for each in reversed(history.changes)),
        disputes=tuple(_dispute(*each) for each in reversed(history.disputes)),
        can_dispute=history.can_dispute,
        is_disputed=history.is_disputed,
    )


def changed_rows(before: Sequence[Due], after: Sequence[Due]) -> tuple[ChangedRow, ...]:
    """Return the installments that differ, in order."""
    old, new = ({row.number: row for row in rows} for rows in (before, after))
    found = []
    for number in sorted(old | new):
        was, now = old.get(number), new.get(number)
        known: Any = now or was
        if was != now:
            found.append(ChangedRow(number, was and was.due_on, known.due_on, _total(was), _total(now)))
    return tuple(found)


def _total(row: Due | None) -> Money | None:
    return None if row is None else Money(row.total_minor, row.currency)


def _change(change: ScheduleChange, zone: str) -> ChangeView:
    at: datetime = change.at.astimezone(ZoneInfo(zone))
    rows = changed_rows(change.before, change.after)
    return ChangeView(str(CHANGE_WORDS[change.kind]), at.date(), change.relief.total, rows)


def _dispute(dispute: Dispute, written: DisputeWords) -> DisputeView:
    headline, advice = (str(words) for words in STATUS_WORDS[dispute.status])
    if "%(day)s" in advice:
        advice %= {"day": day_text(dispute.answer_due_on)}
    return DisputeView(dispute, written, str(REASON_WORDS[dispute.reason]), headline, advice)
