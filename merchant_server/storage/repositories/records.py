"""What is kept about requests: their idempotency keys."""

from datetime import datetime

from merchant_server.ports import StoredReply
from merchant_server.storage.engine import Connection
from merchant_server.storage.repositories.rows import stamp
from merchant_server.storage.sealed import Sealer


class IdempotencyKeys:
    """One row a key, merchant and mode, written in the transaction of its effect.

    Answers are sealed: one of them shows a new webhook endpoint's secret.
    """

    def __init__(self, connection: Connection, sealer: Sealer) -> None:
        self._db, self._sealer = connection, sealer

    def foresee(self) -> None:
        """Say that an answer will be kept."""
        self._sealer.foresee()

    def claim(
        self, merchant_id: str, mode: str, key: str, fingerprint: str, at: datetime, until: datetime | None
    ) -> bool:
        """Take a key; say False when it was taken before. On PostgreSQL this waits for a rival's commit.

        `until` is when it may be forgotten, None for never.
        """
        return (
            self._db.execute(
                "INSERT INTO idempotency_keys (merchant_id, mode, key, fingerprint, created_at, expires_at)"
                " VALUES (:merchant_id, :mode, :key, :fingerprint, :at, :until)"
                " ON CONFLICT (merchant_id, mode, key) DO NOTHING",
                {
                    "merchant_id": merchant_id,
                    "mode": mode,
                    "key": key,
                    "fingerprint": fingerprint,
                    "at": stamp(at),
                    "until": until and stamp(until),
                },
            )
            == 1
        )

    def get(self, merchant_id: str, mode: str, key: str) -> StoredReply | None:
        """Return what was answered under a key, or None when the key is free."""
        row = self._db.one(
            "SELECT * FROM idempotency_keys WHERE merchant_id = :merchant_id AND mode = :mode AND key = :key",
            {"merchant_id": merchant_id, "mode": mode, "key": key},
        )
        if row is None:
            return None
        sealed = row["response_sealed"]
        place = _place(merchant_id, mode, key)
        body = None if sealed is None else self._sealer.open(sealed, "idempotency_keys", "response", place)
        return StoredReply(row["fingerprint"], row["response_status"], body)

    def answer(self, merchant_id: str, mode: str, key: str, status: int, body: bytes) -> None:
        """Keep the answer to replay, byte for byte."""
        sealed = self._sealer.seal(body, "idempotency_keys", "response", _place(merchant_id, mode, key))
        self._db.write(
            "UPDATE idempotency_keys SET response_status = :status, response_sealed = :sealed"
            " WHERE merchant_id = :merchant_id AND mode = :mode AND key = :key",
            {"merchant_id": merchant_id, "mode": mode, "key": key, "status": status, "sealed": sealed},
        )

    def forget(self, now: datetime, limit: int) -> int:
        """Forget up to `limit` keys whose time is over; return how many."""
        over = self._db.all(
            "SELECT merchant_id, mode, key FROM idempotency_keys WHERE expires_at <= :now"
            " ORDER BY expires_at LIMIT :limit",
            {"now": stamp(now), "limit": limit},
        )
        self._db.executemany(
            "DELETE FROM idempotency_keys WHERE merchant_id = :merchant_id AND mode = :mode AND key = :key",
            over,
        )
        return len(over)


def _place(merchant_id: str, mode: str, key: str) -> str:
    return f"{merchant_id}/{mode}/{key}"
