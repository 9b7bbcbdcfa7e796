"""Repositories of the debt: loans, deductions, the books."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Protocol

from fenqi.finance.money import Money

from merchant_server.domain.deduction import Deduction, Mandate
from merchant_server.domain.installment import Installment
from merchant_server.domain.ledger import Entry, Posting
from merchant_server.domain.loan import Loan
from merchant_server.domain.quarantine import QuarantinedCallback
from merchant_server.domain.repayment import Repayment
from merchant_server.domain.schedule_change import ScheduleChange


class Loans(Protocol):
    """Debts."""

    def add(self, loan: Loan, installments: Sequence[Installment]) -> None:
        """Store a new loan with its schedule and its first transition."""
        ...

    def get(self, loan_id: str) -> Loan | None:
        """Return the loan, or None."""
        ...

    def locked(self, loan_id: str) -> Loan | None:
        """Return the loan, locked for this transaction where the engine can; every change of a loan starts here."""
        ...

    def page(
        self, merchant_id: str, mode: str, *, before: str | None, limit: int, checkout_id: str | None = None
    ) -> list[Loan]:
        """Return up to `limit` of a merchant's loans, newest first, older than `before`."""
        ...

    def latest(self, limit: int) -> list[Loan]:
        """Return the newest loans of the whole installation."""
        ...

    def save(self, loan: Loan, was: Loan, at: datetime, reason: str) -> None:
        """Store the next version; raises TransitionConflict when somebody else moved it first."""
        ...

    def add_installments(self, merchant_id: str, installments: Sequence[Installment]) -> None:
        """Store new rows of a loan's schedule."""
        ...

    def installments(self, loan_id: str) -> list[Installment]:
        """Return a loan's installments in order."""
        ...

    def to_collect(self, merchant_id: str, today: date, limit: int) -> list[tuple[str, int]]:
        """Return (loan id, number) of installments to collect by today, oldest first.

        One per loan: a loan's installments are collected in order, and none while one is under way or while the loan's
        collection is paused.
        """
        ...

    def count_to_collect(self, merchant_id: str, today: date) -> int:
        """Return how many installments are to be collected by today, whether or not they can be at this moment."""
        ...

    def to_age(self, merchant_id: str, today: date, limit: int) -> list[str]:
        """Return loans with an installment that was due before today, is not paid, and is not called overdue yet.

        Nothing turns overdue while its collection is paused.
        """
        ...

    def to_penalize(self, merchant_id: str, today: date, limit: int) -> list[str]:
        """Return overdue loans whose penalties were not looked at on this day."""
        ...

    def mark_penalized(self, loan_id: str, today: date) -> None:
        """Remember that a loan's penalties of this day are charged."""
        ...

    def save_installment(
        self, installment: Installment, was: Installment, collect_on: date | None = None
    ) -> None:
        """Store an installment's next version; raises TransitionConflict when somebody else moved it first."""
        ...


class Repayments(Protocol):
    """Money that arrived."""

    def add(self, repayment: Repayment) -> None:
        """Store a repayment with its portions; Conflict when its money was booked before."""
        ...

    def get(self, repayment_id: str) -> Repayment | None:
        """Return the repayment, or None."""
        ...

    def of_loan(self, loan_id: str) -> list[Repayment]:
        """Return a loan's repayments, oldest first."""
        ...

    def save_reversal(self, repayment: Repayment) -> None:
        """Store that the bank took it back; raises TransitionConflict when that was known."""
        ...


class ScheduleChanges(Protocol):
    """What schedules were before they changed."""

    def add(self, change: ScheduleChange) -> None:
        """Store a change; Conflict when the same one was made before."""
        ...

    def of_source(self, source_id: str) -> ScheduleChange | None:
        """Return the change that a refund, payment or decision made and that can be undone, or None."""
        ...

    def of_loan(self, loan_id: str) -> list[ScheduleChange]:
        """Return a loan's changes, oldest first."""
        ...


class Mandates(Protocol):
    """Rights to deduct."""

    def add(self, mandate: Mandate) -> None:
        """Store a mandate before the bank is asked for it."""
        ...

    def get(self, mandate_id: str) -> Mandate | None:
        """Return the mandate, or None."""
        ...

    def save(self, mandate: Mandate, was: Mandate) -> None:
        """Store a transition; raises TransitionConflict when somebody else moved it first."""
        ...

    def latest(self, limit: int) -> list[Mandate]:
        """Return the newest mandates of the whole installation."""
        ...

    def to_end(self, limit: int) -> list[Mandate]:
        """Return mandates that their owner took back and the bank has not yet been told of, oldest first."""
        ...

    def orphans(self, limit: int) -> list[Mandate]:
        """Return live mandates that no loan needs: their checkout ended unsigned, or another plan was chosen."""
        ...


class Deductions(Protocol):
    """Attempts to collect."""

    def add(self, deduction: Deduction, ask_at: datetime) -> None:
        """Store a deduction before the bank is asked; Conflict when one is under way for the installment."""
        ...

    def get(self, deduction_id: str) -> Deduction | None:
        """Return the deduction, locked for this transaction where the engine can, or None."""
        ...

    def next_attempt(self, loan_id: str, installment_number: int, *, own: bool = False) -> int:
        """Return the number of the next attempt at an installment, or of the next one that the consumer asks for."""
        ...

    def is_asked(self, loan_id: str) -> bool:
        """Say whether a deduction of the loan waits for the bank."""
        ...

    def under_way(self, merchant_id: str, *, sent_only: bool = False) -> int:
        """Return how many of a merchant's deductions wait for the bank; with `sent_only` those that it took on."""
        ...

    def of_loan(self, loan_id: str) -> list[Deduction]:
        """Return a loan's deductions, oldest first."""
        ...

    def claim_to_ask(self, now: datetime, until: datetime, limit: int) -> list[Deduction]:
        """Claim deductions whose bank is to be asked now, and put off asking again until `until`."""
        ...

    def save(self, deduction: Deduction, was: Deduction) -> None:
        """Store a transition; raises TransitionConflict when somebody else moved it first."""
        ...


class CallbackKnown(Exception):
    """The bank had told this before, so nothing of the transaction is kept."""


class Callbacks(Protocol):
    """What the bank told us, once per event id."""

    def record(
        self,
        *,
        gateway_account: str,
        event_id: str,
        at: datetime,
        reference: str,
        merchant_id: str | None,
        verdict: str,
        reason: str,
        body: str,
    ) -> None:
        """Store a callback and its verdict; CallbackKnown, here or later in the block, when it was received before."""
        ...

    def latest(self, limit: int) -> list[dict[str, Any]]:
        """Return the newest callbacks with their verdicts."""
        ...

    def quarantined(self, limit: int) -> list[QuarantinedCallback]:
        """Return callbacks in quarantine that nobody has handled, the oldest first, with the deductions they name."""
        ...

    def is_quarantined(self, gateway_account: str, event_id: str) -> bool:
        """Say whether this event is in quarantine, handled or not."""
        ...

    def handle(self, gateway_account: str, event_id: str, *, at: datetime, by: str, note: str) -> bool:
        """Store what was done about a quarantined callback; say False when somebody had before."""
        ...


class Ledger(Protocol):
    """Journal entries and postings."""

    def book(self, entry_id: str, entry: Entry) -> None:
        """Store an entry; Conflict when the same fact was booked before."""
        ...

    def postings_of(self, kind: str, source_id: str) -> tuple[Posting, ...]:
        """Return what was booked for a fact, or nothing."""
        ...

    def balance(self, account: str, currency: str) -> Money:
        """Return what came in less what went out."""
        ...

    def trial_balance(self, merchant_id: str | None = None) -> list[tuple[str, Money]]:
        """Return every account with its balance; each currency sums to zero."""
        ...

    def balances_by_kind(self) -> list[tuple[str, int, Money]]:
        """Return (kind of account, how many accounts, their balance); `*` stands for the id in a kind's name."""
        ...

    def merchant_fee(self, loan_id: str, currency: str) -> Money:
        """Return the fee that a merchant was charged on a loan's captures."""
        ...

    def latest(self, limit: int) -> list[dict[str, Any]]:
        """Return the newest entries with their postings, one row a posting."""
        ...

    def loan_is_settled(self, loan_id: str, currency: str) -> bool:
        """Say whether every account of the loan is zero: only then may it be called repaid."""
        ...
