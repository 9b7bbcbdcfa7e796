"""A human review: somebody asks a person to look at a decision, and that person says yes or no with a reason."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from merchant_server.domain.errors import Forbidden, RuleRefused
from merchant_server.domain.machine import Machine

TARGET_HOURS = 24
REASON_CHARACTERS = (10, 1_000)


class ReviewStatus(StrEnum):
    """Where a review stands."""

    QUEUED = "queued"
    APPROVED = "approved"
    DECLINED = "declined"


REVIEW_MACHINE = Machine(
    "review",
    ReviewStatus.QUEUED,
    {
        ReviewStatus.QUEUED: (ReviewStatus.APPROVED, ReviewStatus.DECLINED),
        ReviewStatus.APPROVED: (),
        ReviewStatus.DECLINED: (),
    },
)


@dataclass(frozen=True, slots=True)
class Review:
    """One case in the queue. `limit_minor` is the whole line that an approval grants; `asked_by` policy | consumer."""

    id: str
    decision_id: str
    checkout_id: str | None
    consumer_id: str
    merchant_id: str
    mode: str
    currency: str
    asked_by: str
    asked_at: datetime
    due_at: datetime
    status: ReviewStatus = ReviewStatus.QUEUED
    version: int = 1
    reviewer: str | None = None
    limit_minor: int = 0
    reason: str = ""
    decided_at: datetime | None = None

    def decide(
        self, status: ReviewStatus, *, reviewer: str, reason: str, limit_minor: int, at: datetime
    ) -> "Review":
        """Return it decided. Raises RuleRefused (review_reason_invalid) or TransitionNotAllowed."""
        reason = reason.strip()
        shortest, longest = REASON_CHARACTERS
        if not shortest <= len(reason) <= longest:
            raise RuleRefused(
                f"a reason has {shortest} to {longest} characters",
                code="review_reason_invalid",
                field="reason",
                hint="say what you looked at and why it changes or confirms the decision",
            )
        return replace(
            self,
            status=REVIEW_MACHINE.check(self.status, status),
            version=self.version + 1,
            reviewer=reviewer,
            reason=reason,
            limit_minor=limit_minor,
            decided_at=at,
        )


@dataclass(frozen=True, slots=True)
class Reviewer:
    """A member of staff who may review. `id_number_index` tells when a case is their own."""

    name: str
    id_number_index: str


def due_at(asked_at: datetime) -> datetime:
    """Return the target time of a review."""
    return asked_at + timedelta(hours=TARGET_HOURS)


def refuse_own_case(reviewer: Reviewer, consumer_index: str, earlier: tuple[str, ...]) -> None:
    """Raise Forbidden when the case is the reviewer's own, or they already judged it (`earlier` reviewers)."""
    if reviewer.id_number_index == consumer_index:
        raise Forbidden(
            "nobody reviews their own case", code="review_own_case", hint="another reviewer has to take it"
        )
    if reviewer.name in earlier:
        raise Forbidden(
            "you judged this case before", code="review_second_look", hint="another reviewer has to take it"
        )
