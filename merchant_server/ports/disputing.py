"""Repositories of disputes."""

from datetime import date, datetime
from typing import Protocol

from merchant_server.domain.dispute import Dispute, DisputeWords, Evidence
from merchant_server.domain.secret import Secret


class Disputes(Protocol):
    """What consumers object to."""

    def add(self, dispute: Dispute, statement: Secret[str]) -> None:
        """Store a dispute; Conflict when the loan has a live one."""
        ...

    def get(self, dispute_id: str) -> Dispute | None:
        """Return the dispute, or None."""
        ...

    def locked(self, dispute_id: str) -> Dispute | None:
        """Return the dispute, locked for this transaction where the engine can; its loan is locked before it."""
        ...

    def words(self, dispute_id: str) -> DisputeWords:
        """Return what people wrote in it. Raises Erased."""
        ...

    def of_loan(self, loan_id: str) -> list[Dispute]:
        """Return a loan's disputes, oldest first."""
        ...

    def of_consumer(self, consumer_id: str) -> list[Dispute]:
        """Return a consumer's disputes, oldest first."""
        ...

    def page(
        self,
        merchant_id: str,
        mode: str,
        *,
        before: str | None,
        limit: int,
        loan_id: str | None,
        status: str | None,
    ) -> list[Dispute]:
        """Return up to `limit` of a merchant's disputes, newest first, older than `before`."""
        ...

    def live(self, limit: int) -> list[Dispute]:
        """Return the live disputes of the installation: those to decide first, then by the day of their answer."""
        ...

    def merchants_waited_for(self) -> list[str]:
        """Return the merchants who have a dispute to answer."""
        ...

    def unanswered(self, merchant_id: str, today: date, limit: int) -> list[Dispute]:
        """Return a merchant's disputes whose last day for an answer is over."""
        ...

    def save(
        self,
        dispute: Dispute,
        was: Dispute,
        at: datetime,
        why: str,
        *,
        evidence: tuple[Evidence, ...] | None = None,
        ruling: Secret[str] | None = None,
    ) -> None:
        """Store a transition with what was written; raises TransitionConflict when somebody else moved it first."""
        ...
