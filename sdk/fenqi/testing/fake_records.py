"""What the fake server keeps of a checkout and of a loan."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fenqi.finance.money import Money

_UNSIGNED = frozenset({"created", "opened", "deciding", "offered", "referred", "signing"})


@dataclass
class FakeCheckout:
    """One checkout row; `draft` is the loaded CheckoutDraftSchema."""

    id: str
    draft: dict[str, Any]
    created_at: datetime
    expires_at: datetime
    url: str
    status: str = "created"
    sequence: int = 1
    plan_id: str | None = None
    loan_id: str | None = None
    captured_minor: int = 0
    voided_minor: int = 0
    authorized_until: datetime | None = None

    @property
    def is_unsigned(self) -> bool:
        """Say whether it waits for a signature."""
        return self.status in _UNSIGNED

    @property
    def in_a_hand(self) -> bool:
        """Say whether a phone is on the way through it."""
        return self.is_unsigned and self.status != "created"


@dataclass
class FakeLoan:
    """One loan row; `rows` are the stored installments as the wire names them."""

    id: str
    checkout: FakeCheckout
    created_at: datetime
    principal: Money
    rows: list[dict[str, Any]]
    status: str = "active"
    sequence: int = 1
    relieved_minor: int = 0
    collection_paused_reason: str | None = None
