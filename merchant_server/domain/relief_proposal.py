"""Relief by two people: one operator proposes a waiver, a write-off or a new schedule, another one grants it."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from merchant_server.domain.errors import RuleRefused
from merchant_server.domain.machine import Machine

# 《商业银行信用卡业务监督管理办法》 §70: an individual plan lasts five years at most.
HARDSHIP_INSTALLMENTS_MAX = 60
EXTENSION_MONTHS_MAX = 12


class ReliefKind(StrEnum):
    """What is proposed.

    A waiver takes `minor` off penalties, fees and interest; an extension moves every open row by `months`; hardship
    spreads what is owed over `installments` monthly rows without more interest; a write-off takes everything.
    """

    WAIVER = "waiver"
    WRITE_OFF = "write_off"
    EXTENSION = "extension"
    HARDSHIP = "hardship"


class ProposalStatus(StrEnum):
    """Where a proposal stands."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    REJECTED = "rejected"


_P = ProposalStatus
PROPOSAL_MACHINE = Machine(
    "relief proposal",
    _P.PROPOSED,
    {_P.PROPOSED: (_P.APPROVED, _P.REJECTED), _P.APPROVED: (), _P.REJECTED: ()},
)
# The one number that each kind needs, and its greatest value; a waiver is bounded by what is owed.
TERMS: dict[ReliefKind, tuple[str, int | None] | None] = {
    ReliefKind.WAIVER: ("minor", None),
    ReliefKind.WRITE_OFF: None,
    ReliefKind.EXTENSION: ("months", EXTENSION_MONTHS_MAX),
    ReliefKind.HARDSHIP: ("installments", HARDSHIP_INSTALLMENTS_MAX),
}


@dataclass(frozen=True, slots=True)
class ReliefProposal:
    """One proposal as stored; who granted it is never who proposed it."""

    id: str
    merchant_id: str
    loan_id: str
    kind: ReliefKind
    terms: dict[str, Any]
    reason: str
    status: ProposalStatus
    proposed_by: str
    proposed_at: datetime
    decided_by: str | None = None
    decided_at: datetime | None = None

    def approve(self, by: str, at: datetime) -> "ReliefProposal":
        """Return it granted. Raises RuleRefused for its own proposer (own_proposal), TransitionNotAllowed."""
        if by.strip().casefold() == self.proposed_by.casefold():
            raise RuleRefused(
                "who proposed it cannot grant it",
                code="own_proposal",
                hint="let another operator look at it",
                proposed_by=self.proposed_by,
            )
        return self._decided(ProposalStatus.APPROVED, by, at)

    def reject(self, by: str, at: datetime) -> "ReliefProposal":
        """Return it turned down. Raises TransitionNotAllowed."""
        return self._decided(ProposalStatus.REJECTED, by, at)

    def _decided(self, status: ProposalStatus, by: str, at: datetime) -> "ReliefProposal":
        if not by.strip():
            raise RuleRefused("say who decides", code="operator_missing", field="by", hint="give your name")
        checked = PROPOSAL_MACHINE.check(self.status, status)
        return replace(self, status=checked, decided_by=by.strip(), decided_at=at)


def checked_terms(kind: ReliefKind, given: dict[str, int]) -> dict[str, int]:
    """Return the terms of a kind, or raise RuleRefused (terms_invalid) naming what it needs."""
    needed = TERMS[kind]
    if needed is None:
        return {}
    name, most = needed
    value = given.get(name)
    if not isinstance(value, int) or value < 1 or (most is not None and value > most):
        raise RuleRefused(
            f"relief by {kind} needs {name}",
            code="terms_invalid",
            field=name,
            hint=f"a whole number from 1 to {most}" if most else "a whole number above 0",
        )
    return {name: value}
