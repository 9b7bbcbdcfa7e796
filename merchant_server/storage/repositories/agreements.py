"""Agreements, with their documents sealed, and mandates."""

import json
from datetime import datetime

from fenqi.finance.money import Money

from merchant_server.domain.agreement import Agreement, AgreementStatus, TimestampStatus, canonical
from merchant_server.domain.deduction import Mandate, MandateStatus
from merchant_server.domain.errors import Erased
from merchant_server.storage.engine import Connection, Row
from merchant_server.storage.repositories.rows import insert, maybe_moment, moment, save, stamp, to_json
from merchant_server.storage.sealed import Sealer

ERASED_ACCOUNT = "(erased 已删除)"


class Agreements:
    """Documents: what was shown, and what was signed."""

    def __init__(self, connection: Connection, sealer: Sealer) -> None:
        self._db, self._sealer = connection, sealer

    def add(self, agreement: Agreement) -> None:
        """Store a draft that is about to be shown."""
        plain = (
            "id", "merchant_id", "mode", "checkout_id", "consumer_id", "loan_id", "mandate_id", "plan_id",
            "language", "version", "shown_sha256",
        )  # fmt: skip
        row = {name: getattr(agreement, name) for name in plain}
        row |= {
            "status": agreement.status.value,
            "terms_sealed": self._seal(canonical(agreement.terms), "terms", agreement),
            "shown_sealed": self._seal(agreement.shown_pdf, "shown", agreement),
            "shown_at": stamp(agreement.shown_at),
        }
        insert(self._db, "agreements", row)

    def get(self, agreement_id: str) -> Agreement | None:
        """Return the agreement with its documents, or None."""
        row = self._db.one("SELECT * FROM agreements WHERE id = :id", {"id": agreement_id})
        if row is None:
            return None
        plain = (
            "id", "merchant_id", "mode", "checkout_id", "consumer_id", "loan_id", "mandate_id", "plan_id",
            "language", "version", "shown_sha256", "signed_sha256",
        )  # fmt: skip
        signed = row["signed_sealed"]
        return Agreement(
            **{name: row[name] for name in plain},
            status=AgreementStatus(row["status"]),
            terms=json.loads(self._open(row["terms_sealed"], "terms", agreement_id)),
            shown_pdf=self._open(row["shown_sealed"], "shown", agreement_id),
            shown_at=moment(row["shown_at"]),
            signed_pdf=None if signed is None else self._open(signed, "signed", agreement_id),
            signed_at=maybe_moment(row["signed_at"]),
            timestamp=row["timestamp_status"] and TimestampStatus(row["timestamp_status"]),
        )

    def save_signature(self, agreement: Agreement, was: Agreement) -> None:
        """Store the signed document, once; raises TransitionConflict when it was signed or replaced before."""
        assert agreement.signed_pdf is not None and agreement.signed_at is not None
        save(
            self._db,
            "UPDATE agreements SET status = :status, version = :version, signed_sealed = :sealed,"
            " signed_sha256 = :sha256, signed_at = :at, timestamp_status = :timestamp, timestamp_next_at = :at"
            " WHERE id = :id AND version = :was AND status = 'draft'",
            {
                "id": agreement.id,
                "status": agreement.status.value,
                "version": agreement.version,
                "sealed": self._seal(agreement.signed_pdf, "signed", agreement),
                "sha256": agreement.signed_sha256,
                "at": stamp(agreement.signed_at),
                "timestamp": agreement.timestamp and agreement.timestamp.value,
                "was": was.version,
            },
            "agreement",
            agreement.id,
        )

    def awaits_timestamp(self, agreement_id: str) -> bool:
        """Say whether a signature still waits for its timestamp."""
        row = self._db.one("SELECT timestamp_status FROM agreements WHERE id = :id", {"id": agreement_id})
        return row is not None and row["timestamp_status"] == TimestampStatus.PENDING

    def to_stamp(self, now: datetime, limit: int) -> list[str]:
        """Return the ids of signatures whose timestamp is to be asked for now, longest waiting first."""
        rows = self._db.all(
            "SELECT id FROM agreements WHERE timestamp_status = 'pending' AND timestamp_next_at <= :now"
            " ORDER BY timestamp_next_at LIMIT :limit",
            {"now": stamp(now), "limit": limit},
        )
        return [row["id"] for row in rows]

    def save_stamp(self, agreement: Agreement, was: Agreement) -> None:
        """Store the timestamped document, once; raises TransitionConflict when another worker did."""
        assert agreement.signed_pdf is not None
        save(
            self._db,
            "UPDATE agreements SET version = :version, signed_sealed = :sealed, signed_sha256 = :sha256,"
            " timestamp_status = 'stamped', timestamp_next_at = NULL"
            " WHERE id = :id AND version = :was AND timestamp_status = 'pending'",
            {
                "id": agreement.id,
                "version": agreement.version,
                "sealed": self._seal(agreement.signed_pdf, "signed", agreement),
                "sha256": agreement.signed_sha256,
                "was": was.version,
            },
            "agreement",
            agreement.id,
        )

    def timestamp_tries(self, agreement_id: str) -> int:
        """Return how often a timestamp was asked for in vain."""
        row = self._db.one("SELECT timestamp_tries FROM agreements WHERE id = :id", {"id": agreement_id})
        return 0 if row is None else int(row["timestamp_tries"])

    def put_off_stamp(self, agreement_id: str, tries: int, next_at: datetime) -> None:
        """Store when to ask for a timestamp again."""
        self._db.execute(
            "UPDATE agreements SET timestamp_tries = :tries, timestamp_next_at = :next_at"
            " WHERE id = :id AND timestamp_status = 'pending'",
            {"id": agreement_id, "tries": tries, "next_at": stamp(next_at)},
        )

    def replace_drafts(self, checkout_id: str) -> None:
        """Take the drafts of a checkout out of use; the consumer picked another plan."""
        self._db.execute(
            "UPDATE agreements SET status = 'replaced', version = version + 1"
            " WHERE checkout_id = :id AND status = 'draft'",
            {"id": checkout_id},
        )

    def _seal(self, data: bytes, column: str, agreement: Agreement) -> bytes:
        return self._sealer.seal(data, "agreements", column, agreement.id, owner=agreement.consumer_id)

    def _open(self, sealed: bytes, column: str, agreement_id: str) -> bytes:
        return self._sealer.open(sealed, "agreements", column, agreement_id)


class Mandates:
    """Rights to deduct."""

    def __init__(self, connection: Connection, sealer: Sealer) -> None:
        self._db, self._sealer = connection, sealer

    def add(self, mandate: Mandate) -> None:
        """Store a mandate before the bank is asked for it; which account it is for is sealed."""
        row = {name: getattr(mandate, name) for name in Mandate.__dataclass_fields__ if name != "cap"}
        account = to_json({"token": mandate.account_token, "label": mandate.account_label}).encode()
        row |= {
            "status": mandate.status.value,
            "cap_minor": mandate.cap.minor,
            "currency": mandate.cap.currency,
            "account_token": "",
            "account_label": "",
            "account_sealed": self._sealer.seal(
                account, "mandates", "account", mandate.id, owner=mandate.consumer_id
            ),
            "created_at": stamp(mandate.created_at),
            "revoked_at": mandate.revoked_at and stamp(mandate.revoked_at),
        }
        insert(self._db, "mandates", row)

    def get(self, mandate_id: str) -> Mandate | None:
        """Return the mandate, or None."""
        row = self._db.one("SELECT * FROM mandates WHERE id = :id", {"id": mandate_id})
        return None if row is None else self._mandate(row)

    def save(self, mandate: Mandate, was: Mandate) -> None:
        """Store a transition; raises TransitionConflict when somebody else moved it first."""
        save(
            self._db,
            "UPDATE mandates SET status = :status, version = :version, revoked_at = :revoked_at"
            " WHERE id = :id AND version = :was",
            {
                "id": mandate.id,
                "status": mandate.status.value,
                "version": mandate.version,
                "revoked_at": mandate.revoked_at and stamp(mandate.revoked_at),
                "was": was.version,
            },
            "mandate",
            mandate.id,
        )

    def latest(self, limit: int) -> list[Mandate]:
        """Return the newest mandates of the whole installation."""
        rows = self._db.all("SELECT * FROM mandates ORDER BY id DESC LIMIT :limit", {"limit": limit})
        return [self._mandate(row) for row in rows]

    def orphans(self, limit: int) -> list[Mandate]:
        """Return live mandates that no loan needs: their checkout ended unsigned, or another plan was chosen."""
        rows = self._db.all(
            # Two small sets: what is not signed yet, and what was signed and given up.
            "SELECT * FROM mandates WHERE id IN (SELECT m.id FROM mandates m"
            " JOIN checkouts c ON c.id = m.checkout_id LEFT JOIN agreements a ON a.mandate_id = m.id"
            " WHERE m.status = 'pending' AND (c.status IN ('expired', 'cancelled', 'voided') OR a.status = 'replaced')"
            " UNION ALL SELECT m.id FROM mandates m WHERE m.status = 'active'"
            " AND m.checkout_id IN (SELECT c.id FROM checkouts c WHERE c.status = 'voided')) ORDER BY id LIMIT :limit",
            {"limit": limit},
        )
        return [self._mandate(row) for row in rows]

    def to_end(self, limit: int) -> list[Mandate]:
        """Return mandates that their owner took back and the bank has not yet been told of, oldest first."""
        rows = self._db.all(
            "SELECT * FROM mandates WHERE status = 'suspended' AND revoked_at IS NOT NULL"
            " ORDER BY revoked_at LIMIT :limit",
            {"limit": limit},
        )
        return [self._mandate(row) for row in rows]

    def _mandate(self, row: Row) -> Mandate:
        values = {name: row[name] for name in Mandate.__dataclass_fields__ if name != "cap"}
        values |= {
            "status": MandateStatus(row["status"]),
            "cap": Money(row["cap_minor"], row["currency"]),
            "created_at": moment(row["created_at"]),
            "revoked_at": maybe_moment(row["revoked_at"]),
        }
        return Mandate(**values | self._account(row))

    def _account(self, row: Row) -> dict[str, str]:
        if row["account_sealed"] is None:
            return {}
        try:
            account = json.loads(self._sealer.open(row["account_sealed"], "mandates", "account", row["id"]))
        except Erased:
            # Whose account it was is gone; that there was a mandate, and what it allowed, stays.
            return {"account_token": "", "account_label": ERASED_ACCOUNT}
        return {"account_token": account["token"], "account_label": account["label"]}
