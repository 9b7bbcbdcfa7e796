"""What services need of storage: units of work over all repositories."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar

from merchant_server.ports.collecting import CollectionRepositories
from merchant_server.ports.deciding import Decisions, Policies, Reviews, Watch
from merchant_server.ports.disputing import Disputes
from merchant_server.ports.evidence import Audit, ConsentEvents
from merchant_server.ports.lending import (
    Callbacks,
    Deductions,
    Ledger,
    Loans,
    Mandates,
    Repayments,
    ScheduleChanges,
)
from merchant_server.ports.operating import Days, Operations
from merchant_server.ports.outbox import Deliveries, Endpoints, Events, IdempotencyKeys
from merchant_server.ports.people import CodeSends, Complaints, MyVisits, People, Preapprovals
from merchant_server.ports.refunding import Refunds
from merchant_server.ports.relieving import ReliefProposals, SettlementQuotes
from merchant_server.ports.selling import (
    Agreements,
    Applicants,
    Checkouts,
    Codes,
    Consumers,
    CreditLines,
    Merchants,
)
from merchant_server.ports.settlement import SettlementWork
from merchant_server.ports.tills import CounterRepositories

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Breach:
    """One broken law: which, by what, and the facts."""

    law: str
    subject: str
    detail: str


class UnitOfWork(CollectionRepositories, CounterRepositories, SettlementWork, Protocol):
    """Repositories of one transaction."""

    @property
    def merchants(self) -> Merchants:
        """Who sells."""
        ...

    @property
    def checkouts(self) -> Checkouts:
        """Attempts to pay."""
        ...

    @property
    def applicants(self) -> Applicants:
        """People on the way through a checkout."""
        ...

    @property
    def codes(self) -> Codes:
        """One-time codes."""
        ...

    @property
    def consumers(self) -> Consumers:
        """People who repay."""
        ...

    @property
    def lines(self) -> CreditLines:
        """Credit lines."""
        ...

    @property
    def decisions(self) -> Decisions:
        """What the policy said."""
        ...

    @property
    def policies(self) -> Policies:
        """Which policy decides."""
        ...

    @property
    def watch(self) -> Watch:
        """What the fraud rules count."""
        ...

    @property
    def reviews(self) -> Reviews:
        """Cases for people."""
        ...

    @property
    def agreements(self) -> Agreements:
        """Documents."""
        ...

    @property
    def mandates(self) -> Mandates:
        """Rights to deduct."""
        ...

    @property
    def loans(self) -> Loans:
        """Debts."""
        ...

    @property
    def repayments(self) -> Repayments:
        """Money that arrived."""
        ...

    @property
    def schedule_changes(self) -> ScheduleChanges:
        """What schedules were."""
        ...

    @property
    def refunds(self) -> Refunds:
        """Goods taken back."""
        ...

    @property
    def disputes(self) -> Disputes:
        """What consumers object to."""
        ...

    @property
    def settlement_quotes(self) -> SettlementQuotes:
        """What settles a loan early."""
        ...

    @property
    def relief_proposals(self) -> ReliefProposals:
        """Relief that two people decide on."""
        ...

    @property
    def deductions(self) -> Deductions:
        """Attempts to collect."""
        ...

    @property
    def callbacks(self) -> Callbacks:
        """What banks told."""
        ...

    @property
    def ledger(self) -> Ledger:
        """The books."""
        ...

    @property
    def events(self) -> Events:
        """Facts."""
        ...

    @property
    def endpoints(self) -> Endpoints:
        """Where facts go."""
        ...

    @property
    def deliveries(self) -> Deliveries:
        """Facts on their way."""
        ...

    @property
    def idempotency(self) -> IdempotencyKeys:
        """Answers to replay."""
        ...

    @property
    def audit(self) -> Audit:
        """Who did what."""
        ...

    @property
    def people(self) -> People:
        """One person across every table."""
        ...

    @property
    def visits(self) -> MyVisits:
        """Browsers on people's own pages."""
        ...

    @property
    def preapprovals(self) -> Preapprovals:
        """Browsers that ask how much could be spent."""
        ...

    @property
    def complaints(self) -> Complaints:
        """What consumers complained about."""
        ...

    @property
    def code_sends(self) -> CodeSends:
        """Codes that were sent."""
        ...

    @property
    def consents(self) -> ConsentEvents:
        """What consumers were shown and did."""
        ...

    @property
    def days(self) -> Days:
        """Whose day has come."""
        ...

    @property
    def operations(self) -> Operations:
        """What operators see."""
        ...

    def breaches(self) -> list[Breach]:
        """Return what breaks the laws of the house in this snapshot."""
        ...


class Storage(Protocol):
    """Opens units of work."""

    def unit_of_work(self) -> AbstractContextManager[UnitOfWork]:
        """Open a read-write transaction: durable once the block is left, nothing when it raises."""
        ...

    def run(self, work: Callable[[UnitOfWork], Result]) -> Result:
        """Run `work` in a read-write transaction and return what it returned, durably; nothing when it raises.

        Cheaper than `unit_of_work` where many callers come at once, since one thread may run the work of several. So
        `work` may use no thread's own state; context variables are the caller's.
        """
        ...

    def reading(self) -> AbstractContextManager[UnitOfWork]:
        """Open one read-only snapshot, never blocked by writers."""
        ...

    def make_room(self, now: datetime) -> int:
        """Make the tables that rows of months to come want, where rows are kept by month; return how many.

        Raises Unavailable when they cannot be made now; rows are kept all the same, only less well apart.
        """
        ...
