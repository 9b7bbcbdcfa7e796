"""Merchants with their stores, tills, keys, plans and test clock."""

from datetime import datetime

from fenqi.finance.plan import Plan

from merchant_server.domain.merchant import ApiKey, ClockState, Merchant, Store, Till
from merchant_server.storage.engine import Connection, Row
from merchant_server.storage.remembered import Remembered
from merchant_server.storage.repositories.rows import (
    from_json,
    insert,
    maybe_moment,
    moment,
    plan_of,
    plan_text,
    stamp,
    to_json,
)

_WITH_CLOCK = (
    "SELECT m.*, COALESCE(c.offset_seconds, 0) AS offset_seconds FROM merchants m"
    " LEFT JOIN test_clocks c ON c.merchant_id = m.id WHERE m.id = :id"
)
_PLANS = "SELECT terms FROM plans WHERE merchant_id = :merchant_id AND mode = :mode ORDER BY position, id"


class Merchants:
    """Who sells, and on which terms."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection
        # Nearly every step of a use case asks for the merchant and its time, every sale for the plans.
        self._with_clock = Remembered(connection, _WITH_CLOCK, _merchant_with_clock)
        self._plans = Remembered(connection, _PLANS, _plans)

    def add(self, merchant: Merchant) -> None:
        """Store a new merchant."""
        row = {name: getattr(merchant, name) for name in Merchant.__dataclass_fields__}
        self._with_clock.forget()
        insert(self._db, "merchants", {**row, "created_at": stamp(merchant.created_at)})

    def get(self, merchant_id: str) -> Merchant | None:
        """Return the merchant, or None."""
        found = self._with_clock.get(id=merchant_id)
        return found and found[0]

    def foresee(self, merchant_id: str, plans_of: str | None = None) -> None:
        """Say that a merchant and its time will be asked for, and its plans of a mode if one is named."""
        self._with_clock.foresee(id=merchant_id)
        if plans_of is not None:
            self._plans.foresee(merchant_id=merchant_id, mode=plans_of)

    def all(self) -> list[Merchant]:
        """Return every merchant, oldest first."""
        return [_merchant(row) for row in self._db.all("SELECT * FROM merchants ORDER BY id")]

    def add_store(self, store: Store) -> None:
        """Store a new store."""
        insert(self._db, "stores", _row(store))

    def save_store(self, store: Store) -> None:
        """Store a store's name and status as they are now."""
        self._db.execute("UPDATE stores SET name = :name, status = :status WHERE id = :id", _row(store))

    def stores(self, merchant_id: str) -> list[Store]:
        """Return a merchant's stores, oldest first."""
        rows = self._db.all("SELECT * FROM stores WHERE merchant_id = :id ORDER BY id", {"id": merchant_id})
        return [Store(**_of(Store, row)) for row in rows]

    def add_till(self, till: Till) -> None:
        """Store a new till."""
        insert(self._db, "tills", _row(till))

    def save_till(self, till: Till) -> None:
        """Store a till's name and status as they are now."""
        self._db.execute("UPDATE tills SET name = :name, status = :status WHERE id = :id", _row(till))

    def tills(self, merchant_id: str) -> list[Till]:
        """Return a merchant's tills, oldest first."""
        rows = self._db.all("SELECT * FROM tills WHERE merchant_id = :id ORDER BY id", {"id": merchant_id})
        return [Till(**_of(Till, row)) for row in rows]

    def add_key(self, key: ApiKey, key_hash: str) -> None:
        """Store a new key by its hash."""
        row = _row(key) | {
            "scopes": to_json(list(key.scopes)),
            "key_hash": key_hash,
            "created_at": stamp(key.created_at),
        }
        insert(self._db, "api_keys", row)

    def key_by_hash(self, key_hash: str) -> ApiKey | None:
        """Return the key with this hash, revoked or not, or None."""
        row = self._db.one("SELECT * FROM api_keys WHERE key_hash = :key_hash", {"key_hash": key_hash})
        return None if row is None else _key(row)

    def key(self, key_id: str) -> ApiKey | None:
        """Return the key with this id, revoked or not, or None."""
        row = self._db.one("SELECT * FROM api_keys WHERE id = :id", {"id": key_id})
        return None if row is None else _key(row)

    def keys(self, merchant_id: str, mode: str | None = None) -> list[ApiKey]:
        """Return a merchant's keys, revoked ones too, newest first; of both modes when none is named."""
        rows = self._db.all(
            "SELECT * FROM api_keys WHERE merchant_id = :merchant_id"
            " AND mode = COALESCE(CAST(:mode AS TEXT), mode) ORDER BY id DESC",
            {"merchant_id": merchant_id, "mode": mode},
        )
        return [_key(row) for row in rows]

    def revoke_key(self, key_id: str, at: datetime) -> bool:
        """Revoke a key; say whether there was a live one."""
        sql = "UPDATE api_keys SET revoked_at = :at WHERE id = :id AND revoked_at IS NULL"
        return self._db.execute(sql, {"id": key_id, "at": stamp(at)}) == 1

    def end_key(self, key_id: str, at: datetime) -> bool:
        """Let a key live until `at` only; say whether there was a live one without an end."""
        sql = "UPDATE api_keys SET expires_at = :at WHERE id = :id AND revoked_at IS NULL AND expires_at IS NULL"
        return self._db.execute(sql, {"id": key_id, "at": stamp(at)}) == 1

    def key_used(self, key_id: str, at: datetime) -> None:
        """Write when a key was last used."""
        self._db.execute(
            "UPDATE api_keys SET last_used_at = :at WHERE id = :id", {"id": key_id, "at": stamp(at)}
        )

    def add_plan(self, merchant_id: str, mode: str, plan: Plan, at: datetime) -> None:
        """Store a new plan behind the merchant's others; Conflict when its id is taken."""
        self._plans.forget()
        self._db.execute(
            "INSERT INTO plans (merchant_id, mode, id, terms, position, created_at)"
            " SELECT :merchant_id, :mode, :id, :terms, COUNT(*), :at FROM plans"
            " WHERE merchant_id = :merchant_id AND mode = :mode",
            {
                "merchant_id": merchant_id,
                "mode": mode,
                "id": plan.id,
                "terms": plan_text(plan),
                "at": stamp(at),
            },
        )

    def plan(self, merchant_id: str, mode: str, plan_id: str) -> Plan | None:
        """Return one of a merchant's plans, or None."""
        row = self._db.one(
            "SELECT terms FROM plans WHERE merchant_id = :merchant_id AND mode = :mode AND id = :id",
            {"merchant_id": merchant_id, "mode": mode, "id": plan_id},
        )
        return None if row is None else plan_of(row["terms"])

    def plans(self, merchant_id: str, mode: str) -> list[Plan]:
        """Return a merchant's plans in the order they were made."""
        return list(self._plans.get(merchant_id=merchant_id, mode=mode))

    def clock_offset_seconds(self, merchant_id: str) -> int:
        """Return how far the merchant's test clock is ahead of wall time."""
        found = self._with_clock.get(id=merchant_id)
        return found[1] if found else 0

    def clock_reading(self, merchant_id: str) -> tuple[int, int | None]:
        """Return how far ahead of wall time a merchant's test clock is, and how far ahead it is going."""
        row = self._db.one("SELECT * FROM test_clocks WHERE merchant_id = :id", {"id": merchant_id})
        return (0, None) if row is None else (row["offset_seconds"], row["target_seconds"])

    def clock(self, merchant_id: str) -> ClockState:
        """Return a merchant's test clock, locked for this transaction where the engine can."""
        self._with_clock.forget()
        row = self._db.one(
            f"SELECT * FROM test_clocks WHERE merchant_id = :id {self._db.row_lock}", {"id": merchant_id}
        )
        if row is None:
            return ClockState(0, None, None)
        return ClockState(row["offset_seconds"], row["target_seconds"], maybe_moment(row["stepped_at"]))

    def send_clock(self, merchant_id: str, target_seconds: int | None, at: datetime) -> None:
        """Set where a merchant's test clock goes from now on; None when it has arrived."""
        self._db.execute(
            "INSERT INTO test_clocks (merchant_id, offset_seconds, version, target_seconds, stepped_at)"
            " VALUES (:id, 0, 1, :target, :at) ON CONFLICT (merchant_id) DO UPDATE SET"
            " target_seconds = excluded.target_seconds, stepped_at = excluded.stepped_at",
            {"id": merchant_id, "target": target_seconds, "at": stamp(at)},
        )

    def clocks_on_their_way(self) -> list[str]:
        """Return the merchants whose test clocks go somewhere."""
        rows = self._db.all(
            "SELECT merchant_id FROM test_clocks WHERE target_seconds IS NOT NULL ORDER BY merchant_id"
        )
        return [row["merchant_id"] for row in rows]

    def advance_clock(self, merchant_id: str, seconds: int) -> int:
        """Move the merchant's test clock forwards and return its new offset."""
        self._with_clock.forget()
        row = self._db.one(
            "INSERT INTO test_clocks (merchant_id, offset_seconds, version) VALUES (:id, :seconds, 1)"
            " ON CONFLICT (merchant_id) DO UPDATE SET"
            " offset_seconds = test_clocks.offset_seconds + excluded.offset_seconds,"
            " version = test_clocks.version + 1 RETURNING offset_seconds",
            {"id": merchant_id, "seconds": seconds},
        )
        assert row is not None
        return int(row["offset_seconds"])


def _merchant_with_clock(rows: list[Row]) -> tuple[Merchant, int] | None:
    return (_merchant(rows[0]), int(rows[0]["offset_seconds"])) if rows else None


def _plans(rows: list[Row]) -> list[Plan]:
    return [plan_of(row["terms"]) for row in rows]


def _merchant(row: Row) -> Merchant:
    values = {name: row[name] for name in Merchant.__dataclass_fields__}
    return Merchant(**{**values, "created_at": moment(row["created_at"])})


def _key(row: Row) -> ApiKey:
    times = {name: maybe_moment(row[name]) for name in ("revoked_at", "expires_at", "last_used_at")}
    return ApiKey(
        **_of(ApiKey, row)
        | times
        | {"scopes": tuple(from_json(row["scopes"])), "created_at": moment(row["created_at"])}
    )


def _row(thing: Store | Till | ApiKey) -> Row:
    """Return the columns of a thing whose fields are named as they are; times and lists are the caller's."""
    return {name: getattr(thing, name) for name in thing.__dataclass_fields__}


def _of(kind: type[Store | Till | ApiKey], row: Row) -> Row:
    return {name: row[name] for name in kind.__dataclass_fields__}
