"""One transaction with its repositories: what a service opens, and the only way to the database."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from merchant_server.domain.errors import TransitionConflict, Unavailable
from merchant_server.ports import Breach
from merchant_server.storage import laws
from merchant_server.storage.engine import Conflict, Connection, Engine, Retry, StorageUnavailable
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


class SqlUnitOfWork:
    """Repositories that share one connection, so that what they write commits together or not at all."""

    def __init__(self, connection: Connection, ring: KeyRing, new_id: Callable[[str], str]) -> None:
        self._connection = connection
        sealer = Sealer(connection, ring, new_id)
        self.merchants = Merchants(connection)
        self.checkouts = Checkouts(connection)
        self.applicants = Applicants(connection, sealer)
        self.codes = Codes(connection)
        self.consumers = Consumers(connection, sealer)
        self.lines = CreditLines(connection)
        self.decisions = Decisions(connection, sealer)
        self.policies = Policies(connection)
        self.watch = Watch(connection, sealer)
        self.reviews = Reviews(connection, sealer)
        self.agreements = Agreements(connection, sealer)
        self.mandates = Mandates(connection, sealer)
        self.loans = Loans(connection)
        self.repayments = Repayments(connection)
        self.schedule_changes = ScheduleChanges(connection)
        self.refunds = Refunds(connection)
        self.disputes = Disputes(connection, sealer)
        self.settlement_quotes = SettlementQuotes(connection)
        self.relief_proposals = ReliefProposals(connection)
        self.deductions = Deductions(connection)
        self.callbacks = Callbacks(connection)
        self.batches = Batches(connection)
        self.notices = Notices(connection)
        self.payment_orders = PaymentOrders(connection)
        self.ledger = Ledger(connection)
        self.payouts = Payouts(connection)
        self.settlements = Settlements(connection)
        self.transfers = Transfers(connection)
        self.bank_files = BankFiles(connection)
        self.closes = Closes(connection)
        self.events = Events(connection, new_id)
        self.endpoints = Endpoints(connection, sealer)
        self.deliveries = Deliveries(connection, new_id)
        self.idempotency = IdempotencyKeys(connection, sealer)
        self.audit = Audit(connection, ring.mark)
        self.people = People(connection)
        self.visits = MyVisits(connection, sealer)
        self.preapprovals = Preapprovals(connection, sealer)
        self.complaints = Complaints(connection, sealer)
        self.code_sends = CodeSends(connection, sealer)
        self.consents = ConsentEvents(connection, sealer)
        self.till_keys = TillKeys(connection)
        self.offline_sales = OfflineSales(connection)
        self.store_codes = StoreCodes(connection)
        self.operations = Operations(connection)

    def breaches(self) -> list[Breach]:
        """Return what breaks the laws of the house in this snapshot."""
        return laws.breaches(self._connection)


class SqlStorage:
    """Opens units of work on one engine."""

    def __init__(self, engine: Engine, ring: KeyRing, new_id: Callable[[str], str]) -> None:
        self.engine, self._ring, self._new_id = engine, ring, new_id

    @contextmanager
    def unit_of_work(self) -> Iterator[SqlUnitOfWork]:
        """Open a read-write transaction: durable once the block is left, nothing when it raises.

        Raises Unavailable when the database cannot serve, TransitionConflict when a race was lost.
        """
        with _in_words_of_the_domain(), self.engine.transaction() as connection:
            uow = SqlUnitOfWork(connection, self._ring, self._new_id)
            yield uow
            uow.events.store()

    @contextmanager
    def reading(self) -> Iterator[SqlUnitOfWork]:
        """Open one read-only snapshot, never blocked by writers. Raises Unavailable."""
        with _in_words_of_the_domain(), self.engine.reading() as connection:
            yield SqlUnitOfWork(connection, self._ring, self._new_id)


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
        raise TransitionConflict(
            "another transaction won the race", code="race_lost", hint="send the same request again"
        ) from lost
    except Conflict as lost:
        raise TransitionConflict("somebody else was faster", hint="read it again, then decide anew") from lost
