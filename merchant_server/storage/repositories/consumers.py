"""Consumers and their credit lines."""

import json
from datetime import date, datetime

from fenqi.finance.money import Money

from merchant_server.domain.consumer import Consumer, CreditLine, History, Person
from merchant_server.storage.engine import Connection, Row
from merchant_server.storage.repositories.rows import moment, save, stamp, to_json
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

    def id_number_index(self, id_number: str) -> str:
        """Return the keyed hash that an id number is looked up by."""
        return self._sealer.index("id_number", id_number)

    def history(self, consumer_id: str, since: datetime, due_until: date | None = None) -> History:
        """Return what this installation knows of a consumer: open loans, debts, delays, and refusals since then.

        `due_soon_minor` counts what is not paid of installments that fall due until `due_until`.

        A refusal for the amount alone is not counted: taking the smaller counter-offer must not cost points.
        """
        loans = self._db.one(
            "SELECT CAST(COALESCE(SUM(CASE WHEN status <> 'repaid' THEN 1 ELSE 0 END), 0) AS BIGINT) AS open_loans,"
            " CAST(COALESCE(SUM(CASE WHEN status = 'repaid' THEN 1 ELSE 0 END), 0) AS BIGINT) AS repaid,"
            " CAST(COALESCE(SUM(principal_minor + interest_minor + fee_minor + penalty_minor - paid_minor"
            " - penalty_paid_minor - relieved_principal_minor - relieved_interest_minor - relieved_fee_minor), 0)"
            " AS BIGINT) AS owed,"
            " CAST(COALESCE(SUM(CASE WHEN status = 'overdue' THEN 1 ELSE 0 END), 0) AS BIGINT) AS overdue"
            " FROM loans WHERE consumer_id = :id AND status IN ('active', 'overdue', 'repaid')",
            {"id": consumer_id},
        )
        oldest = self._db.one(
            "SELECT MIN(i.due_on) AS due_on FROM installments i JOIN loans l ON l.id = i.loan_id"
            " WHERE l.consumer_id = :id AND i.status = 'overdue'",
            {"id": consumer_id},
        )
        soon = self._db.one(
            "SELECT CAST(COALESCE(SUM(i.principal_minor + i.interest_minor + i.fee_minor - i.paid_minor), 0) AS BIGINT)"
            " AS due FROM installments i JOIN loans l ON l.id = i.loan_id WHERE l.consumer_id = :id"
            " AND i.status IN ('scheduled', 'due', 'deducting', 'overdue') AND i.due_on <= :until",
            {"id": consumer_id, "until": (due_until or date.min).isoformat()},
        )
        refusals = self._db.one(
            "SELECT COUNT(*) AS refused FROM decisions"
            " WHERE consumer_id = :id AND outcome = 'decline'"
            " AND reason NOT IN ('amount_over_limit', 'not_affordable', 'price_over_cap')"
            " AND decided_at >= :since",
            {"id": consumer_id, "since": stamp(since)},
        )
        assert loans is not None and oldest is not None and soon is not None and refusals is not None
        return History(
            open_loans=loans["open_loans"],
            outstanding_minor=loans["owed"],
            oldest_overdue_on=date.fromisoformat(oldest["due_on"]) if oldest["due_on"] else None,
            refusals=refusals["refused"],
            repaid_loans=loans["repaid"],
            due_soon_minor=soon["due"],
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
            decision_id=row["decision_id"],
        )

    def grant(self, line: CreditLine) -> None:
        """Store what a new decision grants; what is used stays as it is."""
        self._db.execute(
            "INSERT INTO credit_lines (consumer_id, currency, limit_minor, used_minor, grade, rate_discount,"
            " expires_at, decision_id, version) VALUES (:consumer_id, :currency, :limit_minor, 0, :grade,"
            " :rate_discount, :expires_at, :decision_id, 1) ON CONFLICT (consumer_id, currency) DO UPDATE SET"
            " limit_minor = excluded.limit_minor, grade = excluded.grade,"
            " rate_discount = excluded.rate_discount, expires_at = excluded.expires_at,"
            " decision_id = excluded.decision_id, version = credit_lines.version + 1",
            {
                "consumer_id": line.consumer_id,
                "currency": line.limit.currency,
                "limit_minor": line.limit.minor,
                "grade": line.grade,
                "rate_discount": line.rate_discount,
                "expires_at": stamp(line.expires_at),
                "decision_id": line.decision_id,
            },
        )

    def end(self, consumer_id: str, currency: str, at: datetime) -> None:
        """Let nothing more be drawn from a line; what is used stays owed."""
        self._db.execute(
            "UPDATE credit_lines SET expires_at = :at, version = version + 1"
            " WHERE consumer_id = :id AND currency = :currency AND expires_at > :at",
            {"id": consumer_id, "currency": currency, "at": stamp(at)},
        )

    def save(self, line: CreditLine, was: CreditLine) -> None:
        """Store what is used; raises TransitionConflict when another checkout drew first."""
        save(
            self._db,
            "UPDATE credit_lines SET used_minor = :used, version = :version"
            " WHERE consumer_id = :id AND currency = :currency AND version = :was",
            {
                "used": line.used.minor,
                "version": line.version,
                "id": line.consumer_id,
                "currency": line.limit.currency,
                "was": was.version,
            },
            "credit line",
            line.consumer_id,
        )

    def owe(self, consumer_id: str, principal: Money) -> None:
        """Use so much more of a line, or less when it is negative; the limit does not stop a debt that is there."""
        save(
            self._db,
            "UPDATE credit_lines SET used_minor = used_minor + :principal, version = version + 1"
            " WHERE consumer_id = :id AND currency = :currency",
            {"id": consumer_id, "currency": principal.currency, "principal": principal.minor},
            "credit line",
            consumer_id,
        )
