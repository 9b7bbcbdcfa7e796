"""A dispute: a consumer objects to a purchase, the merchant answers, and somebody decides who is right. Pure rules.

`won` and `lost` are told from the merchant's side; a lost or accepted dispute is paid by a refund.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum

from fenqi.finance.money import Money

from merchant_server.domain.complaint import holds_hidden_marks
from merchant_server.domain.errors import Forbidden, RuleRefused
from merchant_server.domain.machine import Machine
from merchant_server.domain.review import REASON_CHARACTERS, Reviewer
from merchant_server.domain.secret import Secret

ANSWER_DAYS = 10
STATEMENT_CHARACTERS_MAX = 2_000
EVIDENCE_MAX = 10
CONSUMER = "consumer"
# `loans.collection_paused_reason` while a dispute is open.
PAUSED_REASON = "dispute"


class DisputeReason(StrEnum):
    """What the consumer objects to."""

    NOT_RECEIVED = "not_received"
    NOT_AS_DESCRIBED = "not_as_described"
    DAMAGED = "damaged"
    RETURNED = "returned"
    WRONG_AMOUNT = "wrong_amount"
    NOT_MINE = "not_mine"
    OTHER = "other"


class DisputeStatus(StrEnum):
    """Where a dispute stands."""

    OPEN = "open"
    EVIDENCE_SUBMITTED = "evidence_submitted"
    CHALLENGED = "challenged"
    WON = "won"
    LOST = "lost"
    ACCEPTED = "accepted"
    WITHDRAWN = "withdrawn"


_D = DisputeStatus
DISPUTE_MACHINE = Machine(
    "dispute",
    _D.OPEN,
    {
        # Who does not answer in time has lost; evidence is an answer, so it is decided upon even if nobody challenged.
        _D.OPEN: (_D.EVIDENCE_SUBMITTED, _D.ACCEPTED, _D.LOST, _D.WITHDRAWN),
        _D.EVIDENCE_SUBMITTED: (_D.EVIDENCE_SUBMITTED, _D.CHALLENGED, _D.ACCEPTED, _D.WITHDRAWN),
        _D.CHALLENGED: (_D.WON, _D.LOST, _D.ACCEPTED, _D.WITHDRAWN),
        _D.WON: (),
        _D.LOST: (),
        _D.ACCEPTED: (),
        _D.WITHDRAWN: (),
    },
)
LIVE_DISPUTES = frozenset({_D.OPEN, _D.EVIDENCE_SUBMITTED, _D.CHALLENGED})
REFUNDED_DISPUTES = frozenset({_D.LOST, _D.ACCEPTED})


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a merchant submitted at one time: a text, and links to files that are kept elsewhere."""

    text: Secret[str]
    links: tuple[str, ...]
    submitted_at: datetime


@dataclass(frozen=True, slots=True)
class DisputeWords:
    """What people wrote in a dispute; it may speak about a person, so it is kept sealed."""

    statement: Secret[str]
    evidence: tuple[Evidence, ...] = ()
    ruling: Secret[str] | None = None


@dataclass(frozen=True, slots=True)
class Dispute:
    """One dispute as stored. `opened_by` is `consumer` or an operator's name; days are the merchant's business days.

    `refunded_before` is what had been refunded when it was opened: what is refunded afterwards counts for it.
    """

    id: str
    merchant_id: str
    mode: str
    loan_id: str
    checkout_id: str
    consumer_id: str
    reason: DisputeReason
    status: DisputeStatus
    version: int
    amount: Money
    refunded_before: Money
    opened_by: str
    created_at: datetime
    answer_due_on: date
    decided_by: str | None = None
    refund_id: str | None = None
    closed_at: datetime | None = None

    @property
    def is_live(self) -> bool:
        """Say whether somebody still has to act."""
        return self.status in LIVE_DISPUTES

    def to(self, status: DisputeStatus) -> "Dispute":
        """Return it one transition later, or raise TransitionNotAllowed."""
        return replace(self, status=DISPUTE_MACHINE.check(self.status, status), version=self.version + 1)

    def close(
        self,
        status: DisputeStatus,
        at: datetime,
        *,
        decided_by: str | None = None,
        refund_id: str | None = None,
    ) -> "Dispute":
        """Return it ended, or raise TransitionNotAllowed."""
        return replace(self.to(status), closed_at=at, decided_by=decided_by, refund_id=refund_id)

    def due(self, refunded: Money) -> Money:
        """Return what is still to be refunded for it, when `refunded` is all that was refunded on its loan."""
        left = self.amount - (refunded - self.refunded_before)
        return left if left.minor > 0 else Money(0, left.currency)


def answer_due_on(opened_on: date) -> date:
    """Return the last day on which the merchant's answer is in time."""
    return opened_on + timedelta(days=ANSWER_DAYS)


def disputed_amount(wanted: Money | None, captured: Money, refunded: Money) -> Money:
    """Return what a dispute is about: `wanted`, or all that is not refunded yet.

    Raises RuleRefused (nothing_to_dispute, dispute_amount_invalid).
    """
    left = captured - refunded
    if not left.minor:
        raise RuleRefused(
            "nothing of this purchase is left to dispute",
            code="nothing_to_dispute",
            hint="it was not delivered yet, or everything was refunded",
        )
    if wanted is None:
        return left
    if wanted.currency != left.currency or not 0 < wanted.minor <= left.minor:
        raise RuleRefused(
            "the amount is not within what was bought and not refunded",
            code="dispute_amount_invalid",
            field="amount",
            hint=f"at most {left}",
            left_minor=left.minor,
        )
    return wanted


def statement_text(typed: str) -> Secret[str]:
    """Return what was typed as it is kept. Raises RuleRefused when it is empty, too long, or holds hidden marks."""
    text = typed.replace("\r\n", "\n").strip()
    if not text:
        raise RuleRefused(
            "the dispute says nothing", code="statement_empty", field="text", hint="say what went wrong"
        )
    if len(text) > STATEMENT_CHARACTERS_MAX:
        raise RuleRefused(
            f"the text is longer than {STATEMENT_CHARACTERS_MAX} characters",
            code="statement_too_long",
            field="text",
            hint="shorten it",
            characters_max=STATEMENT_CHARACTERS_MAX,
        )
    if holds_hidden_marks(text):
        raise RuleRefused(
            "the text holds invisible control characters",
            code="statement_unreadable",
            field="text",
            hint="type it anew, without pasting",
        )
    return Secret(text)


def ruling_text(typed: str) -> Secret[str]:
    """Return why a dispute was decided so. Raises RuleRefused (ruling_invalid)."""
    text, (shortest, longest) = typed.strip(), REASON_CHARACTERS
    if not shortest <= len(text) <= longest or holds_hidden_marks(text):
        raise RuleRefused(
            f"a reason has {shortest} to {longest} visible characters",
            code="ruling_invalid",
            field="reason",
            hint="say what you looked at and why it decides the dispute; merchant and consumer read it",
        )
    return Secret(text)


def refuse_own_dispute(dispute: Dispute, reviewer: Reviewer, consumer_index: str) -> None:
    """Raise Forbidden when the dispute is the reviewer's own: about their purchase, or opened by them."""
    if reviewer.id_number_index == consumer_index or reviewer.name == dispute.opened_by:
        raise Forbidden(
            "nobody decides their own dispute",
            code="dispute_own_case",
            hint="another reviewer has to decide it",
        )
