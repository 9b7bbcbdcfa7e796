"""Repositories of refunds."""

from datetime import datetime
from typing import Protocol

from merchant_server.domain.refund import Refund, RefundPreview


class Refunds(Protocol):
    """Goods taken back, and the money that goes with them."""

    def add_preview(self, preview: RefundPreview) -> None:
        """Store what was shown."""
        ...

    def preview(self, preview_id: str) -> RefundPreview | None:
        """Return the preview, or None."""
        ...

    def committed_previews(self, loan_id: str) -> list[RefundPreview]:
        """Return what a loan's refunds had shown, oldest first."""
        ...

    def add(self, refund: Refund, ask_at: datetime) -> None:
        """Store a refund; Conflict when its preview was committed before."""
        ...

    def get(self, refund_id: str) -> Refund | None:
        """Return the refund, locked for this transaction where the engine can, or None."""
        ...

    def of_preview(self, preview_id: str) -> Refund | None:
        """Return what a preview was committed as, or None."""
        ...

    def of_loan(self, loan_id: str) -> list[Refund]:
        """Return a loan's refunds, oldest first."""
        ...

    def page(
        self,
        merchant_id: str,
        mode: str,
        *,
        before: str | None,
        limit: int,
        loan_id: str | None,
        status: str | None,
    ) -> list[Refund]:
        """Return up to `limit` of a merchant's refunds, newest first, older than `before`."""
        ...

    def claim_to_ask(self, now: datetime, until: datetime, limit: int) -> list[Refund]:
        """Claim refunds whose money is to be sent or asked for now, and put off asking again until `until`."""
        ...

    def save(self, refund: Refund, was: Refund) -> None:
        """Store a transition; raises TransitionConflict when somebody else moved it first."""
        ...
