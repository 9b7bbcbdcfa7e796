"""One-time codes that belong to a row of their own table: a visit, or a pre-approval."""

from merchant_server.domain.code import Code
from merchant_server.storage.engine import Connection
from merchant_server.storage.repositories.rows import insert, maybe_moment, moved, stamp

COLUMNS = tuple(name for name in Code.__dataclass_fields__ if name not in ("purpose", "checkout_id"))
MOMENTS = ("created_at", "expires_at", "used_at")


class HeldCodes:
    """The codes of one table, each held by the row that `holder` names."""

    def __init__(self, connection: Connection, table: str, holder: str, purpose: str) -> None:
        self._db, self._table, self._holder, self._purpose = connection, table, holder, purpose

    def add(self, holder_id: str, code: Code) -> None:
        """Store a new code."""
        row = {name: getattr(code, name) for name in COLUMNS}
        row |= {
            self._holder: holder_id,
            "created_at": stamp(code.created_at),
            "expires_at": stamp(code.expires_at),
            "used_at": None,
        }
        insert(self._db, self._table, row)

    def newest(self, holder_id: str) -> Code | None:
        """Return the newest code of a holder, locked where the engine can, or None; older ones are void."""
        row = self._db.one(
            f"SELECT * FROM {self._table} WHERE {self._holder} = :id ORDER BY id DESC LIMIT 1 {self._db.row_lock}",
            {"id": holder_id},
        )
        if row is None:
            return None
        values = {name: row[name] for name in COLUMNS} | {name: maybe_moment(row[name]) for name in MOMENTS}
        return Code(purpose=self._purpose, checkout_id=holder_id, **values)

    def record_try(self, code: Code) -> None:
        """Store a code after one try; raises TransitionConflict when another try came between."""
        changed = self._db.execute(
            f"UPDATE {self._table} SET tries = :tries, used_at = :used_at WHERE id = :id AND tries = :tries - 1",
            {"id": code.id, "tries": code.tries, "used_at": code.used_at and stamp(code.used_at)},
        )
        moved(self._db, changed, "code", code.id)
