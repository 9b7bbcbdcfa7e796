"""Human reviews and who may do them; the reasons are sealed, because they speak about a person."""

from datetime import datetime

from merchant_server.domain.review import Review, Reviewer, ReviewStatus
from merchant_server.storage.engine import Connection, Row
from merchant_server.storage.repositories.rows import insert, made, maybe_moment, moment, moved, stamp
from merchant_server.storage.sealed import Sealer


class Reviews:
    """The queue of cases, and what became of them."""

    def __init__(self, connection: Connection, sealer: Sealer) -> None:
        self._db, self._sealer = connection, sealer

    def add(self, review: Review) -> None:
        """Queue a case; Conflict when one is queued for the decision."""
        names = (
            "id",
            "decision_id",
            "checkout_id",
            "consumer_id",
            "merchant_id",
            "mode",
            "currency",
            "asked_by",
        )
        row = {name: getattr(review, name) for name in names}
        row |= {"asked_at": stamp(review.asked_at), "due_at": stamp(review.due_at)}
        row |= {"status": review.status.value, "version": review.version}
        insert(self._db, "reviews", row)

    def get(self, review_id: str) -> Review | None:
        """Return a review, or None."""
        row = self._db.one("SELECT * FROM reviews WHERE id = :id", {"id": review_id})
        return None if row is None else self._review(row)

    def of_decision(self, decision_id: str) -> list[Review]:
        """Return a decision's reviews, oldest first."""
        rows = self._db.all("SELECT * FROM reviews WHERE decision_id = :id ORDER BY id", {"id": decision_id})
        return [self._review(row) for row in rows]

    def queue(self, limit: int) -> list[Review]:
        """Return the open cases, the one whose target time is nearest first."""
        rows = self._db.all(
            "SELECT * FROM reviews WHERE status = 'queued' ORDER BY due_at, id LIMIT :limit", {"limit": limit}
        )
        return [self._review(row) for row in rows]

    def latest(self, consumer_id: str, currency: str, since: datetime) -> Review | None:
        """Return the newest verdict about a person since then, or None."""
        row = self._db.one(
            "SELECT * FROM reviews WHERE consumer_id = :id AND currency = :currency AND status <> 'queued'"
            " AND decided_at > :since ORDER BY decided_at DESC, id DESC LIMIT 1",
            {"id": consumer_id, "currency": currency, "since": stamp(since)},
        )
        return None if row is None else self._review(row)

    def save(self, review: Review, was: Review) -> None:
        """Store the verdict; raises TransitionConflict when another reviewer was first."""
        assert review.decided_at is not None
        changed = self._db.execute(
            "UPDATE reviews SET status = :status, version = :version, reviewer = :reviewer,"
            " limit_minor = :limit_minor, reason_sealed = :sealed, decided_at = :at"
            " WHERE id = :id AND version = :was",
            {
                "id": review.id,
                "was": was.version,
                "status": review.status.value,
                "version": review.version,
                "reviewer": review.reviewer,
                "limit_minor": review.limit_minor,
                "sealed": self._sealer.seal(review.reason.encode(), "reviews", "reason", review.id),
                "at": stamp(review.decided_at),
            },
        )
        moved(self._db, changed, "review", review.id)

    def add_reviewer(self, reviewer: Reviewer, at: datetime) -> None:
        """Store who may review; Conflict when the name is taken."""
        row = {"name": reviewer.name, "id_number_index": reviewer.id_number_index, "added_at": stamp(at)}
        insert(self._db, "reviewers", row)

    def reviewer(self, name: str) -> Reviewer | None:
        """Return a reviewer who is not removed, or None."""
        row = self._db.one(
            "SELECT * FROM reviewers WHERE name = :name AND removed_at IS NULL", {"name": name}
        )
        return None if row is None else Reviewer(row["name"], row["id_number_index"])

    def reviewers(self) -> list[str]:
        """Return the names of those who may review."""
        rows = self._db.all("SELECT name FROM reviewers WHERE removed_at IS NULL ORDER BY name")
        return [row["name"] for row in rows]

    def remove_reviewer(self, name: str, at: datetime) -> bool:
        """End somebody's right to review; say whether they had it."""
        changed = self._db.execute(
            "UPDATE reviewers SET removed_at = :at WHERE name = :name AND removed_at IS NULL",
            {"name": name, "at": stamp(at)},
        )
        return changed == 1

    def _review(self, row: Row) -> Review:
        sealed = row["reason_sealed"]
        reason = "" if sealed is None else self._sealer.open(sealed, "reviews", "reason", row["id"]).decode()
        return made(
            Review,
            row,
            asked_at=moment(row["asked_at"]),
            due_at=moment(row["due_at"]),
            status=ReviewStatus(row["status"]),
            reason=reason,
            decided_at=maybe_moment(row["decided_at"]),
        )
