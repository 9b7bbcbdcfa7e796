"""Personal data at rest: AES-256-GCM per field, bound to its table, column and row, under the key of its owner.

A ciphertext moved to another row does not open; one whose owner was erased opens for nobody.
"""

import os
from collections.abc import Callable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from merchant_server.domain.errors import Erased
from merchant_server.storage.engine import Connection, Row, Rows
from merchant_server.storage.key_ring import INSTALLATION, KEY_BYTES, NONCE_BYTES, KeyRing
from merchant_server.storage.places import PLACE_OF


class Unsealable(Exception):
    """A sealed value does not open: another row's, altered, or its key is gone. Attributes: place."""

    def __init__(self, place: str) -> None:
        self.place = place
        super().__init__(f"the sealed value of {place} does not open")


class ErasedValue(Unsealable, Erased):
    """The owner's key was dropped at their own wish. Attributes: place."""

    def __init__(self, place: str) -> None:
        self.place = place
        Erased.__init__(
            self,
            "this person's data was erased",
            hint="books, loans and events remain; who it was cannot be read any more",
        )


class Sealer:
    """Seals and opens fields inside one unit of work, with data keys from its database and a ring to unwrap them.

    Format: key id (1 byte length + text), 96-bit random nonce, ciphertext with tag.
    """

    def __init__(self, connection: Connection, ring: KeyRing, new_id: Callable[[str], str]) -> None:
        self._db, self._ring, self._new_id = connection, ring, new_id
        self._share = "FOR SHARE" if connection.row_lock else ""
        self._epoch: int | None = None
        self._foreseen: Rows | None = None
        self._current: dict[str, tuple[str, AESGCM]] = {}
        # The installation's key stays the same until a rotation, which ends what is remembered.
        self._shared: dict[str, tuple[str, AESGCM]] = connection.memory.setdefault("sealing", {})
        self._ciphers: dict[str, AESGCM] = {}

    def seal(self, value: bytes, table: str, column: str, row: str, owner: str | None = None) -> bytes:
        """Return `value` sealed for exactly this place, under its owner's key.

        Without `owner` the stored row says whose it is; a consumer's own row is their own. Raises Erased.
        """
        key_id, cipher = self._key_of(owner or self._owner(table, column, row), f"{table}.{column}")
        name, nonce = key_id.encode(), os.urandom(NONCE_BYTES)
        return (
            bytes([len(name)])
            + name
            + nonce
            + cipher.encrypt(nonce, value, _bound(table, column, row, key_id))
        )

    def open(self, sealed: bytes, table: str, column: str, row: str) -> bytes:
        """Return the value. Raises Unsealable when it does not belong here or was altered, Erased when it is gone."""
        place = f"{table}.{column}"
        cipher = self._cipher(key_id_of(sealed), place)
        if cipher is None:
            # A rotation moved the value between two statements of this transaction: what is stored now opens.
            sealed = self._stored_now(table, column, row) or sealed
            cipher = self._cipher(key_id_of(sealed), place)
        key_id = key_id_of(sealed)
        start = 1 + len(key_id.encode())
        nonce, ciphertext = sealed[start : start + NONCE_BYTES], sealed[start + NONCE_BYTES :]
        try:
            if cipher is None:
                raise InvalidTag
            return cipher.decrypt(nonce, ciphertext, _bound(table, column, row, key_id))
        except (InvalidTag, ValueError) as broken:
            raise Unsealable(place) from broken

    def index(self, kind: str, value: str) -> str:
        """Return a keyed hash for look-ups by `value`."""
        return self._ring.index(kind, value)

    def make_key(self, owner: str) -> None:
        """Make sure that an owner has a key of the present epoch. Raises Erased."""
        self._key_of(owner, owner)

    def _owner(self, table: str, column: str, row: str) -> str:
        place = PLACE_OF.get((table, column))
        if place is None or place.owner is None:
            return INSTALLATION
        if place.keys == (place.owner,):
            return row
        found = self._db.one(
            f"SELECT {place.owner} AS owner FROM {table} WHERE {place.keys[0]} = :row", {"row": row}
        )
        if found is None:
            raise ValueError(f"{table} has no row yet that says whose it is: pass the owner")
        return str(found["owner"])

    def _key_of(self, owner: str, place: str) -> tuple[str, AESGCM]:
        current = self._shared if owner == INSTALLATION else self._current
        if owner not in current:
            row = self._first_row(owner) or self._current_row(owner) or self._make(owner, place)
            current[owner] = (row["id"], self._opened(row["id"], owner, row))
        return current[owner]

    def _opened(self, key_id: str, owner: str, row: Row) -> AESGCM:
        """Return the cipher of a stored key; the installation's are opened once in a process."""
        cipher = self._ciphers.get(key_id) or self._ring.kept.get(key_id)
        if cipher is None:
            cipher = AESGCM(self._ring.unwrap(key_id, row["wrapped"], row["wrapping_key_id"]))
            if owner == INSTALLATION:
                self._ring.kept[key_id] = cipher
        self._ciphers[key_id] = cipher
        return cipher

    def foresee(self) -> None:
        """Say that something of the installation's own will be sealed."""
        if INSTALLATION not in self._shared:
            self._foreseen = self._asked_with_epoch(INSTALLATION)

    def _first_row(self, owner: str) -> Row | None:
        """Return a key together with the epoch, in one question, where this transaction does not know it yet."""
        if self._epoch is not None:
            return None
        foreseen = self._foreseen if owner == INSTALLATION else None
        rows = (foreseen or self._asked_with_epoch(owner))()
        self._epoch = int(rows[0]["epoch"]) if rows else None
        return rows[0] if rows else None

    def _asked_with_epoch(self, owner: str) -> Rows:
        only_the_epoch = " OF e" if self._share and owner == INSTALLATION else ""
        return self._db.later(
            "SELECT k.id, k.wrapping_key_id, k.wrapped, k.epoch FROM seal_epoch e"
            " JOIN data_keys k ON k.epoch = e.epoch AND k.owner = :owner AND k.status = 'live'"
            f" WHERE e.id = 1 {self._share}{only_the_epoch}",
            {"owner": owner},
        )

    def _current_row(self, owner: str) -> Row | None:
        # The lock keeps an erasure from dropping the key while this transaction still seals with it.
        share = self._share if owner != INSTALLATION else ""
        return self._db.one(
            "SELECT id, wrapping_key_id, wrapped FROM data_keys"
            f" WHERE owner = :owner AND epoch = :epoch AND status = 'live' {share}",
            {"owner": owner, "epoch": self._current_epoch()},
        )

    def _current_epoch(self) -> int:
        """Return the epoch, held so that a new one begins only after this transaction."""
        if self._epoch is None:
            row = self._db.one(f"SELECT epoch FROM seal_epoch WHERE id = 1 {self._share}")
            assert row is not None
            self._epoch = int(row["epoch"])
        return self._epoch

    def _make(self, owner: str, place: str) -> Row:
        erased = self._db.one(
            "SELECT id FROM data_keys WHERE owner = :owner AND status = 'erased'", {"owner": owner}
        )
        if erased is not None:
            raise ErasedValue(place)
        wrapping_key_id = self._wrapping_key()
        key_id = self._new_id("dky")
        self._db.execute(
            "INSERT INTO data_keys (id, owner, epoch, status, wrapping_key_id, wrapped)"
            " VALUES (:id, :owner, :epoch, 'live', :wrapping_key_id, :wrapped)"
            " ON CONFLICT (owner, epoch) DO NOTHING",
            {
                "id": key_id,
                "owner": owner,
                "epoch": self._current_epoch(),
                "wrapping_key_id": wrapping_key_id,
                "wrapped": self._ring.wrap(key_id, os.urandom(KEY_BYTES), wrapping_key_id),
            },
        )
        made = self._current_row(owner)
        assert made is not None
        return made

    def _wrapping_key(self) -> str:
        """Return the wrapping key in use, held so that a rotation waits for this transaction."""
        query = f"SELECT id FROM wrapping_keys WHERE status = 'current' {self._share}"
        # A rotation that committed while this statement waited makes it find nothing; the next one finds the new key.
        row = self._db.one(query) or self._db.one(query)
        if row is None:
            self._db.execute(
                "INSERT INTO wrapping_keys (id, status) VALUES (:id, 'current') ON CONFLICT DO NOTHING",
                {"id": self._ring.wrapping.newest()},
            )
            row = self._db.one(query)
            assert row is not None
        return str(row["id"])

    def _cipher(self, key_id: str, place: str) -> AESGCM | None:
        known = self._ciphers.get(key_id) or self._ring.kept.get(key_id)
        if known is not None:
            return known
        row = self._db.one(
            "SELECT owner, wrapping_key_id, wrapped FROM data_keys WHERE id = :id", {"id": key_id}
        )
        if row is None:
            return None
        if row["wrapped"] is None:
            raise ErasedValue(place)
        return self._opened(key_id, row["owner"], row)

    def _stored_now(self, table: str, column: str, row: str) -> bytes | None:
        place = PLACE_OF.get((table, column))
        if place is None:
            return None
        where = " AND ".join(f"{key} = :key{number}" for number, key in enumerate(place.keys))
        values = {f"key{number}": value for number, value in enumerate(row.split("/", len(place.keys) - 1))}
        found = self._db.one(f"SELECT {place.stored} AS sealed FROM {table} WHERE {where}", values)
        return None if found is None else found["sealed"]


def key_id_of(sealed: bytes) -> str:
    """Return the name of the key that a value is sealed with; no name when the value is damaged."""
    if not sealed:
        return ""
    name = sealed[1 : 1 + sealed[0]].decode(errors="replace")
    # A damaged name may hold what no database takes as a text.
    return name if name.isidentifier() else ""


def _bound(table: str, column: str, row: str, key_id: str) -> bytes:
    return "|".join((table, column, row, key_id)).encode()
