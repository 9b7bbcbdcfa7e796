"""Keys of tills, the sales they made without network, and the codes of store stickers. Public halves only."""

from datetime import date, datetime

from fenqi.finance.money import Money

from merchant_server.domain.merchant import Store
from merchant_server.domain.till_key import OfflineBounds, OfflineSale, TillKey
from merchant_server.storage.engine import Connection, Row
from merchant_server.storage.repositories.rows import (
    from_json,
    insert,
    maybe_moment,
    moment,
    moved,
    stamp,
    to_json,
)

BOUNDS = tuple(OfflineBounds.__dataclass_fields__)


class TillKeys:
    """Keys by which tills sell without network."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def add(self, key: TillKey) -> None:
        """Store a new key. Raises TransitionConflict when these public keys are registered already."""
        row = {name: getattr(key, name) for name in TillKey.__dataclass_fields__ if name != "bounds"}
        row |= {name: getattr(key.bounds, name) for name in BOUNDS}
        row |= {
            "plan_ids": to_json(list(key.plan_ids)),
            "created_at": stamp(key.created_at),
            "revoked_at": None,
        }
        insert(self._db, "till_keys", row)

    def by_fingerprint(self, fingerprint: str) -> TillKey | None:
        """Return the key that a sale names, locked for this transaction where the engine can, or None."""
        row = self._db.one(
            f"SELECT * FROM till_keys WHERE fingerprint = :fingerprint {self._db.row_lock}",
            {"fingerprint": fingerprint},
        )
        return None if row is None else _key(row)

    def get(self, key_id: str) -> TillKey | None:
        """Return a key, or None."""
        row = self._db.one("SELECT * FROM till_keys WHERE id = :id", {"id": key_id})
        return None if row is None else _key(row)

    def of_merchant(self, merchant_id: str) -> list[TillKey]:
        """Return a merchant's keys, oldest first."""
        rows = self._db.all(
            "SELECT * FROM till_keys WHERE merchant_id = :merchant_id ORDER BY id",
            {"merchant_id": merchant_id},
        )
        return [_key(row) for row in rows]

    def revoke(self, key_id: str, at: datetime) -> bool:
        """Take a key back; say whether there was a live one."""
        changed = self._db.execute(
            "UPDATE till_keys SET revoked_at = :at WHERE id = :id AND revoked_at IS NULL",
            {"id": key_id, "at": stamp(at)},
        )
        return changed == 1


class OfflineSales:
    """Sales that phones brought."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def add(self, sale: OfflineSale, merchant_id: str) -> None:
        """Store a merchant's sale. Raises TransitionConflict when its nonce was used."""
        changed = self._db.execute(
            "INSERT INTO offline_sales (till_key_id, nonce, merchant_id, digest, checkout_id, day, amount_minor,"
            " currency, issued_at, accepted_at)"
            " VALUES (:till_key_id, :nonce, :merchant_id, :digest, :checkout_id, :day, :amount_minor,"
            " :currency, :issued_at, :accepted_at) ON CONFLICT (till_key_id, nonce) DO NOTHING",
            {
                "till_key_id": sale.till_key_id,
                "nonce": sale.nonce,
                "merchant_id": merchant_id,
                "digest": sale.digest,
                "checkout_id": sale.checkout_id,
                "day": sale.day.isoformat(),
                "amount_minor": sale.amount.minor,
                "currency": sale.amount.currency,
                "issued_at": stamp(sale.issued_at),
                "accepted_at": stamp(sale.accepted_at),
            },
        )
        moved(self._db, changed, "offline sale", sale.nonce)

    def get(self, till_key_id: str, nonce: str) -> OfflineSale | None:
        """Return the sale under a nonce, or None."""
        row = self._db.one(
            "SELECT * FROM offline_sales WHERE till_key_id = :till_key_id AND nonce = :nonce",
            {"till_key_id": till_key_id, "nonce": nonce},
        )
        return None if row is None else _sale(row)

    def of_checkout(self, checkout_id: str) -> OfflineSale | None:
        """Return the sale that a checkout came from, or None."""
        row = self._db.one("SELECT * FROM offline_sales WHERE checkout_id = :id", {"id": checkout_id})
        return None if row is None else _sale(row)

    def sold_on(self, till_key_id: str, day: date) -> tuple[int, int]:
        """Return how many sales of a key were taken in on a day, and their sum in minor units."""
        row = self._db.one(
            "SELECT COUNT(*) AS sales, CAST(COALESCE(SUM(amount_minor), 0) AS BIGINT) AS minor FROM offline_sales"
            " WHERE till_key_id = :till_key_id AND day = :day",
            {"till_key_id": till_key_id, "day": day.isoformat()},
        )
        assert row is not None
        return row["sales"], row["minor"]


class StoreCodes:
    """Short codes on the stickers of stores."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def put(self, code: str, store: Store, at: datetime) -> str:
        """Give a store its code, once; return the one that it has."""
        self._db.execute(
            "INSERT INTO store_codes (code, store_id, merchant_id, created_at)"
            " VALUES (:code, :store_id, :merchant_id, :at) ON CONFLICT DO NOTHING",
            {"code": code, "store_id": store.id, "merchant_id": store.merchant_id, "at": stamp(at)},
        )
        row = self._db.one("SELECT code FROM store_codes WHERE store_id = :id", {"id": store.id})
        moved(self._db, 0 if row is None else 1, "store code", store.id)
        assert row is not None
        return str(row["code"])

    def store(self, code: str) -> Store | None:
        """Return the store behind a code, or None."""
        row = self._db.one(
            "SELECT s.id, s.merchant_id, s.name FROM store_codes c JOIN stores s ON s.id = c.store_id"
            " WHERE c.code = :code",
            {"code": code},
        )
        return None if row is None else Store(row["id"], row["merchant_id"], row["name"])


def _key(row: Row) -> TillKey:
    plain = ("id", "merchant_id", "mode", "till_id", "public_keys", "fingerprint")
    return TillKey(
        **{name: row[name] for name in plain},
        bounds=OfflineBounds(**{name: row[name] for name in BOUNDS}),
        plan_ids=tuple(from_json(row["plan_ids"])),
        created_at=moment(row["created_at"]),
        revoked_at=maybe_moment(row["revoked_at"]),
    )


def _sale(row: Row) -> OfflineSale:
    return OfflineSale(
        till_key_id=row["till_key_id"],
        nonce=row["nonce"],
        digest=row["digest"],
        checkout_id=row["checkout_id"],
        day=date.fromisoformat(row["day"]),
        amount=Money(row["amount_minor"], row["currency"]),
        issued_at=moment(row["issued_at"]),
        accepted_at=moment(row["accepted_at"]),
    )
