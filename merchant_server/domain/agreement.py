"""An agreement: the document that a consumer signs. Shown bytes are the signed bytes are the served bytes."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from merchant_server.domain.errors import RuleRefused
from merchant_server.domain.machine import Machine

TEMPLATE_VERSION = "2026-11-22"
STAMP_AGAIN_SECONDS, STAMP_AGAIN_SECONDS_MAX = 15, 3600


class AgreementStatus(StrEnum):
    """Where an agreement stands."""

    DRAFT = "draft"
    SIGNED = "signed"
    REPLACED = "replaced"


class TimestampStatus(StrEnum):
    """Whether a signature has its timestamp."""

    PENDING = "pending"
    STAMPED = "stamped"


TIMESTAMP_MACHINE = Machine(
    "timestamp",
    TimestampStatus.PENDING,
    {TimestampStatus.PENDING: (TimestampStatus.STAMPED,), TimestampStatus.STAMPED: ()},
)
AGREEMENT_MACHINE = Machine(
    "agreement",
    AgreementStatus.DRAFT,
    {
        AgreementStatus.DRAFT: (AgreementStatus.SIGNED, AgreementStatus.REPLACED),
        AgreementStatus.SIGNED: (),
        AgreementStatus.REPLACED: (),
    },
)


@dataclass(frozen=True, slots=True)
class Agreement:
    """One agreement as stored. `shown_sha256` is over the PDF that was read; the signed PDF begins with it."""

    id: str
    merchant_id: str
    mode: str
    checkout_id: str
    consumer_id: str
    loan_id: str
    mandate_id: str
    plan_id: str
    language: str
    terms: dict[str, Any] = field(repr=False)
    shown_pdf: bytes = field(repr=False)
    shown_sha256: str
    shown_at: datetime
    status: AgreementStatus
    version: int
    signed_pdf: bytes | None = field(default=None, repr=False)
    signed_sha256: str | None = None
    signed_at: datetime | None = None
    timestamp: TimestampStatus | None = None

    @property
    def awaits_timestamp(self) -> bool:
        """Say whether it is signed and its timestamp is still to come."""
        return self.timestamp == TimestampStatus.PENDING

    @property
    def reading_seconds(self) -> int:
        """How long its disclosure must be open before it may be confirmed, as the pack that was shown says."""
        return int(self.terms["disclosure"]["reading_seconds"])

    def refuse_if_unread(self, now: datetime) -> None:
        """Raise RuleRefused before the reading time has passed (综合融资成本明示: forced reading)."""
        ready_at = self.shown_at + timedelta(seconds=self.reading_seconds)
        if now < ready_at:
            left = int((ready_at - now).total_seconds()) + 1
            raise RuleRefused(
                "please read the agreement first",
                code="reading_time",
                hint=f"you can sign in {left} seconds",
                seconds_left=left,
            )

    def sign(
        self, signed_pdf: bytes, signed_at: datetime, timestamp: TimestampStatus = TimestampStatus.STAMPED
    ) -> "Agreement":
        """Return it signed; the signature must be appended to exactly the shown bytes."""
        if not signed_pdf.startswith(self.shown_pdf):
            raise RuleRefused(
                "what was signed is not what was shown", code="agreement_altered", agreement_id=self.id
            )
        return replace(
            self,
            status=AGREEMENT_MACHINE.check(self.status, AgreementStatus.SIGNED),
            version=self.version + 1,
            signed_pdf=signed_pdf,
            signed_sha256=sha256(signed_pdf),
            signed_at=signed_at,
            timestamp=timestamp,
        )

    def stamp(self, stamped_pdf: bytes) -> "Agreement":
        """Return it with the timestamp that was pending. Raises TransitionNotAllowed."""
        assert self.timestamp is not None and stamped_pdf.startswith(self.shown_pdf)
        return replace(
            self,
            timestamp=TIMESTAMP_MACHINE.check(self.timestamp, TimestampStatus.STAMPED),
            version=self.version + 1,
            signed_pdf=stamped_pdf,
            signed_sha256=sha256(stamped_pdf),
        )


def stamp_again_at(tries: int, now: datetime) -> datetime:
    """Return when to ask for a timestamp again after `tries` in vain and one more: twice as long, up to an hour."""
    return now + timedelta(seconds=min(STAMP_AGAIN_SECONDS * 2 ** min(tries, 10), STAMP_AGAIN_SECONDS_MAX))


def sha256(data: bytes) -> str:
    """Return the hash that binds a code and a signature to a document."""
    return hashlib.sha256(data).hexdigest()


def canonical(terms: Mapping[str, Any]) -> bytes:
    """Return the one byte form of terms (RFC 8785 for the strings, integers and nulls that terms hold)."""
    return json.dumps(terms, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
