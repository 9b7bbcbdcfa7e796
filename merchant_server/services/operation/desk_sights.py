"""What is seen on the desk, as values: the house's own side, the sandbox's side, and the books."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from fenqi.finance.money import Money

from merchant_server.domain.deduction import Mandate
from merchant_server.domain.deduction_batch import BatchProgress
from merchant_server.domain.installment import OPEN_INSTALLMENTS, Installment
from merchant_server.domain.ledger import Posting
from merchant_server.domain.loan import Loan
from merchant_server.domain.merchant import Merchant
from merchant_server.domain.payment_order import PaymentOrder
from merchant_server.domain.refund import Refund
from merchant_server.ports import BankBooking, Breach, FaultDials, MagicValue, SentCallback, TextMessage
from merchant_server.services.operation.test_clock import ClockReading


@dataclass(frozen=True, slots=True)
class ShopClock:
    """One merchant and its business time."""

    merchant: Merchant
    reading: ClockReading

    @property
    def today(self) -> date:
        """Return the business date, in the merchant's own time zone."""
        return self.reading.now.astimezone(ZoneInfo(self.merchant.time_zone)).date()

    @property
    def days_ahead(self) -> int:
        """Return how many days the business date is ahead of the real one."""
        real = self.reading.now - timedelta(seconds=self.reading.offset_seconds)
        return (self.today - real.astimezone(ZoneInfo(self.merchant.time_zone)).date()).days


@dataclass(frozen=True, slots=True)
class LoanStrip:
    """One loan with its schedule and its refunds."""

    loan: Loan
    installments: tuple[Installment, ...]
    refunds: tuple[Refund, ...] = ()

    @property
    def next_open(self) -> Installment | None:
        """Return the installment that is to be paid next."""
        return next((each for each in self.installments if each.status in OPEN_INSTALLMENTS), None)


@dataclass(frozen=True, slots=True)
class Push:
    """Where one event's delivery to one endpoint stands. state: pending | delivered | dead."""

    state: str
    attempts: int
    last_status: int
    reason: str
    due_at: datetime


@dataclass(frozen=True, slots=True)
class EventRow:
    """One event with its deliveries; `created_at` is the merchant's business time."""

    id: str
    type: str
    aggregate_id: str
    sequence: int
    created_at: datetime
    pushes: tuple[Push, ...]


@dataclass(frozen=True, slots=True)
class EntryRow:
    """One journal entry."""

    kind: str
    source_id: str
    occurred_on: str
    postings: tuple[Posting, ...]


@dataclass(frozen=True, slots=True)
class SetAside:
    """A callback that changed nothing. verdict: forged | quarantined."""

    at: datetime
    verdict: str
    subject: str
    detail: str


@dataclass(frozen=True, slots=True)
class House:
    """The installation's own side, read in one snapshot."""

    clocks: tuple[ShopClock, ...]
    loans: tuple[LoanStrip, ...]
    mandates: tuple[Mandate, ...]
    runs: tuple[BatchProgress, ...]
    orders: tuple[PaymentOrder, ...]
    events: tuple[EventRow, ...]
    entries: tuple[EntryRow, ...]
    set_aside: tuple[SetAside, ...]


@dataclass(frozen=True, slots=True)
class Sandbox:
    """The sandbox program's side."""

    messages: tuple[TextMessage, ...]
    bookings: tuple[BankBooking, ...]
    callbacks: tuple[SentCallback, ...]
    dials: FaultDials
    magic: tuple[MagicValue, ...]


@dataclass(frozen=True, slots=True)
class Books:
    """The trial balance by kind of account, and what breaks the laws; read at `read_at`."""

    balances: tuple[tuple[str, int, Money], ...]
    breaches: tuple[Breach, ...]
    read_at: datetime

    @property
    def sums(self) -> tuple[Money, ...]:
        """Return each currency's sum over all accounts: zero, or the books do not balance."""
        sums: dict[str, Money] = {}
        for _kind, _count, balance in self.balances:
            sums[balance.currency] = sums.get(balance.currency, Money(0, balance.currency)) + balance
        return tuple(sums.values())
