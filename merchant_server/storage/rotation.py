"""Rotation of keys while sales go on: another wrapping key, or other data keys for everything that is stored.

Each step is its own transaction and says by itself what is left, so that a killed run goes on where it stopped.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from merchant_server.storage.engine import Connection, Engine, Row, StorageError, run
from merchant_server.storage.key_ring import INSTALLATION, KeyRing
from merchant_server.storage.places import PLACES, Place, row_name
from merchant_server.storage.repositories.rows import to_json
from merchant_server.storage.sealed import Sealer, key_id_of

WRAP_BATCH = 500
SEAL_BATCH = 50
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class KeyCount:
    """How many data keys a wrapping key wraps. status: current | retired | unused."""

    wrapping_key_id: str
    status: str
    data_keys: int


@dataclass(frozen=True, slots=True)
class Rotation:
    """Rotates the keys of one database. `new_id` names data keys."""

    engine: Engine
    ring: KeyRing
    new_id: Callable[[str], str]

    def rotate(self, progress: Progress = lambda done, total: None) -> str:
        """Make another wrapping key, wrap every data key under it, and return its name; old ones stay in the file."""
        current = run(self.engine, _current_wrapping_key)
        newest = self.ring.wrapping.newest()
        if newest == current:
            newest = self.ring.wrapping.add()
        run(self.engine, lambda db: _put_in_use(db, newest))
        done, total = 0, self._left(newest)
        while moved := run(self.engine, lambda db: self._wrap_batch(db, newest)):
            done += moved
            progress(min(done, total), total)
        return newest

    def _left(self, wrapping_key_id: str) -> int:
        with self.engine.reading() as db:
            row = db.one(
                "SELECT COUNT(*) AS n FROM data_keys WHERE wrapping_key_id <> :id AND wrapped IS NOT NULL",
                {"id": wrapping_key_id},
            )
        assert row is not None
        return int(row["n"])

    def _wrap_batch(self, db: Connection, wrapping_key_id: str) -> int:
        rows = db.all(
            "SELECT id, wrapping_key_id, wrapped FROM data_keys WHERE wrapping_key_id <> :id AND wrapped IS NOT NULL"
            f" ORDER BY id LIMIT :limit {db.row_lock}",
            {"id": wrapping_key_id, "limit": WRAP_BATCH},
        )
        for row in rows:
            key = self.ring.unwrap(row["id"], row["wrapped"], row["wrapping_key_id"])
            wrapped = self.ring.wrap(row["id"], key, wrapping_key_id)
            db.execute(
                "UPDATE data_keys SET wrapping_key_id = :wrapping_key_id, wrapped = :wrapped WHERE id = :id",
                {"id": row["id"], "wrapping_key_id": wrapping_key_id, "wrapped": wrapped},
            )
        return len(rows)

    def destroy(self, wrapping_key_id: str) -> None:
        """Take a retired wrapping key out of the file. Raises StorageError while a data key needs it."""
        counts = {each.wrapping_key_id: each for each in self.counts()}
        known = counts.get(wrapping_key_id)
        if known is not None and (known.status == "current" or known.data_keys):
            raise StorageError(
                f"{known.data_keys} data keys need {wrapping_key_id}: run `keys rotate` to its end first"
            )
        self.ring.wrapping.destroy(wrapping_key_id)

    def counts(self) -> list[KeyCount]:
        """Return every wrapping key of the file or the database, and how many data keys it wraps."""
        with self.engine.reading() as db:
            states = {row["id"]: row["status"] for row in db.all("SELECT id, status FROM wrapping_keys")}
            rows = db.all(
                "SELECT wrapping_key_id, COUNT(*) AS n FROM data_keys WHERE wrapped IS NOT NULL"
                " GROUP BY wrapping_key_id"
            )
        used = {row["wrapping_key_id"]: int(row["n"]) for row in rows}
        names = dict.fromkeys((*self.ring.wrapping.names(), *used))
        return [KeyCount(name, states.get(name, "unused"), used.get(name, 0)) for name in names]

    def reseal(self, progress: Progress = lambda done, total: None) -> int:
        """Give every owner another data key and seal every value under it; return how many values moved."""
        run(self.engine, _begin)
        done, moved, total = 0, 0, self._values()
        for place in PLACES:
            if place.fixed:
                continue
            after: tuple[str, ...] | None = ()
            while after is not None:
                batch = partial(self._seal_batch, place=place, after=after)
                seen, changed, after = run(self.engine, batch)
                done, moved = done + seen, moved + changed
                progress(min(done, total), total)
        moved += run(self.engine, self._seal_plain_accounts)
        run(self.engine, _finish)
        return moved

    def _values(self) -> int:
        with self.engine.reading() as db:
            counts = [
                db.one(f"SELECT COUNT(*) AS n FROM {place.table} WHERE {place.stored} IS NOT NULL")
                for place in PLACES
                if not place.fixed
            ]
        return sum(int(row["n"]) for row in counts if row is not None)

    def _seal_batch(
        self, db: Connection, place: Place, after: tuple[str, ...]
    ) -> tuple[int, int, tuple[str, ...] | None]:
        rows = _page(db, place, after)
        sealer = Sealer(db, self.ring, self.new_id)
        old = _keys_to_leave(db, {key_id_of(row["sealed"]) for row in rows})
        changed = 0
        for row in rows:
            if key_id_of(row["sealed"]) in old:
                self._move(db, sealer, place, row)
                changed += 1
        last = tuple(str(rows[-1][key]) for key in place.keys) if len(rows) == SEAL_BATCH else None
        return len(rows), changed, last

    def _move(self, db: Connection, sealer: Sealer, place: Place, row: Row) -> None:
        name = row_name(place, row)
        value = sealer.open(row["sealed"], place.table, place.column, name)
        sealed = sealer.seal(value, place.table, place.column, name, owner=row["owner"])
        where = " AND ".join(f"{key} = :{key}" for key in place.keys)
        db.execute(
            f"UPDATE {place.table} SET {place.stored} = :sealed WHERE {where}",
            {"sealed": sealed, **{key: row[key] for key in place.keys}},
        )

    def _seal_plain_accounts(self, db: Connection) -> int:
        rows = db.all(
            "SELECT id, consumer_id, account_token, account_label FROM mandates WHERE account_sealed IS NULL"
            f" ORDER BY id {db.row_lock}"
        )
        sealer = Sealer(db, self.ring, self.new_id)
        for row in rows:
            account = to_json({"token": row["account_token"], "label": row["account_label"]}).encode()
            sealed = sealer.seal(account, "mandates", "account", row["id"], owner=row["consumer_id"])
            db.execute(
                "UPDATE mandates SET account_sealed = :sealed, account_token = '', account_label = '' WHERE id = :id",
                {"id": row["id"], "sealed": sealed},
            )
        return len(rows)


def _current_wrapping_key(db: Connection) -> str | None:
    row = db.one("SELECT id FROM wrapping_keys WHERE status = 'current'")
    return None if row is None else str(row["id"])


def _put_in_use(db: Connection, wrapping_key_id: str) -> None:
    db.execute(
        "UPDATE wrapping_keys SET status = 'retired' WHERE status = 'current' AND id <> :id",
        {"id": wrapping_key_id},
    )
    db.execute(
        "INSERT INTO wrapping_keys (id, status) VALUES (:id, 'current')"
        " ON CONFLICT (id) DO UPDATE SET status = 'current'",
        {"id": wrapping_key_id},
    )


def _begin(db: Connection) -> None:
    """Retire every data key, unless a run that was cut off did so: from here on new values go under new keys."""
    left = db.one("SELECT id FROM data_keys WHERE status = 'retiring' LIMIT 1")
    if left is None:
        db.execute("UPDATE data_keys SET status = 'retiring' WHERE status = 'current'")


def _finish(db: Connection) -> None:
    """Drop the keys that nothing is sealed with any more; those of append-only rows stay."""
    kept = [f"SELECT {place.owner} FROM {place.table}" for place in PLACES if place.fixed and place.owner]
    fixed = "".join(f" AND owner NOT IN ({query})" for query in kept)
    db.execute(
        f"DELETE FROM data_keys WHERE status = 'retiring' AND owner <> :installation{fixed}",
        {"installation": INSTALLATION},
    )
    db.execute("UPDATE data_keys SET status = 'old' WHERE status = 'retiring'")


def _page(db: Connection, place: Place, after: tuple[str, ...]) -> list[Row]:
    keys = ", ".join(place.keys)
    names = [f"after{number}" for number in range(len(after))]
    behind = f" AND ({keys}) > ({', '.join(f':{name}' for name in names)})" if after else ""
    owner = place.owner or f"'{INSTALLATION}'"
    return db.all(
        f"SELECT {keys}, {owner} AS owner, {place.stored} AS sealed FROM {place.table}"
        f" WHERE {place.stored} IS NOT NULL{behind} ORDER BY {keys} LIMIT {SEAL_BATCH} {db.row_lock}",
        dict(zip(names, after, strict=True)),
    )


def _keys_to_leave(db: Connection, key_ids: set[str]) -> set[str]:
    """Return which of these keys values are to leave: retiring ones, and those that no row names any more."""
    known = {
        key_id: db.one("SELECT status FROM data_keys WHERE id = :id", {"id": key_id}) for key_id in key_ids
    }
    return {key_id for key_id, row in known.items() if row is None or row["status"] == "retiring"}
