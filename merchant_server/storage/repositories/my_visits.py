"""Browsers on people's own pages, and the codes that let them in. Cookies and numbers are kept as hashes only."""

from dataclasses import asdict
from datetime import datetime

from merchant_server.domain.code import Code
from merchant_server.domain.my_visit import MyVisit
from merchant_server.storage.engine import Connection, Row
from merchant_server.storage.repositories.held_codes import HeldCodes
from merchant_server.storage.repositories.rows import insert, made, moment, stamp
from merchant_server.storage.sealed import Sealer


class MyVisits:
    """One row a browser that asked to come in."""

    def __init__(self, connection: Connection, sealer: Sealer) -> None:
        self._db, self._sealer = connection, sealer
        self._codes = HeldCodes(connection, "my_codes", "visit_id", "my")

    def phone_index(self, phone: str) -> str:
        """Return the keyed hash that a number is looked up by."""
        return self._sealer.index("phone", phone)

    def add(self, visit: MyVisit) -> None:
        """Store a new visit."""
        insert(self._db, "my_visits", _columns(visit))

    def by_token(self, token_hash: str) -> MyVisit | None:
        """Return the visit behind a cookie, or None."""
        row = self._db.one(
            "SELECT * FROM my_visits WHERE token_hash = :token_hash", {"token_hash": token_hash}
        )
        return None if row is None else _visit(row)

    def save(self, visit: MyVisit) -> None:
        """Store who came in, under which cookie, and when they were last seen."""
        self._db.execute(
            "UPDATE my_visits SET token_hash = :token_hash, consumer_id = :consumer_id, seen_at = :seen_at"
            " WHERE id = :id",
            {
                name: value
                for name, value in _columns(visit).items()
                if name not in ("phone_index", "created_at")
            },
        )

    def end(self, visit_id: str) -> None:
        """Forget a visit and its codes."""
        self._db.execute("DELETE FROM my_codes WHERE visit_id = :id", {"id": visit_id})
        self._db.execute("DELETE FROM my_visits WHERE id = :id", {"id": visit_id})

    def forget(self, before: datetime) -> int:
        """Forget visits that nobody was seen on since then; return how many."""
        old = {"before": stamp(before)}
        self._db.execute(
            "DELETE FROM my_codes WHERE visit_id IN (SELECT id FROM my_visits WHERE seen_at < :before)", old
        )
        return self._db.execute("DELETE FROM my_visits WHERE seen_at < :before", old)

    def add_code(self, visit_id: str, code: Code) -> None:
        """Store a new code."""
        self._codes.add(visit_id, code)

    def newest_code(self, visit_id: str) -> Code | None:
        """Return the newest code of a visit, locked where the engine can, or None; older ones are void."""
        return self._codes.newest(visit_id)

    def record_try(self, code: Code) -> None:
        """Store a code after one try; raises TransitionConflict when another try came between."""
        self._codes.record_try(code)


def _columns(visit: MyVisit) -> dict[str, object]:
    row: dict[str, object] = asdict(visit)
    return row | {"created_at": stamp(visit.created_at), "seen_at": stamp(visit.seen_at)}


def _visit(row: Row) -> MyVisit:
    return made(MyVisit, row, created_at=moment(row["created_at"]), seen_at=moment(row["seen_at"]))
