"""Pre-approvals and their codes; a typed number is sealed under a key of the row's own until it is decided."""

from dataclasses import asdict
from datetime import datetime

from merchant_server.domain.code import Code
from merchant_server.domain.preapproval import Preapproval
from merchant_server.storage.engine import Connection, Row
from merchant_server.storage.repositories.held_codes import HeldCodes
from merchant_server.storage.repositories.rows import insert, made, maybe_moment, stamp
from merchant_server.storage.sealed import Sealer

_FIXED = ("id", "phone_index", "created_at")
_MOMENTS = ("created_at", "seen_at", "phone_verified_at")
_OLD = "(SELECT id FROM preapprovals WHERE seen_at < :before AND consumer_id IS NULL)"


class Preapprovals:
    """One row a browser that asked how much could be spent."""

    def __init__(self, connection: Connection, sealer: Sealer) -> None:
        self._db, self._sealer = connection, sealer
        self._codes = HeldCodes(connection, "preapproval_codes", "preapproval_id", "credit")

    def phone_index(self, phone: str) -> str:
        """Return the keyed hash that a number is looked up by."""
        return self._sealer.index("phone", phone)

    def add(self, preapproval: Preapproval, phone: str) -> None:
        """Store a new one with the number that was typed, sealed."""
        sealed = self._sealer.seal(phone.encode(), "preapprovals", "phone", preapproval.id)
        insert(self._db, "preapprovals", _columns(preapproval) | {"phone_sealed": sealed})

    def by_token(self, token_hash: str) -> Preapproval | None:
        """Return the one behind a cookie, locked where the engine can, or None."""
        row = self._db.one(
            f"SELECT * FROM preapprovals WHERE token_hash = :token_hash {self._db.row_lock}",
            {"token_hash": token_hash},
        )
        return None if row is None else _preapproval(row)

    def phone(self, preapproval_id: str) -> str | None:
        """Return the number that was typed, or None once it is forgotten."""
        row = self._db.one("SELECT phone_sealed FROM preapprovals WHERE id = :id", {"id": preapproval_id})
        if row is None or row["phone_sealed"] is None:
            return None
        return self._sealer.open(row["phone_sealed"], "preapprovals", "phone", preapproval_id).decode()

    def save(self, preapproval: Preapproval) -> None:
        """Store what changed."""
        row = {name: value for name, value in _columns(preapproval).items() if name not in _FIXED}
        changes = ", ".join(f"{name} = :{name}" for name in row)
        self._db.execute(f"UPDATE preapprovals SET {changes} WHERE id = :id", row | {"id": preapproval.id})

    def forget_phone(self, preapproval_id: str) -> None:
        """Drop the number that was typed, with its key."""
        one = {"id": preapproval_id}
        self._db.execute("UPDATE preapprovals SET phone_sealed = NULL WHERE id = :id", one)
        self._db.execute("UPDATE data_keys SET status = 'erased', wrapped = NULL WHERE owner = :id", one)

    def end(self, preapproval_id: str, nobody: str) -> None:
        """Let no cookie lead to it any more; `nobody` is a hash that no secret has."""
        self._db.execute(
            "UPDATE preapprovals SET token_hash = :nobody WHERE id = :id",
            {"id": preapproval_id, "nobody": nobody},
        )

    def forget(self, before: datetime) -> int:
        """Forget those that nobody applied on and nobody was seen on since then; return how many."""
        old = {"before": stamp(before)}
        self._db.execute(
            f"UPDATE data_keys SET status = 'erased', wrapped = NULL WHERE status <> 'erased' AND owner IN {_OLD}",
            old,
        )
        self._db.execute(f"DELETE FROM preapproval_codes WHERE preapproval_id IN {_OLD}", old)
        return self._db.execute(
            "DELETE FROM preapprovals WHERE seen_at < :before AND consumer_id IS NULL", old
        )

    def add_code(self, preapproval_id: str, code: Code) -> None:
        """Store a new code."""
        self._codes.add(preapproval_id, code)

    def newest_code(self, preapproval_id: str) -> Code | None:
        """Return the newest code of one, locked where the engine can, or None; older ones are void."""
        return self._codes.newest(preapproval_id)

    def record_try(self, code: Code) -> None:
        """Store a code after one try; raises TransitionConflict when another try came between."""
        self._codes.record_try(code)


def _columns(preapproval: Preapproval) -> dict[str, object]:
    row = asdict(preapproval)
    return row | {name: row[name] and stamp(row[name]) for name in _MOMENTS}


def _preapproval(row: Row) -> Preapproval:
    return made(Preapproval, row, **{name: maybe_moment(row[name]) for name in _MOMENTS})
