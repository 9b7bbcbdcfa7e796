"""One transaction with its repositories: what a service opens, and the only way to the database."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Generic, TypeVar

from merchant_server.domain.errors import RaceLost, TransitionConflict, Unavailable
from merchant_server.ports import Breach
from merchant_server.storage import laws
from merchant_server.storage.engine import Conflict, Connection, Engine, Result, Retry, StorageUnavailable
from merchant_server.storage.event_months import MONTHS_AHEAD, add_months
from merchant_server.storage.key_ring import KeyRing
from merchant_server.storage.repositories.agreements import Agreements, Mandates
from merchant_server.storage.repositories.audit import Audit
from merchant_server.storage.repositories.bank_files import BankFiles
from merchant_server.storage.repositories.checkouts import Applicants, Checkouts, Codes
from merchant_server.storage.repositories.closes import Closes
from merchant_server.storage.repositories.code_sends import CodeSends
from merchant_server.storage.repositories.collecting import Batches, Notices, PaymentOrders
from merchant_server.storage.repositories.complaints import Complaints
from merchant_server.storage.repositories.consents import ConsentEvents
from merchant_server.storage.repositories.consumers import Consumers, CreditLines
from merchant_server.storage.repositories.days import Days
from merchant_server.storage.repositories.decisions import Decisions
from merchant_server.storage.repositories.deductions import Callbacks, Deductions
from merchant_server.storage.repositories.deliveries import Deliveries
from merchant_server.storage.repositories.disputes import Disputes
from merchant_server.storage.repositories.ledger import Ledger
from merchant_server.storage.repositories.loans import Loans
from merchant_server.storage.repositories.merchants import Merchants
from merchant_server.storage.repositories.my_visits import MyVisits
from merchant_server.storage.repositories.operations import Operations
from merchant_server.storage.repositories.outbox import Endpoints, Events
from merchant_server.storage.repositories.payouts import Payouts
from merchant_server.storage.repositories.people import People
from merchant_server.storage.repositories.policies import Policies
from merchant_server.storage.repositories.preapprovals import Preapprovals
from merchant_server.storage.repositories.records import IdempotencyKeys
from merchant_server.storage.repositories.refunds import Refunds
from merchant_server.storage.repositories.relieving import ReliefProposals, SettlementQuotes
from merchant_server.storage.repositories.repayments import Repayments, ScheduleChanges
from merchant_server.storage.repositories.reviews import Reviews
from merchant_server.storage.repositories.settlements import Settlements
from merchant_server.storage.repositories.till_keys import OfflineSales, StoreCodes, TillKeys
from merchant_server.storage.repositories.transfers import Transfers
from merchant_server.storage.repositories.watch import Watch
from merchant_server.storage.sealed import Sealer

RETRY_AFTER_SECONDS = 2
Repository = TypeVar("Repository")


class _Made(Generic[Repository]):
    """A repository that is made once a transaction asks for it; no transaction needs all of them."""

    def __init__(self, make: "Callable[[SqlUnitOfWork], Repository]") -> None:
        self._make, self._name = make, ""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, uow: "SqlUnitOfWork", owner: type) -> Repository:
        made = self._make(uow)
        uow.__dict__[self._name] = made  # found before this from now on
        return made


def _plain(kind: Callable[[Connection], Repository]) -> _Made[Repository]:
    return _Made(lambda uow: kind(uow.connection))


def _sealing(kind: Callable[[Connection, Sealer], Repository]) -> _Made[Repository]:
    return _Made(lambda uow: kind(uow.connection, uow.sealer))


def _naming(kind: Callable[[Connection, Callable[[str], str]], Repository]) -> _Made[Repository]:
    return _Made(lambda uow: kind(uow.connection, uow.new_id))


class SqlUnitOfWork:
    """Repositories that share one connection, so that what they write commits together or not at all."""

    def __init__(self, connection: Connection, ring: KeyRing, new_id: Callable[[str], str]) -> None:
        self.connection, self.ring, self.new_id = connection, ring, new_id
        connection.remembers = True
        self.sealer = Sealer(connection, ring, new_id)

    merchants = _plain(Merchants)
    checkouts = _plain(Checkouts)
    applicants = _sealing(Applicants)
    codes = _plain(Codes)
    consumers = _sealing(Consumers)
    lines = _plain(CreditLines)
    decisions = _sealing(Decisions)
    policies = _plain(Policies)
    watch = _sealing(Watch)
    reviews = _sealing(Reviews)
    agreements = _sealing(Agreements)
    mandates = _sealing(Mandates)
    loans = _plain(Loans)
    repayments = _plain(Repayments)
    schedule_changes = _plain(ScheduleChanges)
    refunds = _plain(Refunds)
    disputes = _sealing(Disputes)
    settlement_quotes = _plain(SettlementQuotes)
    relief_proposals = _plain(ReliefProposals)
    deductions = _plain(Deductions)
    callbacks = _plain(Callbacks)
    batches = _plain(Batches)
    notices = _plain(Notices)
    payment_orders = _plain(PaymentOrders)
    ledger = _plain(Ledger)
    payouts = _plain(Payouts)
    settlements = _plain(Settlements)
    transfers = _plain(Transfers)
    bank_files = _plain(BankFiles)
    closes = _plain(Closes)
    events = _naming(Events)
    endpoints = _sealing(Endpoints)
    deliveries = _naming(Deliveries)
    idempotency = _sealing(IdempotencyKeys)
    audit = _Made(lambda uow: Audit(uow.connection, uow.ring.mark))
    people = _plain(People)
    visits = _sealing(MyVisits)
    preapprovals = _sealing(Preapprovals)
    complaints = _sealing(Complaints)
    code_sends = _sealing(CodeSends)
    consents = _sealing(ConsentEvents)
    till_keys = _plain(TillKeys)
    offline_sales = _plain(OfflineSales)
    store_codes = _plain(StoreCodes)
    days = _plain(Days)
    operations = _plain(Operations)

    def breaches(self) -> list[Breach]:
        """Return what breaks the laws of the house in this snapshot."""
        return laws.breaches(self.connection)


class SqlStorage:
    """Opens units of work on one engine."""

    def __init__(self, engine: Engine, ring: KeyRing, new_id: Callable[[str], str]) -> None:
        self.engine, self._ring, self._new_id = engine, ring, new_id

    @contextmanager
    def unit_of_work(self) -> Iterator[SqlUnitOfWork]:
        """Open a read-write transaction: durable once the block is left, nothing when it raises.

        Raises Unavailable when the database cannot serve, RaceLost, TransitionConflict when somebody else was faster.
        """
        with _in_words_of_the_domain(), self.engine.transaction() as connection:
            uow = SqlUnitOfWork(connection, self._ring, self._new_id)
            yield uow
            uow.events.store()

    def run(self, work: Callable[[SqlUnitOfWork], Result]) -> Result:
        """Run `work` in a read-write transaction, perhaps in another thread; durable on return."""

        def in_unit(connection: Connection) -> Result:
            uow = SqlUnitOfWork(connection, self._ring, self._new_id)
            result = work(uow)
            uow.events.store()
            return result

        with _in_words_of_the_domain():
            return self.engine.run(in_unit)

    @contextmanager
    def reading(self) -> Iterator[SqlUnitOfWork]:
        """Open one read-only snapshot, never blocked by writers. Raises Unavailable."""
        with _in_words_of_the_domain(), self.engine.reading() as connection:
            yield SqlUnitOfWork(connection, self._ring, self._new_id)

    def make_room(self, now: datetime) -> int:
        """Make what is wanting of the tables for months to come. Raises Unavailable while they are in use."""
        with _in_words_of_the_domain():
            return len(add_months(self.engine, now, MONTHS_AHEAD))


@contextmanager
def _in_words_of_the_domain() -> Iterator[None]:
    """Say a database's failures as the domain's, so that no caller needs to know which database it is."""
    try:
        yield
    except StorageUnavailable as down:
        raise Unavailable(
            "the database cannot serve at the moment",
            code="database_unavailable",
            hint="nothing is lost; try again with the same Idempotency-Key",
            retry_after_seconds=RETRY_AFTER_SECONDS,
        ) from down
    except Retry as lost:
        raise RaceLost("another transaction won the race", hint="send the same request again") from lost
    except Conflict as lost:
        raise TransitionConflict("somebody else was faster", hint="read it again, then decide anew") from lost
