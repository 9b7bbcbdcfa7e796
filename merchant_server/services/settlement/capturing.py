"""What follows a capture at once: the subsidy, the funder's money, and the part kept back of a new merchant."""

from datetime import timedelta

from fenqi.finance.errors import FinanceError
from fenqi.finance.money import Money
from fenqi.finance.schedule import build_schedule

from merchant_server.domain.checkout import Checkout
from merchant_server.domain.ledger import Entry
from merchant_server.domain.merchant import Merchant
from merchant_server.domain.payout import HOUSE, LENDER, WHOLE_BPS
from merchant_server.domain.settlement_postings import funding_postings, reserve_postings, subsidy_postings
from merchant_server.domain.workdays import calendar_of
from merchant_server.ports import UnitOfWork
from merchant_server.services.deps import Deps
from merchant_server.services.settlement.booking import book


def settle_capture(
    uow: UnitOfWork, deps: Deps, merchant: Merchant, checkout: Checkout, amount: Money, entry: Entry
) -> None:
    """Book what one capture of `amount` brings with it, under the source of the capture's own `entry`."""
    _subsidize(uow, deps, merchant, checkout, amount, entry)
    _fund(uow, deps, merchant, checkout, amount, entry)
    _keep_back(uow, deps, merchant, amount, entry)


def _book(uow: UnitOfWork, deps: Deps, kind: str, entry: Entry, postings: tuple[object, ...]) -> str | None:
    return book(
        uow, deps, kind, entry.source_id, postings,  # type: ignore[arg-type]
        merchant_id=entry.merchant_id, loan_id=entry.loan_id, occurred_on=entry.occurred_on,
    )  # fmt: skip


def _subsidize(
    uow: UnitOfWork, deps: Deps, merchant: Merchant, checkout: Checkout, amount: Money, entry: Entry
) -> None:
    plan = uow.merchants.plan(merchant.id, checkout.mode, checkout.plan_id or "")
    if plan is None or not plan.subsidy_bps or not checkout.agreement_id:
        return
    agreement = uow.agreements.get(checkout.agreement_id)
    if agreement is None:
        return
    # The rate that was agreed may be below the plan's: a grade gives a discount.
    agreed = plan.changed(annual_rate=agreement.terms["annual_rate"])
    try:
        shares = build_schedule(
            agreed, amount, entry.occurred_on, is_holiday=calendar_of(agreed, amount.currency)
        ).subsidies
    except FinanceError:
        # A part too small for a schedule of its own spares nobody a whole minor unit of interest.
        return
    _book(uow, deps, "subsidy", entry, subsidy_postings(merchant.id, shares, merchant.id))


def _fund(
    uow: UnitOfWork, deps: Deps, merchant: Merchant, checkout: Checkout, amount: Money, entry: Entry
) -> None:
    funder = uow.settlements.funder_of_plan(merchant.id, checkout.mode, checkout.plan_id or "")
    if funder == HOUSE or entry.loan_id is None:
        return
    lender = uow.settlements.lender(funder.removeprefix(LENDER)) if funder.startswith(LENDER) else None
    uow.settlements.fund(entry.loan_id, merchant.id, funder, lender.interest_bps if lender else WHOLE_BPS)
    _book(uow, deps, "funding", entry, funding_postings(funder, merchant.id, amount))


def _keep_back(uow: UnitOfWork, deps: Deps, merchant: Merchant, amount: Money, entry: Entry) -> None:
    terms = uow.settlements.terms(merchant.id)
    if terms is None or not terms.reserve_bps:
        return
    kept = Money(amount.minor * terms.reserve_bps // WHOLE_BPS, amount.currency)
    entry_id = _book(uow, deps, "reserve", entry, reserve_postings(merchant.id, kept))
    if entry_id is not None:
        release_on = entry.occurred_on + timedelta(days=terms.reserve_days)
        uow.payouts.keep_back(entry_id, merchant.id, kept, release_on)
