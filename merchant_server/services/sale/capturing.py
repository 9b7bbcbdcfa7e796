"""Claiming the money of a signed checkout, in full or in parts, and giving up what is not claimed."""

from datetime import timedelta

from fenqi.finance.errors import RepaymentError
from fenqi.finance.money import Money
from fenqi.finance.recomputation import recompute
from fenqi.finance.repayment import Due

from merchant_server.domain.checkout import EXPIRY_WARNING_HOURS, Checkout
from merchant_server.domain.errors import RuleRefused
from merchant_server.domain.installment import InstallmentStatus
from merchant_server.domain.ledger import Entry, capture_postings, held
from merchant_server.domain.loan import Loan
from merchant_server.domain.merchant import Caller
from merchant_server.domain.schedule_change import ChangeKind
from merchant_server.ports import UnitOfWork
from merchant_server.services.collection.booking import reshape
from merchant_server.services.deps import Deps, merchant_of
from merchant_server.services.publishing import move_checkout
from merchant_server.services.sale.checkouts import find_checkout
from merchant_server.services.settlement.capturing import settle_capture

BATCH = 50


def capture_checkout(
    uow: UnitOfWork, deps: Deps, caller: Caller, checkout_id: str, amount: Money | None
) -> Checkout:
    """Claim a part of the money of a signed checkout, or all that is left. Raises RuleRefused beyond that."""
    return capture(uow, deps, find_checkout(uow, caller, checkout_id), amount)


def capture(uow: UnitOfWork, deps: Deps, checkout: Checkout, amount: Money | None = None) -> Checkout:
    """Capture and book: what the merchant sold becomes payable, less its fee.

    The fee is a share of all that was captured so far, so that parts cost no more than the whole.
    """
    merchant = merchant_of(uow, checkout.merchant_id)
    captured = checkout.capture(amount)

    def fee_minor(of: Money) -> int:
        return of.minor * merchant.fee_bps // 10_000

    fee = Money(fee_minor(captured.captured) - fee_minor(checkout.captured), captured.captured.currency)
    entry = Entry(
        kind="capture",
        # The first capture is known by its checkout, a further one by the version it made.
        source_id=f"{checkout.id}:{captured.version}" if checkout.captured.minor else checkout.id,
        merchant_id=merchant.id,
        loan_id=checkout.loan_id,
        occurred_on=deps.today(uow, merchant),
        created_at=deps.clock.now(),
        postings=capture_postings(merchant.id, captured.captured - checkout.captured, fee),
    )
    uow.ledger.book(deps.ids.new("je"), entry)
    settle_capture(uow, deps, merchant, captured, captured.captured - checkout.captured, entry)
    return move_checkout(uow, deps, captured, checkout)


def void_checkout(uow: UnitOfWork, deps: Deps, caller: Caller, checkout_id: str) -> Checkout:
    """Give up what was signed and not captured: the consumer owes only what was. Raises TransitionNotAllowed."""
    return void(uow, deps, find_checkout(uow, caller, checkout_id), "merchant", "checkout.voided")


def void(uow: UnitOfWork, deps: Deps, checkout: Checkout, actor: str, reason: str) -> Checkout:
    """Void the rest and take it off the loan, with all interest on it from the first day."""
    voided = checkout.void()
    assert checkout.loan_id is not None
    loan = uow.loans.locked(checkout.loan_id)
    assert loan is not None
    moved = move_checkout(uow, deps, voided, checkout, reason)
    reshape(
        uow, deps, loan, _without(uow, loan, checkout.uncaptured), kind=ChangeKind.VOID,
        source_id=f"{checkout.id}:{voided.version}", actor=actor, reason=reason,
        principal_bearer=held(loan.merchant_id), gone=InstallmentStatus.REFUNDED,
    )  # fmt: skip
    return moved


def _without(uow: UnitOfWork, loan: Loan, uncaptured: Money) -> tuple[Due, ...]:
    """Return what is owed as if only what was captured had ever been bought."""
    rows = [row for row in uow.loans.installments(loan.id) if row.is_open]
    agreed = [row.agreed() for row in rows]
    try:
        mode = "full" if uncaptured.minor == sum(row.due().principal_minor for row in rows) else "smaller"
        due = [row.due() for row in rows]
        return recompute(loan.schedule(), due, uncaptured, mode, loan.signed_on, agreed=agreed).rows
    except RepaymentError as refused:
        raise RuleRefused(
            "less is owed than would be voided",
            code="void_exceeds_owed",
            hint="capture what was delivered, then refund what came back",
        ) from refused


def warn_of_expiry(deps: Deps) -> int:
    """Tell shops a day before what they have not captured lapses; return how many were told."""
    now = deps.clock.now()
    with deps.storage.unit_of_work() as uow:
        ending = uow.checkouts.to_warn(now + timedelta(hours=EXPIRY_WARNING_HOURS), BATCH)
        for checkout in ending:
            event = "checkout.authorization_expiring"
            move_checkout(uow, deps, checkout.announce_expiry(now), checkout, event, event)
    return len(ending)


def void_lapsed(deps: Deps) -> int:
    """Void what was not captured in time, one transaction a checkout; return how many lapsed."""
    with deps.storage.reading() as uow:
        lapsed = uow.checkouts.to_lapse(deps.clock.now(), BATCH)
    return sum(_lapse(deps, checkout_id) for checkout_id in lapsed)


def _lapse(deps: Deps, checkout_id: str) -> bool:
    with deps.storage.unit_of_work() as uow:
        checkout = uow.checkouts.get(checkout_id)
        assert checkout is not None
        until = checkout.authorized_until
        # The shop captured meanwhile.
        if until is None or until > deps.clock.now() or not checkout.uncaptured.minor:
            return False
        void(uow, deps, checkout, "expiry", "authorization lapsed")
        return True
