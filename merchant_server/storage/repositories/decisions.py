"""Decisions: what was asked of a policy, what it saw and answered, and the answers that were no answers."""

import json
from datetime import datetime
from typing import Any

from merchant_server.domain.decision import Decision, DecisionRecord, Features
from merchant_server.ports import DecisionCase
from merchant_server.storage.engine import Connection, Row
from merchant_server.storage.repositories.rows import (
    insert,
    made,
    maybe_moment,
    moment,
    moved,
    stamp,
    to_json,
)
from merchant_server.storage.sealed import Sealer


class Decisions:
    """What was asked of the policy, and what it answered; features are sealed, and kept for replay."""

    def __init__(self, connection: Connection, sealer: Sealer) -> None:
        self._db, self._sealer = connection, sealer

    def request(
        self,
        decision_id: str,
        *,
        merchant_id: str,
        mode: str,
        checkout_id: str | None,
        consumer_id: str,
        at: datetime,
        purpose: str = "purchase",
    ) -> None:
        """Store the intention to decide, before anybody outside is asked."""
        row = {
            "id": decision_id,
            "merchant_id": merchant_id,
            "mode": mode,
            "checkout_id": checkout_id,
            "consumer_id": consumer_id,
            "purpose": purpose,
            "requested_at": stamp(at),
        }
        insert(self._db, "decisions", row)

    def answer(self, decision_id: str, record: DecisionRecord, at: datetime) -> None:
        """Store the answer, once; raises TransitionConflict when there is one."""
        decision = record.decision
        text = to_json(record.to_dict())
        changed = self._db.execute(
            "UPDATE decisions SET outcome = :outcome, reason = :reason, policy_version = :policy_version, arm = :arm,"
            " record_sealed = :sealed, decided_at = :at WHERE id = :id AND decided_at IS NULL",
            {
                "id": decision_id,
                "outcome": decision.outcome.value,
                "reason": decision.reasons[0] if decision.reasons else None,
                "policy_version": decision.policy_version,
                "arm": record.arm,
                "sealed": self._sealer.seal(text.encode(), "decisions", "record", decision_id),
                "at": stamp(at),
            },
        )
        moved(self._db, changed, "decision", decision_id)

    def get(self, decision_id: str) -> tuple[Features, Decision] | None:
        """Return what a decision saw and said, or None while there is no answer."""
        record = self.record(decision_id)
        return None if record is None else (record.features, record.decision)

    def record(self, decision_id: str) -> DecisionRecord | None:
        """Return the whole record of a decision, or None while there is no answer."""
        stored = self.stored(decision_id)
        return None if stored is None else DecisionRecord.from_dict(stored)

    def stored(self, decision_id: str) -> dict[str, Any] | None:
        """Return the record exactly as it was stored, for replay, or None while there is no answer."""
        row = self._db.one("SELECT id, record_sealed FROM decisions WHERE id = :id", {"id": decision_id})
        return None if row is None or row["record_sealed"] is None else self._opened(row)

    def case(self, decision_id: str) -> DecisionCase | None:
        """Return who was decided about and for whom, or None."""
        row = self._db.one("SELECT * FROM decisions WHERE id = :id", {"id": decision_id})
        if row is None:
            return None
        times = {"requested_at": moment(row["requested_at"]), "decided_at": maybe_moment(row["decided_at"])}
        return made(DecisionCase, row, **times)

    def newest(self, limit: int, *, before: str | None = None) -> list[tuple[str, dict[str, Any]]]:
        """Return up to `limit` answered decisions as (id, stored record), newest first, older than `before`."""
        rows = self._db.all(
            "SELECT id, record_sealed FROM decisions WHERE record_sealed IS NOT NULL AND id < :before"
            " ORDER BY id DESC LIMIT :limit",
            {"before": before or "dec_~", "limit": limit},
        )
        return [(row["id"], self._opened(row)) for row in rows]

    def stuck(self, before: datetime, limit: int) -> list[str]:
        """Return the checkouts whose decision was asked for before then and never answered."""
        rows = self._db.all(
            "SELECT d.checkout_id FROM decisions d JOIN checkouts c ON c.id = d.checkout_id AND c.decision_id = d.id"
            " WHERE d.decided_at IS NULL AND d.requested_at < :before AND c.status = 'deciding' LIMIT :limit",
            {"before": stamp(before), "limit": limit},
        )
        return [row["checkout_id"] for row in rows]

    def quarantine(self, decision_id: str, source: str, *, at: datetime, reason: str, body: bytes) -> None:
        """Keep, sealed, what a source sent that was no answer; nothing ever reads it but an operator."""
        place = f"{decision_id}/{source}"
        asked = self._db.one("SELECT consumer_id FROM decisions WHERE id = :id", {"id": decision_id})
        assert asked is not None
        sealed = self._sealer.seal(body, "quarantined_answers", "body", place, owner=asked["consumer_id"])
        self._db.execute(
            "INSERT INTO quarantined_answers (decision_id, source, at, reason, body_sealed)"
            " VALUES (:decision_id, :source, :at, :reason, :sealed) ON CONFLICT (decision_id, source) DO NOTHING",
            {
                "decision_id": decision_id,
                "source": source,
                "at": stamp(at),
                "reason": reason,
                "sealed": sealed,
            },
        )

    def quarantined(self, decision_id: str, source: str) -> bytes | None:
        """Return what was quarantined of a source's answer for a decision, or None."""
        row = self._db.one(
            "SELECT body_sealed FROM quarantined_answers WHERE decision_id = :id AND source = :source",
            {"id": decision_id, "source": source},
        )
        if row is None:
            return None
        place = f"{decision_id}/{source}"
        return self._sealer.open(row["body_sealed"], "quarantined_answers", "body", place)

    def _opened(self, row: Row) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(
            self._sealer.open(row["record_sealed"], "decisions", "record", row["id"])
        )
        return found
