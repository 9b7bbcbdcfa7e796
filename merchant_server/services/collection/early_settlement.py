"""Quoting what settles a loan today."""

from merchant_server.domain.errors import NotFound, RuleRefused
from merchant_server.domain.installment import Installment, InstallmentStatus
from merchant_server.domain.loan import Loan
from merchant_server.domain.merchant import Caller
from merchant_server.domain.retention import OPEN_LOANS
from merchant_server.domain.settlement import SettlementQuote, end_of_day, settling
from merchant_server.ports import UnitOfWork
from merchant_server.services.deps import Deps, merchant_of


def quote_own(deps: Deps, consumer_id: str, loan_id: str) -> SettlementQuote:
    """Quote one of the person's loans. Raises NotFound, also for somebody else's, and what `quote_loan` raises."""
    with deps.storage.unit_of_work() as uow:
        loan = uow.loans.locked(loan_id)
        if loan is None or loan.consumer_id != consumer_id:
            raise NotFound("there is no such loan")
        return quote_loan(uow, deps, loan)


def quote_for_merchant(uow: UnitOfWork, deps: Deps, caller: Caller, loan_id: str) -> SettlementQuote:
    """Quote a loan of the caller's, for its service desk. Raises NotFound, and what `quote_loan` raises."""
    loan = uow.loans.locked(loan_id)
    if loan is None or (loan.merchant_id, loan.mode) != (caller.merchant_id, caller.mode):
        raise NotFound("there is no such loan", hint="check the id, and that the key is of the same mode")
    return quote_loan(uow, deps, loan)


def newest_quote(deps: Deps, caller: Caller, loan_id: str) -> SettlementQuote:
    """Return the newest quote of a caller's loan that still holds. Raises NotFound when there is none."""
    with deps.storage.reading() as uow:
        quote = uow.settlement_quotes.newest(loan_id)
        if quote is not None and (quote.merchant_id, quote.mode) == (caller.merchant_id, caller.mode):
            owed = [row.due() for row in uow.loans.installments(loan_id) if row.is_open]
            try:
                quote.refuse_unless_good(owed, deps.business_now(uow, caller.merchant_id))
                return quote
            except RuleRefused:
                pass
    raise NotFound("there is no quote of this loan that holds", hint="ask for a new one with POST")


def own_quote(deps: Deps, consumer_id: str, loan_id: str, quote_id: str) -> SettlementQuote:
    """Return a quote of one of the person's loans. Raises NotFound, also for somebody else's and another loan's."""
    with deps.storage.reading() as uow:
        quote = uow.settlement_quotes.get(quote_id)
        loan = None if quote is None else uow.loans.get(quote.loan_id)
    if quote is None or loan is None or (loan.id, loan.consumer_id) != (loan_id, consumer_id):
        raise NotFound("there is no such quote")
    return quote


def quote_loan(uow: UnitOfWork, deps: Deps, loan: Loan) -> SettlementQuote:
    """Work out what settles a loan today, and keep it; it is good until the business day is over.

    Raises RuleRefused (nothing_owed, deduction_in_flight, capture_open).
    """
    rows = rows_to_pay(uow, loan)
    merchant = merchant_of(uow, loan.merchant_id)
    today = deps.today(uow, merchant)
    before = tuple(row.due() for row in rows)
    after, sums = settling(loan.schedule(), [row.agreed() for row in rows], before, today)
    quote = SettlementQuote(
        id=deps.ids.new("stq"),
        merchant_id=loan.merchant_id,
        mode=loan.mode,
        loan_id=loan.id,
        on=today,
        before=before,
        after=after,
        early_settlement_fee=sums.early_settlement_fee,
        created_at=deps.business_now(uow, loan.merchant_id),
        expires_at=end_of_day(today, merchant.time_zone),
    )
    uow.settlement_quotes.add(quote)
    return quote


def rows_to_pay(uow: UnitOfWork, loan: Loan) -> list[Installment]:
    """Return the open rows of a loan that can be paid at this moment.

    Raises RuleRefused: nothing is owed, a deduction is under way, or a part of the purchase is not delivered yet.
    """
    rows = [row for row in uow.loans.installments(loan.id) if row.is_open]
    if loan.status not in OPEN_LOANS or not rows:
        raise RuleRefused("nothing is owed on this loan", code="nothing_owed", loan_id=loan.id)
    asked = next((row.number for row in rows if row.status == InstallmentStatus.DEDUCTING), None)
    # A success that was taken back while a later try is under way leaves its row overdue.
    if asked is not None or uow.deductions.is_asked(loan.id):
        raise RuleRefused(
            f"installment {asked or rows[0].number} is being deducted at this moment",
            code="deduction_in_flight",
            hint="try again once the bank has answered; it takes seconds, at most a day",
            installment=asked or rows[0].number,
        )
    checkout = uow.checkouts.get(loan.checkout_id)
    assert checkout is not None
    if checkout.uncaptured.minor:
        raise RuleRefused(
            "a part of this purchase is not delivered yet",
            code="capture_open",
            hint="wait until the shop has delivered it, or called it off",
        )
    return rows
