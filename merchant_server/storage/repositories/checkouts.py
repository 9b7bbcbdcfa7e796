"""Checkouts with their applicants and one-time codes."""

import json
from datetime import datetime
from typing import Any

from fenqi.finance.lines import Line
from fenqi.finance.money import Money

from merchant_server.domain.checkout import Checkout, CheckoutStatus
from merchant_server.domain.code import Code
from merchant_server.domain.consumer import Applicant
from merchant_server.storage.engine import Connection, Row
from merchant_server.storage.repositories.rows import (
    from_json,
    insert,
    lines_from_text,
    lines_text,
    maybe_moment,
    moment,
    moved,
    save,
    stamp,
    to_json,
)
from merchant_server.storage.sealed import Sealer

_MONEY = ("amount", "captured", "voided")


class Checkouts:
    """Attempts to pay one order."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def add(self, checkout: Checkout) -> None:
        """Store a new checkout with its first transition."""
        insert(self._db, "checkouts", _columns(checkout))
        self._transition(checkout, None, "created", checkout.created_at)

    def get(self, checkout_id: str) -> Checkout | None:
        """Return the checkout, or None."""
        row = self._db.one("SELECT * FROM checkouts WHERE id = :id", {"id": checkout_id})
        return None if row is None else _checkout(row)

    def by_token(self, token: str) -> Checkout | None:
        """Return the checkout behind a short link, or None."""
        row = self._db.one("SELECT * FROM checkouts WHERE token = :token", {"token": token})
        return None if row is None else _checkout(row)

    def page(
        self,
        merchant_id: str,
        mode: str,
        *,
        before: str | None,
        limit: int,
        status: str | None,
        reference: str | None,
    ) -> list[Checkout]:
        """Return up to `limit` of a merchant's checkouts, newest first, older than `before`."""
        rows = self._db.all(
            "SELECT * FROM checkouts WHERE merchant_id = :merchant_id AND mode = :mode AND id < :before"
            " AND (CAST(:status AS TEXT) IS NULL OR status = :status)"
            " AND (CAST(:reference AS TEXT) IS NULL OR reference = :reference)"
            " ORDER BY id DESC LIMIT :limit",
            {
                "merchant_id": merchant_id,
                "mode": mode,
                "before": before or "chk_~",
                "limit": limit,
                "status": status,
                "reference": reference,
            },
        )
        return [_checkout(row) for row in rows]

    def save(self, checkout: Checkout, was: Checkout, at: datetime, reason: str) -> None:
        """Store a transition; raises TransitionConflict when somebody else moved it first."""
        row = _columns(checkout)
        changing = [name for name in row if name not in ("id", "merchant_id", "token")]
        sets = ", ".join(f"{name} = :{name}" for name in changing)
        save(
            self._db,
            f"UPDATE checkouts SET {sets} WHERE id = :id AND version = :was",
            {**row, "was": was.version},
            "checkout",
            checkout.id,
        )
        self._transition(checkout, was, reason, at)

    def to_expire(self, now: datetime, limit: int) -> list[Checkout]:
        """Return checkouts whose time is over, oldest first, locked for this transaction where the engine can."""
        rows = self._db.all(
            "SELECT * FROM checkouts WHERE expires_at <= :now"
            " AND status IN ('created', 'opened', 'deciding', 'offered', 'referred', 'signing')"
            f" ORDER BY expires_at LIMIT :limit {self._db.claim_suffix}",
            {"now": stamp(now), "limit": limit},
        )
        return [_checkout(row) for row in rows]

    def to_warn(self, before: datetime, limit: int) -> list[Checkout]:
        """Return checkouts of which a part lapses before a time and whose shop was not told, locked as above."""
        rows = self._db.all(
            "SELECT * FROM checkouts WHERE authorized_until <= :before AND expiry_announced_at IS NULL"
            " AND status IN ('authorized', 'captured')"
            f" ORDER BY authorized_until LIMIT :limit {self._db.claim_suffix}",
            {"before": stamp(before), "limit": limit},
        )
        return [_checkout(row) for row in rows]

    def to_lapse(self, now: datetime, limit: int) -> list[str]:
        """Return the ids of checkouts of which a part was not captured in time, oldest first."""
        rows = self._db.all(
            "SELECT id FROM checkouts WHERE authorized_until <= :now AND status IN ('authorized', 'captured')"
            " ORDER BY authorized_until LIMIT :limit",
            {"now": stamp(now), "limit": limit},
        )
        return [row["id"] for row in rows]

    def _transition(self, checkout: Checkout, was: Checkout | None, reason: str, at: datetime) -> None:
        row = {
            "aggregate_id": checkout.id,
            "version": checkout.version,
            "merchant_id": checkout.merchant_id,
            "from_state": was and was.status.value,
            "to_state": checkout.status.value,
            "reason": reason,
            "at": stamp(at),
        }
        insert(self._db, "transitions", row)


class Applicants:
    """People on the way through a checkout; what they type is sealed."""

    def __init__(self, connection: Connection, sealer: Sealer) -> None:
        self._db, self._sealer = connection, sealer

    def put(self, applicant: Applicant, merchant_id: str) -> None:
        """Store an applicant, or what is newly known of one."""
        personal = {
            "phone": applicant.phone,
            "name": applicant.name,
            "id_number": applicant.id_number,
            "consents": list(applicant.consents),
            "account_token": applicant.account_token,
            "account_label": applicant.account_label,
        }
        sealed = self._sealer.seal(to_json(personal).encode(), "applicants", "person", applicant.checkout_id)
        self._db.execute(
            "INSERT INTO applicants (checkout_id, merchant_id, phone_index, person_sealed, phone_verified_at)"
            " VALUES (:checkout_id, :merchant_id, :phone_index, :sealed, :verified_at)"
            " ON CONFLICT (checkout_id) DO UPDATE SET phone_index = excluded.phone_index,"
            " person_sealed = excluded.person_sealed, phone_verified_at = excluded.phone_verified_at",
            {
                "checkout_id": applicant.checkout_id,
                "merchant_id": merchant_id,
                "phone_index": self.phone_index(applicant.phone),
                "sealed": sealed,
                "verified_at": applicant.phone_verified_at and stamp(applicant.phone_verified_at),
            },
        )

    def get(self, checkout_id: str) -> Applicant | None:
        """Return the applicant of a checkout, or None."""
        row = self._db.one("SELECT * FROM applicants WHERE checkout_id = :id", {"id": checkout_id})
        if row is None:
            return None
        opened = self._sealer.open(row["person_sealed"], "applicants", "person", checkout_id)
        personal: dict[str, Any] = json.loads(opened)
        personal["consents"] = tuple(personal["consents"])
        return Applicant(checkout_id, phone_verified_at=maybe_moment(row["phone_verified_at"]), **personal)

    def phone_index(self, phone: str) -> str:
        """Return the keyed hash that a phone number is looked up by."""
        return self._sealer.index("phone", phone)


class Codes:
    """One-time codes."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def add(self, code: Code) -> None:
        """Store a new code."""
        row = {name: getattr(code, name) for name in Code.__dataclass_fields__}
        row |= {"created_at": stamp(code.created_at), "expires_at": stamp(code.expires_at), "used_at": None}
        insert(self._db, "codes", row)

    def latest(self, checkout_id: str, purpose: str) -> Code | None:
        """Return the newest code of a checkout for a purpose, locked where the engine can; older ones are void."""
        row = self._db.one(
            "SELECT * FROM codes WHERE checkout_id = :checkout_id AND purpose = :purpose"
            f" ORDER BY id DESC LIMIT 1 {self._db.row_lock}",
            {"checkout_id": checkout_id, "purpose": purpose},
        )
        if row is None:
            return None
        values = {name: row[name] for name in Code.__dataclass_fields__}
        values |= {name: maybe_moment(row[name]) for name in ("created_at", "expires_at", "used_at")}
        return Code(**values)

    def record_try(self, code: Code) -> None:
        """Store a code after one try; raises TransitionConflict when another try came between."""
        changed = self._db.execute(
            "UPDATE codes SET tries = :tries, used_at = :used_at WHERE id = :id AND tries = :tries - 1",
            {"id": code.id, "tries": code.tries, "used_at": code.used_at and stamp(code.used_at)},
        )
        moved(self._db, changed, "code", code.id)


def _columns(checkout: Checkout) -> dict[str, Any]:
    row = {name: getattr(checkout, name) for name in Checkout.__dataclass_fields__}
    del row["amount"], row["captured"], row["voided"]
    return row | {
        "status": checkout.status.value,
        "amount_minor": checkout.amount.minor,
        "captured_minor": checkout.captured.minor,
        "voided_minor": checkout.voided.minor,
        "currency": checkout.amount.currency,
        "plan_ids": to_json(list(checkout.plan_ids)),
        "metadata": to_json(checkout.metadata),
        "lines": lines_text(checkout.lines),
        "created_at": stamp(checkout.created_at),
        "expires_at": stamp(checkout.expires_at),
        "authorized_until": checkout.authorized_until and stamp(checkout.authorized_until),
        "expiry_announced_at": checkout.expiry_announced_at and stamp(checkout.expiry_announced_at),
    }


def _checkout(row: Row) -> Checkout:
    values = {name: row[name] for name in Checkout.__dataclass_fields__ if name not in _MONEY}
    return Checkout(
        **values
        | {
            "status": CheckoutStatus(row["status"]),
            "amount": Money(row["amount_minor"], row["currency"]),
            "captured": Money(row["captured_minor"], row["currency"]),
            "voided": Money(row["voided_minor"], row["currency"]),
            "plan_ids": tuple(from_json(row["plan_ids"])),
            "metadata": from_json(row["metadata"]),
            "lines": lines_from_text(Line, row["lines"]),
            "created_at": moment(row["created_at"]),
            "expires_at": moment(row["expires_at"]),
            "authorized_until": maybe_moment(row["authorized_until"]),
            "expiry_announced_at": maybe_moment(row["expiry_announced_at"]),
        }
    )
