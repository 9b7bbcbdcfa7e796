"""Rotation of keys while sales go on: another wrapping key, or other data keys for everything that is stored.

Each step is its own transaction and says by itself what is left, so that a killed run goes on where it stopped.
"""

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from merchant_server.domain.errors import Erased
from merchant_server.storage.engine import Connection, Engine, Row, StorageError, run_until_won
from merchant_server.storage.key_ring import INSTALLATION, KeyRing
from merchant_server.storage.places import PLACES, Place, row_name
from merchant_server.storage.repositories.rows import to_json
from merchant_server.storage.sealed import Sealer, key_id_of

WRAP_BATCH = 500
SEAL_BATCH = 50
WAIT_SECONDS = 0.05
KEY_NAME_BYTES_MAX = 128
Progress = Callable[[int, int], None]
Keys = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class KeyCount:
    """How many data keys a wrapping key wraps. status: current | retired | unused."""

    wrapping_key_id: str
    status: str
    data_keys: int


@dataclass(frozen=True, slots=True)
class Page:
    """Rows in the order of their keys, and the owners of those values that are to move."""

    keys: list[Keys]
    owners: set[str]


@dataclass(frozen=True, slots=True)
class Rotation:
    """Rotates the keys of one database. `new_id` names data keys."""

    engine: Engine
    ring: KeyRing
    new_id: Callable[[str], str]

    def rotate(self, progress: Progress = lambda done, total: None) -> str:
        """Make another wrapping key, wrap every data key under it, and return its name; old ones stay in the file."""
        current = run_until_won(self.engine, _current_wrapping_key)
        newest = self.ring.wrapping.newest()
        if newest == current:
            newest = self.ring.wrapping.add()
        run_until_won(self.engine, lambda db: _put_in_use(db, newest))
        done, total = 0, self._left(newest)
        while self._left(newest):
            done += run_until_won(self.engine, lambda db: self._wrap_batch(db, newest))
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
            f" ORDER BY id LIMIT :limit {db.claim_suffix}",
            {"id": wrapping_key_id, "limit": WRAP_BATCH},
        )
        if not rows:
            # What is left is held by transactions that seal with it right now.
            time.sleep(WAIT_SECONDS)
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
        run_until_won(self.engine, _begin)
        done, moved, total = 0, 0, self._values()
        for place in PLACES:
            after: Keys | None = ()
            while after is not None:
                page = self._page(place, after)
                moved += self._seal_page(place, page)
                done += len(page.keys)
                progress(min(done, total), total)
                after = page.keys[-1] if len(page.keys) == SEAL_BATCH else None
        self._make_keys(self._owners_of_plain_accounts())
        moved += run_until_won(self.engine, self._seal_plain_accounts)
        run_until_won(self.engine, _finish)
        return moved

    def _page(self, place: Place, after: Keys) -> Page:
        """Return what SEAL_BATCH rows behind `after` are sealed for, without locking any."""
        with self.engine.reading() as db:
            rows = _rows(db, place, f"SUBSTR({place.stored}, 1, {KEY_NAME_BYTES_MAX})", after=after)
            leaving = _keys_to_leave(db, {key_id_of(row["sealed"]) for row in rows})
        owners = {row["owner"] for row in rows if key_id_of(row["sealed"]) in leaving}
        return Page([_keys_of(place, row) for row in rows], owners)

    def _make_keys(self, owners: set[str]) -> None:
        """Make the keys of owners; where writers are not one after another, in a transaction each.

        A sale makes a key and then changes a row; who held rows and then made keys could wait for it for ever.
        """
        names = sorted(owners)
        for group in [names] if self.engine.dialect == "sqlite" else [[name] for name in names]:
            run_until_won(self.engine, partial(self._make_each, owners=group))

    def _make_each(self, db: Connection, owners: list[str]) -> None:
        sealer = Sealer(db, self.ring, self.new_id)
        for owner in owners:
            with contextlib.suppress(Erased):
                sealer.make_key(owner)

    def _seal_page(self, place: Place, page: Page) -> int:
        if not page.owners:
            return 0
        self._make_keys(page.owners)
        moved, left = 0, set(page.keys)
        while left:
            seen, changed = run_until_won(self.engine, partial(self._seal_batch, place=place, page=page))
            moved, left = moved + changed, left - seen
            if left and not seen:
                # Transactions hold what is left, or have deleted it.
                time.sleep(WAIT_SECONDS)
                left &= self._still_there(place, page)
        return moved

    def _still_there(self, place: Place, page: Page) -> set[Keys]:
        with self.engine.reading() as db:
            rows = _rows(db, place, "''", first=page.keys[0], last=page.keys[-1])
        return {_keys_of(place, row) for row in rows}

    def _values(self) -> int:
        with self.engine.reading() as db:
            counts = [
                db.one(f"SELECT COUNT(*) AS n FROM {place.table} WHERE {place.stored} IS NOT NULL")
                for place in PLACES
            ]
        return sum(int(row["n"]) for row in counts if row is not None)

    def _seal_batch(self, db: Connection, place: Place, page: Page) -> tuple[set[Keys], int]:
        """Seal the rows of a page that nobody holds; return which those were, and how many had to move."""
        rows = _rows(db, place, place.stored, first=page.keys[0], last=page.keys[-1], suffix=db.claim_suffix)
        sealer = Sealer(db, self.ring, self.new_id)
        leaving = _keys_to_leave(db, {key_id_of(row["sealed"]) for row in rows})
        moving = [row for row in rows if key_id_of(row["sealed"]) in leaving]
        for row in moving:
            self._move(db, sealer, place, row)
        return {_keys_of(place, row) for row in rows}, len(moving)

    def _move(self, db: Connection, sealer: Sealer, place: Place, row: Row) -> None:
        name = row_name(place, row)
        value = sealer.open(row["sealed"], place.table, place.column, name)
        sealed = sealer.seal(value, place.table, place.column, name, owner=row["owner"])
        where = " AND ".join(f"{key} = :{key}" for key in place.keys)
        db.execute(
            f"UPDATE {place.table} SET {place.stored} = :sealed WHERE {where}",
            {"sealed": sealed, **{key: row[key] for key in place.keys}},
        )

    def _owners_of_plain_accounts(self) -> set[str]:
        with self.engine.reading() as db:
            rows = db.all("SELECT DISTINCT consumer_id FROM mandates WHERE account_sealed IS NULL")
        return {row["consumer_id"] for row in rows}

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
    """Begin an epoch, unless a run that was cut off did so: from here on new values go under new keys."""
    left = db.one(
        "SELECT k.id FROM data_keys k JOIN seal_epoch s ON s.id = 1"
        " WHERE k.status = 'live' AND k.epoch < s.epoch LIMIT 1"
    )
    if left is None:
        db.execute("UPDATE seal_epoch SET epoch = epoch + 1 WHERE id = 1")
        db.memory.clear()


def _finish(db: Connection) -> None:
    """Drop the keys that nothing is sealed with any more; processes may still know those of the installation."""
    earlier = "status = 'live' AND epoch < (SELECT epoch FROM seal_epoch WHERE id = 1)"
    db.execute(
        f"DELETE FROM data_keys WHERE {earlier} AND owner <> :installation", {"installation": INSTALLATION}
    )
    db.execute(f"UPDATE data_keys SET status = 'old' WHERE {earlier}")


def _rows(
    db: Connection,
    place: Place,
    shown: str,
    *,
    after: Keys = (),
    first: Keys = (),
    last: Keys = (),
    suffix: str = "",
) -> list[Row]:
    """Return rows with a sealed value in the order of their keys, with their owners and `shown` of the value."""
    keys = ", ".join(place.keys)
    where, values = [f"{place.stored} IS NOT NULL"], dict[str, str]()
    for name, relation, edge in (("after", ">", after), ("first", ">=", first), ("last", "<=", last)):
        if edge:
            names = [f"{name}{number}" for number in range(len(edge))]
            where.append(f"({keys}) {relation} ({', '.join(f':{each}' for each in names)})")
            values |= dict(zip(names, edge, strict=True))
    owner = place.owner or f"'{INSTALLATION}'"
    return db.all(
        f"SELECT {keys}, {owner} AS owner, {shown} AS sealed FROM {place.table}"
        f" WHERE {' AND '.join(where)} ORDER BY {keys} LIMIT {SEAL_BATCH} {suffix}",
        values,
    )


def _keys_of(place: Place, row: Row) -> Keys:
    return tuple(str(row[key]) for key in place.keys)


def _keys_to_leave(db: Connection, key_ids: set[str]) -> set[str]:
    """Return which of these keys values are to leave: those of earlier epochs, and those that no row names."""
    leaving = set()
    for key_id in key_ids:
        row = db.one(
            "SELECT k.status, k.epoch, s.epoch AS now FROM data_keys k JOIN seal_epoch s ON s.id = 1 WHERE k.id = :id",
            {"id": key_id},
        )
        if row is None or (row["status"] != "erased" and row["epoch"] < row["now"]):
            leaving.add(key_id)
    return leaving
