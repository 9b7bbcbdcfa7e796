"""Repositories of early settlement, and of relief that two people decide on."""

from typing import Protocol

from merchant_server.domain.relief_proposal import ReliefProposal
from merchant_server.domain.settlement import SettlementQuote


class SettlementQuotes(Protocol):
    """What settles a loan, as it was shown."""

    def add(self, quote: SettlementQuote) -> None:
        """Store what was shown."""
        ...

    def get(self, quote_id: str) -> SettlementQuote | None:
        """Return the quote, or None."""
        ...

    def newest(self, loan_id: str) -> SettlementQuote | None:
        """Return the newest quote of a loan, or None."""
        ...


class ReliefProposals(Protocol):
    """Relief that one operator proposed, and what another one decided."""

    def add(self, proposal: ReliefProposal) -> None:
        """Store a proposal; Conflict while another one for the loan is open."""
        ...

    def get(self, proposal_id: str) -> ReliefProposal | None:
        """Return the proposal, locked for this transaction where the engine can, or None."""
        ...

    def open(self, limit: int) -> list[ReliefProposal]:
        """Return proposals that nobody decided on, oldest first."""
        ...

    def save(self, proposal: ReliefProposal) -> None:
        """Store the decision; raises TransitionConflict when somebody decided before."""
        ...
