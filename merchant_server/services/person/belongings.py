"""What belongs to one person: their loans, agreements and mandates. Another person's are not found."""

from dataclasses import dataclass
from datetime import date, datetime

from fenqi.finance.money import Money

from merchant_server.domain.agreement import Agreement, AgreementStatus
from merchant_server.domain.complaint import Complaint
from merchant_server.domain.consumer import Consumer
from merchant_server.domain.deduction import Mandate, MandateStatus
from merchant_server.domain.errors import Erased, NotFound
from merchant_server.domain.installment import OPEN_INSTALLMENTS, Installment
from merchant_server.domain.loan import Loan
from merchant_server.domain.merchant import Merchant
from merchant_server.domain.retention import OPEN_LOANS
from merchant_server.ports import UnitOfWork
from merchant_server.services.decisioning.preapproval import CURRENCY, spendable
from merchant_server.services.deps import Deps, merchant_of
from merchant_server.services.settlement.cash_backs import promised_cash_back
from merchant_server.services.settlement.money_returns import KeptMoney, kept_money


@dataclass(frozen=True, slots=True)
class OwnLoan:
    """One of the person's loans, with what is shown beside it; `promised_back` is its cash-back once it is repaid."""

    loan: Loan
    installments: tuple[Installment, ...]
    merchant: Merchant
    mandate: Mandate
    goods: str
    today: date
    promised_back: Money
    awaits_timestamp: bool = False

    @property
    def next_open(self) -> Installment | None:
        """Return the installment that is to be paid next."""
        return next((each for each in self.installments if each.status in OPEN_INSTALLMENTS), None)

    @property
    def is_open(self) -> bool:
        """Say whether something is owed."""
        return self.loan.status in OPEN_LOANS

    @property
    def is_collected(self) -> bool:
        """Say whether installments are deducted by themselves."""
        return self.mandate.status == MandateStatus.ACTIVE

    @property
    def can_be_revoked(self) -> bool:
        """Say whether there is a permission to take back."""
        return self.mandate.status == MandateStatus.ACTIVE


@dataclass(frozen=True, slots=True)
class Belongings:
    """What a person sees on their own page, newest loan first; `kept` is their own money
    that pays nothing here."""

    consumer: Consumer
    loans: tuple[OwnLoan, ...]
    complaints: tuple[Complaint, ...]
    erasure_due_on: date | None
    spendable: Money
    spendable_until: datetime | None
    kept: KeptMoney
    returned_after_days: int


def look(deps: Deps, consumer_id: str) -> Belongings:
    """Return what belongs to a person, read in one snapshot. Raises Erased."""
    with deps.storage.reading() as uow:
        consumer = consumer_of(uow, consumer_id)
        loans = [own_loan(uow, deps, consumer_id, each) for each in uow.people.ids("loans", consumer_id)]
        return Belongings(
            consumer,
            tuple(reversed(loans)),
            tuple(uow.complaints.of_consumer(consumer_id)),
            uow.people.erasure_due_on(consumer_id),
            *_line(uow, deps, consumer_id),
            kept_money(uow, consumer_id, [each.loan for each in loans]),
            deps.return_after_days,
        )


def _line(uow: UnitOfWork, deps: Deps, consumer_id: str) -> tuple[Money, datetime | None]:
    line = uow.lines.get(consumer_id, CURRENCY)
    if line is None:
        return Money(0, CURRENCY), None
    return spendable(uow, line, deps.clock.now()), line.expires_at


def one_loan(deps: Deps, consumer_id: str, loan_id: str) -> OwnLoan:
    """Return one of the person's loans. Raises NotFound, also for somebody else's."""
    with deps.storage.reading() as uow:
        return own_loan(uow, deps, consumer_id, loan_id)


def signed_document(deps: Deps, consumer_id: str, agreement_id: str) -> Agreement:
    """Return one of the person's signed agreements. Raises NotFound, also for somebody else's."""
    with deps.storage.reading() as uow:
        if agreement_id not in uow.people.ids("agreements", consumer_id):
            raise NotFound("there is no such agreement")
        agreement = uow.agreements.get(agreement_id)
    if agreement is None or agreement.status != AgreementStatus.SIGNED:
        raise NotFound("there is no such agreement")
    return agreement


def own_loan(uow: UnitOfWork, deps: Deps, consumer_id: str, loan_id: str) -> OwnLoan:
    """Return a loan in the caller's transaction. Raises NotFound, also for somebody else's."""
    loan = uow.loans.get(loan_id)
    if loan is None or loan.consumer_id != consumer_id:
        raise NotFound("there is no such loan")
    merchant, mandate = merchant_of(uow, loan.merchant_id), uow.mandates.get(loan.mandate_id)
    checkout = uow.checkouts.get(loan.checkout_id)
    assert mandate is not None and checkout is not None
    return OwnLoan(
        loan,
        tuple(uow.loans.installments(loan_id)),
        merchant,
        mandate,
        checkout.description or checkout.reference,
        deps.today(uow, merchant),
        promised_cash_back(uow, loan),
        uow.agreements.awaits_timestamp(loan.agreement_id),
    )


def consumer_of(uow: UnitOfWork, consumer_id: str) -> Consumer:
    """Return the person. Raises Erased, NotFound."""
    if uow.people.erased_at(consumer_id) is not None:
        raise Erased("this person's data was erased")
    consumer = uow.consumers.get(consumer_id)
    if consumer is None:
        raise NotFound("there is no such person")
    return consumer
