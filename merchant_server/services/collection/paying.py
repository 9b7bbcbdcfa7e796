"""Paying without waiting for the due day: a person confirms one amount, which is deducted once, under its own mandate.

The mandate of the agreement allows no more than an installment at once, so each such payment has one for exactly its
amount. It ends with the payment.
"""

from fenqi.finance.money import Money

from merchant_server.domain.deduction import (
    Deduction,
    DeductionPurpose,
    DeductionStatus,
    Mandate,
    MandateStatus,
)
from merchant_server.domain.errors import NotFound, RuleRefused
from merchant_server.domain.installment import Installment, InstallmentStatus
from merchant_server.domain.ledger import CREDIT_LOSS
from merchant_server.domain.loan import Loan
from merchant_server.domain.schedule_change import ChangeKind
from merchant_server.domain.settlement import SettlementQuote
from merchant_server.ports import UnitOfWork
from merchant_server.services.collection.booking import reshape
from merchant_server.services.collection.deductions import send
from merchant_server.services.collection.early_settlement import rows_to_pay
from merchant_server.services.collection.ordering import refuse_payment
from merchant_server.services.deps import Deps, merchant_of

AHEAD = (DeductionPurpose.SHORTER, DeductionPurpose.SMALLER)


def settle_now(deps: Deps, consumer_id: str, quote_id: str) -> Deduction | None:
    """Pay everything by a quote that was confirmed. Raises NotFound, RuleRefused (quote_lapsed, quote_stale, …).

    The same quote a second time answers with its payment, unless that failed. None when the quote says that nothing
    is to be paid, because only interest to come was left: the loan is settled at once.
    """
    with deps.storage.unit_of_work() as uow:
        quote = uow.settlement_quotes.get(quote_id)
        loan = None if quote is None else _own(uow, consumer_id, quote.loan_id)
        if quote is None or loan is None:
            raise NotFound("there is no such quote")
        known = _live(uow, quote)
        if known is not None:
            return known
        rows = rows_to_pay(uow, loan)
        quote.refuse_unless_good([row.due() for row in rows], deps.business_now(uow, loan.merchant_id))
        if not quote.total.minor:
            reshape(
                uow, deps, loan, quote.after, kind=ChangeKind.EARLY_SETTLEMENT, source_id=quote.id,
                actor="consumer", reason=quote.id, principal_bearer=CREDIT_LOSS,
            )  # fmt: skip
            return None
        made = _request(uow, deps, loan, rows[0], quote.total, DeductionPurpose.SETTLEMENT, quote.id)
    send(deps, made)
    return made


def pay_now(
    deps: Deps, consumer_id: str, loan_id: str, amount: Money, purpose: DeductionPurpose
) -> Deduction:
    """Pay an amount: what is owed, the oldest first, or ahead with a new schedule.

    Raises NotFound, RuleRefused (payment_exceeds_owed, payment_too_small, currency_mismatch, and of `rows_to_pay`).
    """
    with deps.storage.unit_of_work() as uow:
        loan = _own(uow, consumer_id, loan_id)
        if loan is None:
            raise NotFound("there is no such loan")
        rows = rows_to_pay(uow, loan)
        _refuse_amount(uow, deps, loan, rows, amount, purpose)
        made = _request(uow, deps, loan, rows[0], amount, purpose, None)
    send(deps, made)
    return made


def _own(uow: UnitOfWork, consumer_id: str, loan_id: str) -> Loan | None:
    loan = uow.loans.locked(loan_id)
    return loan if loan is not None and loan.consumer_id == consumer_id else None


def _live(uow: UnitOfWork, quote: SettlementQuote) -> Deduction | None:
    made = [each for each in uow.deductions.of_loan(quote.loan_id) if each.quote_id == quote.id]
    return next((each for each in made if each.status != DeductionStatus.FAILED), None)


def _refuse_amount(
    uow: UnitOfWork,
    deps: Deps,
    loan: Loan,
    rows: list[Installment],
    amount: Money,
    purpose: DeductionPurpose,
) -> None:
    refuse_payment(loan, amount)
    today = deps.today(uow, merchant_of(uow, loan.merchant_id))
    due = Money(sum(row.outstanding_minor for row in rows if row.due_on <= today), amount.currency)
    if purpose in AHEAD and amount <= due:
        raise RuleRefused(
            "this pays nothing ahead",
            code="payment_too_small",
            field="amount",
            hint=f"pay more than {due}, which is due already",
            least=str(due),
        )


def _request(
    uow: UnitOfWork,
    deps: Deps,
    loan: Loan,
    first: Installment,
    amount: Money,
    purpose: DeductionPurpose,
    quote_id: str | None,
) -> Deduction:
    signed = uow.mandates.get(loan.mandate_id)
    assert signed is not None
    now = deps.clock.now()
    mandate = Mandate(
        id=deps.ids.new("mnd"),
        merchant_id=loan.merchant_id,
        mode=loan.mode,
        checkout_id=loan.checkout_id,
        consumer_id=loan.consumer_id,
        status=MandateStatus.PENDING,
        version=1,
        gateway_account=signed.gateway_account,
        account_token=signed.account_token,
        account_label=signed.account_label,
        cap=amount,
        created_at=now,
    )
    uow.mandates.add(mandate)
    made = Deduction(
        id=deps.ids.new("ded"),
        merchant_id=loan.merchant_id,
        mode=loan.mode,
        loan_id=loan.id,
        installment_number=first.number,
        attempt=uow.deductions.next_attempt(loan.id, first.number, own=True),
        mandate_id=mandate.id,
        gateway_account=mandate.gateway_account,
        amount=amount,
        status=DeductionStatus.REQUESTED,
        version=1,
        requested_at=now,
        purpose=purpose,
        quote_id=quote_id,
    )
    uow.deductions.add(made, ask_at=now)
    # While this is under way nothing else is deducted on the loan, and nobody changes the row.
    uow.loans.save_installment(first.to(InstallmentStatus.DEDUCTING), first)
    uow.audit.add(
        deps.ids.new("aud"), at=now, actor=f"consumer {loan.consumer_id}", action="payment.confirmed",
        subject=made.id, merchant_id=loan.merchant_id,
        detail={"purpose": purpose.value, "amount": amount.to_dict(), "quote": quote_id},
    )  # fmt: skip
    return made
