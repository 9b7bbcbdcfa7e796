"""Consumers, their credit lines and the decisions about them."""

import json
from datetime import date, datetime

from fenqi.finance.money import Money

from merchant_server.domain.consumer import Consumer, CreditLine, History, Person
from merchant_server.domain.decision import Decision, Features
from merchant_server.storage.engine import Connection, Row
from merchant_server.storage.repositories.rows import insert, moment, moved, stamp, to_json
from merchant_server.storage.sealed import Sealer


class Consumers:
    """People who repay; one row per id number."""

    def __init__(self, connection: Connection, sealer: Sealer) -> None:
        self._db, self._sealer = connection, sealer

    def find_or_add(self, consumer: Consumer) -> Consumer:
        """Return the consumer with this id number, storing `consumer` when there is none."""
        index = self._sealer.index("id_number", consumer.person.id_number)
        known = self._db.one("SELECT * FROM consumers WHERE id_number_index = :index", {"index": index})
        if known is not None:
            return self._consumer(known)
        self._db.execute(
            "INSERT INTO consumers (id, id_number_index, person_sealed, created_at)"
            " VALUES (:id, :index, :sealed, :created_at) ON CONFLICT (id_number_index) DO NOTHING",
            {
                "id": consumer.id,
                "index": index,
                "sealed": self._seal(consumer.id, consumer.person),
                "created_at": stamp(consumer.created_at),
            },
        )
        row = self._db.one("SELECT * FROM consumers WHERE id_number_index = :index", {"index": index})
        assert row is not None
        return self._consumer(row)

    def get(self, consumer_id: str) -> Consumer | None:
        """Return the consumer with unsealed personal data, or None."""
        row = self._db.one("SELECT * FROM consumers WHERE id = :id", {"id": consumer_id})
        return None if row is None else self._consumer(row)

    def _seal(self, consumer_id: str, person: Person) -> bytes:
        personal = {
            "name": person.name,
            "id_number": person.id_number,
            "phone": person.phone,
            "born_on": person.born_on.isoformat(),
        }
        return self._sealer.seal(to_json(personal).encode(), "consumers", "person", consumer_id)

    def _consumer(self, row: Row) -> Consumer:
        personal = json.loads(self._sealer.open(row["person_sealed"], "consumers", "person", row["id"]))
        personal["born_on"] = date.fromisoformat(personal["born_on"])
        return Consumer(row["id"], Person(**personal), moment(row["created_at"]))

    def history(self, consumer_id: str, since: datetime) -> History:
        """Return what this installation knows of a consumer: open loans, debts, delays, and refusals since then.

        A refusal for the amount alone is not counted: taking the smaller counter-offer must not cost points.
        """
        loans = self._db.one(
            "SELECT COUNT(*) AS open_loans,"
            " CAST(COALESCE(SUM(principal_minor + interest_minor + fee_minor - paid_minor), 0) AS BIGINT) AS owed,"
            " CAST(COALESCE(SUM(CASE WHEN status = 'overdue' THEN 1 ELSE 0 END), 0) AS BIGINT) AS overdue"
            " FROM loans WHERE consumer_id = :id AND status IN ('active', 'overdue')",
            {"id": consumer_id},
        )
        oldest = self._db.one(
            "SELECT MIN(i.due_on) AS due_on FROM installments i JOIN loans l ON l.id = i.loan_id"
            " WHERE l.consumer_id = :id AND i.status = 'overdue'",
            {"id": consumer_id},
        )
        refusals = self._db.one(
            "SELECT COUNT(*) AS refused FROM decisions"
            " WHERE consumer_id = :id AND outcome = 'decline' AND reason <> 'amount_over_limit'"
            " AND decided_at >= :since",
            {"id": consumer_id, "since": stamp(since)},
        )
        assert loans is not None and oldest is not None and refusals is not None
        return History(
            open_loans=loans["open_loans"],
            outstanding_minor=loans["owed"],
            oldest_overdue_on=date.fromisoformat(oldest["due_on"]) if oldest["due_on"] else None,
            refusals=refusals["refused"],
        )


class CreditLines:
    """What a person may owe in all, over every store of the installation."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def get(self, consumer_id: str, currency: str) -> CreditLine | None:
        """Return the line, locked for this transaction where the engine can, or None."""
        row = self._db.one(
            f"SELECT * FROM credit_lines WHERE consumer_id = :id AND currency = :currency {self._db.row_lock}",
            {"id": consumer_id, "currency": currency},
        )
        if row is None:
            return None
        return CreditLine(
            consumer_id=consumer_id,
            limit=Money(row["limit_minor"], currency),
            used=Money(row["used_minor"], currency),
            grade=row["grade"],
            rate_discount=row["rate_discount"],
            expires_at=moment(row["expires_at"]),
            version=row["version"],
        )

    def grant(self, line: CreditLine) -> None:
        """Store what a new decision grants; what is used stays as it is."""
        self._db.execute(
            "INSERT INTO credit_lines (consumer_id, currency, limit_minor, used_minor, grade, rate_discount,"
            " expires_at, version) VALUES (:consumer_id, :currency, :limit_minor, 0, :grade, :rate_discount,"
            " :expires_at, 1) ON CONFLICT (consumer_id, currency) DO UPDATE SET"
            " limit_minor = excluded.limit_minor, grade = excluded.grade,"
            " rate_discount = excluded.rate_discount, expires_at = excluded.expires_at,"
            " version = credit_lines.version + 1",
            {
                "consumer_id": line.consumer_id,
                "currency": line.limit.currency,
                "limit_minor": line.limit.minor,
                "grade": line.grade,
                "rate_discount": line.rate_discount,
                "expires_at": stamp(line.expires_at),
            },
        )

    def save(self, line: CreditLine, was: CreditLine) -> None:
        """Store what is used; raises TransitionConflict when another checkout drew first."""
        changed = self._db.execute(
            "UPDATE credit_lines SET used_minor = :used, version = :version"
            " WHERE consumer_id = :id AND currency = :currency AND version = :was",
            {
                "used": line.used.minor,
                "version": line.version,
                "id": line.consumer_id,
                "currency": line.limit.currency,
                "was": was.version,
            },
        )
        moved(self._db, changed, "credit line", line.consumer_id)


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
        checkout_id: str,
        consumer_id: str,
        at: datetime,
    ) -> None:
        """Store the intention to decide, before anybody outside is asked."""
        row = {
            "id": decision_id,
            "merchant_id": merchant_id,
            "mode": mode,
            "checkout_id": checkout_id,
            "consumer_id": consumer_id,
            "requested_at": stamp(at),
        }
        insert(self._db, "decisions", row)

    def answer(self, decision_id: str, features: Features, decision: Decision, at: datetime) -> None:
        """Store the answer, once; raises TransitionConflict when there is one."""
        record = to_json({"features": features.to_dict(), "decision": decision.to_dict()})
        sealed = self._sealer.seal(record.encode(), "decisions", "record", decision_id)
        changed = self._db.execute(
            "UPDATE decisions SET outcome = :outcome, reason = :reason, policy_version = :policy_version,"
            " record_sealed = :sealed, decided_at = :at WHERE id = :id AND decided_at IS NULL",
            {
                "id": decision_id,
                "outcome": decision.outcome.value,
                "reason": decision.reasons[0] if decision.reasons else None,
                "policy_version": decision.policy_version,
                "sealed": sealed,
                "at": stamp(at),
            },
        )
        moved(self._db, changed, "decision", decision_id)

    def get(self, decision_id: str) -> tuple[Features, Decision] | None:
        """Return what a decision saw and said, or None while there is no answer."""
        row = self._db.one("SELECT * FROM decisions WHERE id = :id", {"id": decision_id})
        if row is None or row["record_sealed"] is None:
            return None
        record = json.loads(self._sealer.open(row["record_sealed"], "decisions", "record", decision_id))
        return Features.from_dict(record["features"]), Decision.from_dict(record["decision"])

    def stuck(self, before: datetime, limit: int) -> list[str]:
        """Return the checkouts whose decision was asked for before then and never answered."""
        rows = self._db.all(
            "SELECT d.checkout_id FROM decisions d JOIN checkouts c ON c.id = d.checkout_id AND c.decision_id = d.id"
            " WHERE d.decided_at IS NULL AND d.requested_at < :before AND c.status = 'deciding' LIMIT :limit",
            {"before": stamp(before), "limit": limit},
        )
        return [row["checkout_id"] for row in rows]
