"""The tree over the audit log's places: hashes of its parts, and signed heads. It gives no places."""

from merchant_server.domain.audit import TreeHead, full_subtree
from merchant_server.storage.engine import Connection, Row
from merchant_server.storage.repositories.rows import moment

TILE_LEVEL = 8


class AuditTree:
    """Parts and heads of the tree as stored."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def subtree(self, level: int, index: int) -> bytes:
        """Return the hash over the 2**level leaves from index * 2**level on, all of which exist."""
        if level < TILE_LEVEL:
            return self._from_leaves(level, index)
        first, last = index << level - TILE_LEVEL, ((index + 1) << level - TILE_LEVEL) - 1
        kept = self._tiles(first, last)
        return full_subtree(
            [kept.get(number) or self._from_leaves(TILE_LEVEL, number) for number in range(first, last + 1)]
        )

    def _from_leaves(self, level: int, index: int) -> bytes:
        rows = self._db.all(
            "SELECT leaf_hash FROM audit_leaves WHERE sequence BETWEEN :first AND :last ORDER BY sequence",
            {"first": (index << level) + 1, "last": (index + 1) << level},
        )
        # A leaf that is missing must not pass for a smaller tree.
        found = [_bytes(row["leaf_hash"]) for row in rows]
        return full_subtree(found) if len(found) == 1 << level else b""

    def _tiles(self, first: int, last: int) -> dict[int, bytes]:
        rows = self._db.all(
            "SELECT number, tile_hash FROM audit_tiles WHERE number BETWEEN :first AND :last",
            {"first": first, "last": last},
        )
        return {int(row["number"]): _bytes(row["tile_hash"]) for row in rows}

    def keep_tiles(self, size: int) -> None:
        """Store the hashes over each full 256 leaves up to `size`, as far as they are not stored."""
        row = self._db.one("SELECT COALESCE(MAX(number), -1) AS newest FROM audit_tiles")
        assert row is not None
        for number in range(int(row["newest"]) + 1, size >> TILE_LEVEL):
            self._db.execute(
                "INSERT INTO audit_tiles (number, tile_hash) VALUES (:number, :hash) ON CONFLICT (number) DO NOTHING",
                {"number": number, "hash": self._from_leaves(TILE_LEVEL, number).hex()},
            )

    def add_head(self, head: TreeHead) -> None:
        """Store a signed head; one of this size stays as it is."""
        self._db.execute(
            "INSERT INTO audit_heads (size, root_hash, at, signature, certificate)"
            " VALUES (:size, :root_hash, :at, :signature, :certificate) ON CONFLICT (size) DO NOTHING",
            head.to_dict(),
        )

    def heads(self) -> list[TreeHead]:
        """Return every signed head, smallest first."""
        return [_head(row) for row in self._db.all("SELECT * FROM audit_heads ORDER BY size")]

    def newest_head(self) -> TreeHead | None:
        """Return the head with the largest size, or None."""
        row = self._db.one("SELECT * FROM audit_heads ORDER BY size DESC LIMIT 1")
        return None if row is None else _head(row)

    def head_covering(self, sequence: int) -> TreeHead | None:
        """Return the smallest head that covers a place, or None."""
        row = self._db.one(
            "SELECT * FROM audit_heads WHERE size >= :sequence ORDER BY size LIMIT 1", {"sequence": sequence}
        )
        return None if row is None else _head(row)


def _bytes(digits: str) -> bytes:
    try:
        return bytes.fromhex(digits)
    except ValueError:
        return b""


def _head(row: Row) -> TreeHead:
    return TreeHead(
        int(row["size"]), row["root_hash"], moment(row["at"]), row["signature"], row["certificate"]
    )
