"""What a visitor of the sandbox sees and turns: texts, bookings, callbacks and faults. Production has none of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from fenqi.finance.money import Money


@dataclass(frozen=True, slots=True)
class TextMessage:
    """One text in the sandbox gateway's inbox."""

    id: int
    reference: str
    phone: str
    text: str
    sent_at: datetime


@dataclass(frozen=True, slots=True)
class CallbackTry:
    """One time that the sandbox bank sent a callback; `status` is 0 when nothing answered."""

    tried_at: datetime
    forged: bool
    status: int
    reason: str


@dataclass(frozen=True, slots=True)
class SentCallback:
    """A callback in the sandbox bank's outbox. state: pending | delivered | dropped | dead."""

    event_id: str
    copy: int
    kind: str
    reference: str
    state: str
    tries: tuple[CallbackTry, ...]


@dataclass(frozen=True, slots=True)
class BankBooking:
    """A deduction as the sandbox bank has it. status: pending | succeeded | failed | reversed."""

    reference: str
    mandate_reference: str
    amount: Money
    status: str
    code: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class FaultDials:
    """The faults that a visitor may turn on at the sandbox bank."""

    callback_delay_ms: int
    late_ms: int
    reversal_delay_ms: int
    hold_callbacks: bool
    drop_next: int
    forge_next: int


@dataclass(frozen=True, slots=True)
class MagicValue:
    """A published value that makes the sandbox behave in one way. kind: person | account | phone."""

    kind: str
    value: str
    meaning: str
    meaning_zh: str


class SandboxWindow(Protocol):
    """What a visitor may see of the sandbox, newest first, and turn. Raises ProviderUnavailable, ProviderRefused."""

    def inbox(self, limit: int) -> tuple[TextMessage, ...]: ...

    def bookings(self, limit: int) -> tuple[tuple[BankBooking, ...], tuple[SentCallback, ...]]: ...

    def dials(self) -> FaultDials: ...

    def turn(self, changes: Mapping[str, int | bool]) -> FaultDials: ...

    def resend(self, event_id: str) -> None: ...

    def magic(self) -> tuple[MagicValue, ...]: ...
