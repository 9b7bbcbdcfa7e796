"""What there is about one person: ids for their own page and their copy of the data, and how all of it is erased."""

from datetime import date, datetime

from merchant_server.domain.retention import EndedLoan
from merchant_server.storage.engine import Connection
from merchant_server.storage.repositories.rows import moment, stamp

_OPEN = "('opened', 'deciding', 'offered', 'referred', 'signing')"
_OWNED = (
    "owner = :id OR owner IN (SELECT id FROM checkouts WHERE consumer_id = :id)"
    " OR owner IN (SELECT id FROM preapprovals WHERE consumer_id = :id)"
)


class People:
    """One consumer across every table; it unseals nothing."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def applications_from(self, phone_index: str) -> list[tuple[str, str]]:
        """Return (consumer id, decision id) of answered applications from a number that was verified, newest first."""
        rows = self._db.all(
            "SELECT c.consumer_id, c.decision_id FROM applicants a JOIN checkouts c ON c.id = a.checkout_id"
            " JOIN decisions d ON d.id = c.decision_id AND d.decided_at IS NOT NULL"
            " WHERE a.phone_index = :index AND a.phone_verified_at IS NOT NULL AND c.consumer_id IS NOT NULL"
            " UNION SELECT p.consumer_id, p.decision_id FROM preapprovals p"
            " JOIN decisions d ON d.id = p.decision_id AND d.decided_at IS NOT NULL"
            " WHERE p.phone_index = :index AND p.phone_verified_at IS NOT NULL AND p.consumer_id IS NOT NULL"
            " ORDER BY decision_id DESC LIMIT 50",
            {"index": phone_index},
        )
        return [(row["consumer_id"], row["decision_id"]) for row in rows]

    def ids(self, noun: str, consumer_id: str) -> list[str]:
        """Return a person's loans, signed agreements, mandates, decisions or checkouts by id, oldest first."""
        assert noun in ("loans", "agreements", "mandates", "decisions", "checkouts")
        signed = " AND status = 'signed'" if noun == "agreements" else ""
        rows = self._db.all(
            f"SELECT id FROM {noun} WHERE consumer_id = :id{signed} ORDER BY id", {"id": consumer_id}
        )
        return [row["id"] for row in rows]

    def open_checkout_until(self, consumer_id: str, now: datetime) -> datetime | None:
        """Return when the person's purchase that is under way expires, or None when there is none."""
        row = self._db.one(
            f"SELECT MAX(expires_at) AS expires_at FROM checkouts WHERE consumer_id = :id AND status IN {_OPEN}"
            " AND expires_at > :now",
            {"id": consumer_id, "now": stamp(now)},
        )
        return None if row is None or row["expires_at"] is None else moment(row["expires_at"])

    def loans_ended(self, consumer_id: str) -> list[EndedLoan]:
        """Return each loan with its state, and when it came into it."""
        rows = self._db.all(
            "SELECT l.id, l.status, MAX(t.at) AS at FROM loans l JOIN transitions t ON t.aggregate_id = l.id"
            " AND t.to_state = l.status AND (t.from_state IS NULL OR t.from_state <> t.to_state)"
            " WHERE l.consumer_id = :id GROUP BY l.id, l.status ORDER BY l.id",
            {"id": consumer_id},
        )
        return [EndedLoan(row["id"], row["status"], moment(row["at"]).date()) for row in rows]

    def request_erasure(self, consumer_id: str, at: datetime, due_on: date) -> None:
        """Store the wish to be erased on a day; asking again changes the day only."""
        self._db.execute(
            "INSERT INTO erasure_requests (consumer_id, requested_at, due_on) VALUES (:id, :at, :due_on)"
            " ON CONFLICT (consumer_id) DO UPDATE SET due_on = excluded.due_on",
            {"id": consumer_id, "at": stamp(at), "due_on": due_on.isoformat()},
        )

    def erasure_due_on(self, consumer_id: str) -> date | None:
        """Return the day that a wish to be erased waits for, or None when there is no such wish."""
        row = self._db.one("SELECT due_on FROM erasure_requests WHERE consumer_id = :id", {"id": consumer_id})
        return None if row is None else date.fromisoformat(row["due_on"])

    def erasures_due(self, today: date, limit: int) -> list[str]:
        """Return the people whose wish to be erased can be looked at again today."""
        rows = self._db.all(
            "SELECT consumer_id FROM erasure_requests WHERE done_at IS NULL AND due_on <= :today"
            " ORDER BY due_on LIMIT :limit",
            {"today": today.isoformat(), "limit": limit},
        )
        return [row["consumer_id"] for row in rows]

    def erased_at(self, consumer_id: str) -> datetime | None:
        """Return when a person was erased, or None."""
        row = self._db.one("SELECT erased_at FROM consumers WHERE id = :id", {"id": consumer_id})
        return None if row is None or row["erased_at"] is None else moment(row["erased_at"])

    def erase(self, consumer_id: str, at: datetime) -> int:
        """Drop a person's keys and every hash that finds them; return how many keys were dropped.

        What was sealed with them stays where it is, and opens for nobody.
        """
        person, now = {"id": consumer_id}, stamp(at)
        # The key is also dropped when the person had only the older of two.
        dropped = self._db.execute(
            f"UPDATE data_keys SET status = 'erased', wrapped = NULL WHERE status <> 'erased' AND ({_OWNED})",
            person,
        )
        mine = "checkout_id IN (SELECT id FROM checkouts WHERE consumer_id = :id)"
        numbers = (
            f"(SELECT phone_index FROM applicants WHERE {mine}"
            " UNION SELECT phone_index FROM preapprovals WHERE consumer_id = :id)"
        )
        self._db.execute(
            f"UPDATE code_sends SET phone_index = '', consumer_id = NULL"
            f" WHERE consumer_id = :id OR phone_index IN {numbers}",
            person,
        )
        self._db.execute(f"UPDATE codes SET phone_index = '', bound_to = '' WHERE {mine}", person)
        self._db.execute(f"UPDATE applicants SET phone_index = '' WHERE {mine}", person)
        self._db.execute(
            "DELETE FROM my_codes WHERE visit_id IN (SELECT id FROM my_visits WHERE consumer_id = :id)",
            person,
        )
        self._db.execute("DELETE FROM my_visits WHERE consumer_id = :id", person)
        asked = "(SELECT id FROM preapprovals WHERE consumer_id = :id)"
        self._db.execute(f"DELETE FROM preapproval_codes WHERE preapproval_id IN {asked}", person)
        self._db.execute("DELETE FROM preapprovals WHERE consumer_id = :id", person)
        self._db.execute("DELETE FROM velocity_facts WHERE consumer_id = :id", person)
        self._db.execute(
            "UPDATE credit_lines SET limit_minor = used_minor, grade = '', expires_at = :now, version = version + 1"
            " WHERE consumer_id = :id",
            person | {"now": now},
        )
        self._db.execute(
            "UPDATE consumers SET id_number_index = 'erased:' || id, erased_at = :now WHERE id = :id",
            person | {"now": now},
        )
        self._db.execute(
            "UPDATE erasure_requests SET done_at = :now WHERE consumer_id = :id", person | {"now": now}
        )
        return dropped

    def chore_is_due(self, name: str, before: datetime) -> bool:
        """Say whether a chore was last done before then, or never."""
        row = self._db.one("SELECT done_at FROM chores WHERE name = :name", {"name": name})
        return row is None or row["done_at"] <= stamp(before)

    def take_chore(self, name: str, before: datetime, at: datetime) -> bool:
        """Note that a chore is done now; say False when another worker was faster."""
        changed = self._db.execute(
            "INSERT INTO chores (name, done_at) VALUES (:name, :at) ON CONFLICT (name) DO UPDATE"
            " SET done_at = excluded.done_at WHERE chores.done_at <= :before",
            {"name": name, "at": stamp(at), "before": stamp(before)},
        )
        return changed == 1

    def strangers(self, before: datetime) -> list[str]:
        """Return checkouts that ended before then without anybody applying, and still hold what was typed."""
        rows = self._db.all(
            "SELECT DISTINCT c.id FROM checkouts c JOIN data_keys k ON k.owner = c.id AND k.status <> 'erased'"
            " WHERE c.consumer_id IS NULL AND c.expires_at < :before"
            " AND c.status IN ('expired', 'cancelled') ORDER BY c.id LIMIT 1000",
            {"before": stamp(before)},
        )
        return [row["id"] for row in rows]

    def forget_strangers(self, checkout_ids: list[str]) -> None:
        """Drop the keys of what was typed on these checkouts."""
        rows = [{"id": checkout_id} for checkout_id in checkout_ids]
        for change in (
            "UPDATE data_keys SET status = 'erased', wrapped = NULL WHERE owner = :id AND status <> 'erased'",
            "UPDATE applicants SET phone_index = '' WHERE checkout_id = :id",
            "UPDATE codes SET phone_index = '', bound_to = '' WHERE checkout_id = :id",
        ):
            self._db.executemany(change, rows)
