"""Repositories of collection: runs of deductions, notices before them, and payments at the bank's own page."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Protocol

from merchant_server.domain.deduction_batch import BatchProgress
from merchant_server.domain.deduction_notice import DeductionNotice
from merchant_server.domain.payment_order import PaymentOrder


class Batches(Protocol):
    """Runs of deductions, one for a merchant's day."""

    def open(self, batch_id: str, merchant_id: str, mode: str, run_on: date, at: datetime) -> str:
        """Return the id of the day's run, which is `batch_id` when there was none yet."""
        ...

    def latest(self, limit: int) -> list[BatchProgress]:
        """Return the newest runs of the whole installation with how far they are."""
        ...

    def of_day(self, merchant_id: str, run_on: date) -> list[BatchProgress]:
        """Return a merchant's runs of a day with how far they are."""
        ...


class Notices(Protocol):
    """What consumers are told before a deduction."""

    def to_write(self, merchant_id: str, today: date, until: date, limit: int) -> list[tuple[str, int, date]]:
        """Return (loan id, number, day) of what is to be collected after today and by `until`, not told of yet."""
        ...

    def add(self, notice: DeductionNotice, send_at: datetime) -> None:
        """Store a notice and mark its installment; Conflict when this one was told before."""
        ...

    def claim(self, now: datetime, until: datetime, limit: int) -> list[DeductionNotice]:
        """Claim notices to be sent now, and put off another try until `until`."""
        ...

    def settle(self, notice_id: str, status: str) -> None:
        """Store what became of a notice."""
        ...

    def of_loan(self, loan_id: str) -> Sequence[DeductionNotice]:
        """Return a loan's notices, oldest first."""
        ...


class PaymentOrders(Protocol):
    """Payments that somebody is to make at the bank's own page."""

    def add(self, order: PaymentOrder, ask_at: datetime) -> None:
        """Store an order before the bank knows of it."""
        ...

    def get(self, order_id: str) -> PaymentOrder | None:
        """Return the order, locked for this transaction where the engine can, or None."""
        ...

    def by_token(self, token: str) -> PaymentOrder | None:
        """Return the order of a link, or None."""
        ...

    def of_loan(self, loan_id: str) -> list[PaymentOrder]:
        """Return a loan's orders, oldest first."""
        ...

    def latest(self, limit: int) -> list[PaymentOrder]:
        """Return the newest orders of the whole installation."""
        ...

    def claim_to_ask(self, now: datetime, until: datetime, limit: int) -> list[PaymentOrder]:
        """Claim orders whose bank is to be asked now, and put off asking again until `until`."""
        ...

    def save(self, order: PaymentOrder, was: PaymentOrder) -> None:
        """Store a transition; raises TransitionConflict when somebody else moved it first."""
        ...


class CollectionRepositories(Protocol):
    """What collection adds to a unit of work."""

    @property
    def batches(self) -> Batches:
        """Runs of deductions."""
        ...

    @property
    def notices(self) -> Notices:
        """What is told before deductions."""
        ...

    @property
    def payment_orders(self) -> PaymentOrders:
        """Payments at the bank's own page."""
        ...
