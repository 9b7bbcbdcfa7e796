"""`client.disputes`: what your customers object to, and your answers. Decides nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Self

from fenqi.api.intent import intent_key, path_id
from fenqi.api.pages import Page, checked_limit
from fenqi.api.reading import RAW, known, load
from fenqi.api.transport import Transport
from fenqi.finance.money import Money
from fenqi.wire import DisputeSchema

_DISPUTE = DisputeSchema()
_PATH = "/v1/disputes"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What you submitted at one time."""

    text: str
    links: tuple[str, ...]
    submitted_at: datetime


@dataclass(frozen=True, slots=True)
class Dispute:
    """A purchase that your customer objects to. `status` is told from your side: won means that you keep the money.

    statement, evidence and ruling are there when it was retrieved or answered, not in a list. Answer by the end of
    `answer_due_on`; `refund_id` names what a lost or accepted dispute was refunded by.
    """

    id: str
    mode: str
    status: str
    reason: str
    loan_id: str
    checkout_id: str
    amount: Money
    opened_by: str
    answer_due_on: date
    refund_id: str | None
    created_at: datetime
    closed_at: datetime | None
    sequence: int
    statement: str | None
    evidence: tuple[Evidence, ...]
    ruling: str | None
    raw: Mapping[str, Any] = RAW

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Self:
        """Read a dispute's JSON. Raises NotFenqi when it has not the shape of one."""
        loaded = load(_DISPUTE, raw)
        loaded["evidence"] = tuple(
            Evidence(row["text"], tuple(row["links"]), row["submitted_at"]) for row in loaded["evidence"]
        )
        return cls(**known(cls, loaded), raw=raw)


class Disputes:
    """Purchases that customers object to."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def retrieve(self, dispute_id: str) -> Dispute:
        """Return a dispute as it stands now, with what was written in it. Raises NotFoundError."""
        return Dispute.from_dict(self._transport.call("GET", self._of(dispute_id)).body)

    def list(
        self,
        *,
        loan_id: str | None = None,
        status: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Page[Dispute]:
        """Return disputes, newest first; iterating the page goes on through all later pages."""
        query = {"loan_id": loan_id, "status": status, "limit": checked_limit(limit), "cursor": cursor}
        return Page(self._transport, _PATH, query, Dispute.from_dict)

    def submit_evidence(
        self, dispute_id: str, *, text: str, links: Sequence[str] = (), idempotency_key: str | None = None
    ) -> Dispute:
        """Add what speaks for you: a text of at most 4,000 characters, and links to at most 10 files.

        The automatic key comes from dispute, text and links, so calling twice adds it once. Raises ConflictError
        when the dispute takes no evidence any more, InvalidRequestError.
        """
        body = {"text": text, "links": list(links)}
        return self._post(dispute_id, "evidence", body, idempotency_key)

    def challenge(self, dispute_id: str, *, idempotency_key: str | None = None) -> Dispute:
        """Say that your evidence is complete and ask for a decision. Raises ConflictError, InvalidRequestError."""
        return self._post(dispute_id, "challenge", {}, idempotency_key)

    def accept(self, dispute_id: str, *, idempotency_key: str | None = None) -> Dispute:
        """Give in: what is disputed is refunded at once. Raises ConflictError, InvalidRequestError."""
        return self._post(dispute_id, "accept", {}, idempotency_key)

    def _post(self, dispute_id: str, verb: str, body: Mapping[str, Any], key: str | None) -> Dispute:
        path = f"{self._of(dispute_id)}/{verb}"
        made = key or intent_key("POST", path, body)
        return Dispute.from_dict(self._transport.call("POST", path, body=body, idempotency_key=made).body)

    @staticmethod
    def _of(dispute_id: str) -> str:
        return f"{_PATH}/{path_id(dispute_id, 'dispute_id')}"
