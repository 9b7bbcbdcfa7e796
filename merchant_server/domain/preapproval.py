"""A pre-approval: one browser asks how much could be spent, before there is a cart; over after a quarter of an hour."""

from dataclasses import dataclass, replace
from datetime import datetime

from merchant_server.domain.errors import RuleRefused, Unauthenticated
from merchant_server.domain.my_visit import is_over

PROOF_SECONDS = 900
"""How long a number stays proven by its code: who applies later may be somebody else with the same phone."""


@dataclass(frozen=True, slots=True)
class Preapproval:
    """One attempt as stored; `consumer_id` and `decision_id` are set once somebody applied."""

    id: str
    token_hash: str
    phone_index: str
    created_at: datetime
    seen_at: datetime
    phone_verified_at: datetime | None = None
    consumer_id: str | None = None
    decision_id: str | None = None

    def is_over(self, now: datetime) -> bool:
        """Say whether it lay idle too long, or is too old altogether."""
        return is_over(self.created_at, self.seen_at, now)

    def proven(self, token_hash: str, now: datetime) -> "Preapproval":
        """Return it with its number verified, under a new cookie: one that was set before is worth nothing."""
        return replace(self, token_hash=token_hash, phone_verified_at=now, seen_at=now)

    def applied(self, consumer_id: str, decision_id: str, now: datetime) -> "Preapproval":
        """Return it with who applied and the decision that is under way."""
        return replace(self, consumer_id=consumer_id, decision_id=decision_id, seen_at=now)

    def require_proof(self, now: datetime) -> None:
        """Raise RuleRefused (phone_unverified) unless the number was verified just now."""
        at = self.phone_verified_at
        if at is None or not 0 <= (now - at).total_seconds() <= PROOF_SECONDS:
            raise RuleRefused(
                "verify your phone number first", code="phone_unverified", hint="ask for a code"
            )


def unknown_visitor() -> Unauthenticated:
    """Return the refusal of a page that needs a number first."""
    return Unauthenticated(
        "enter your phone number first", code="credit_signed_out", hint="it takes a minute"
    )
