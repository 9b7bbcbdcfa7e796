"""Payment orders: an amount of a loan that whoever holds its link pays at the bank's own page.

The order is committed with our reference before the bank knows of it; it is settled by the bank's callback or by
asking, once. What is paid beyond what is owed then is the consumer's, and seen.
"""

from dataclasses import dataclass
from datetime import timedelta

from fenqi.finance.money import Money

from merchant_server.domain.errors import NotFound, RuleRefused, TransitionConflict, Unavailable
from merchant_server.domain.loan import Loan
from merchant_server.domain.merchant import Caller, Merchant
from merchant_server.domain.payment_order import (
    LIFE_SECONDS_DEFAULT,
    LIVE_ORDERS,
    PaymentOrder,
    PaymentOrderStatus,
)
from merchant_server.domain.repayment import RepaymentKind
from merchant_server.ports import ProviderRefused, ProviderUnavailable, UnitOfWork
from merchant_server.services.collection.booking import receive
from merchant_server.services.collection.early_settlement import rows_to_pay
from merchant_server.services.deps import Deps, merchant_of

BATCH = 50
ASK_AFTER_SECONDS = 30


@dataclass(frozen=True, slots=True)
class ShownOrder:
    """What a link shows: no word about the person who owes."""

    order: PaymentOrder
    merchant: Merchant
    reference: str


def open_order(
    uow: UnitOfWork,
    deps: Deps,
    caller: Caller,
    loan_id: str,
    amount: Money | None,
    expires_in_seconds: int = LIFE_SECONDS_DEFAULT,
) -> PaymentOrder:
    """Make a link to pay a part of a caller's loan, by default what is due, or the next installment.

    Raises NotFound, RuleRefused (payment_exceeds_owed, payment_too_small, currency_mismatch, and of `rows_to_pay`).
    """
    loan = uow.loans.locked(loan_id)
    if loan is None or (loan.merchant_id, loan.mode) != (caller.merchant_id, caller.mode):
        raise NotFound("there is no such loan", hint="check the id, and that the key is of the same mode")
    return _open(uow, deps, loan, amount, f"key {caller.key_id}", expires_in_seconds)


def open_own_order(deps: Deps, consumer_id: str, loan_id: str, amount: Money) -> PaymentOrder:
    """Make a link to pay a part of a person's own loan. Raises NotFound and what `open_order` raises."""
    with deps.storage.unit_of_work() as uow:
        loan = uow.loans.locked(loan_id)
        if loan is None or loan.consumer_id != consumer_id:
            raise NotFound("there is no such loan")
        return _open(uow, deps, loan, amount, f"consumer {consumer_id}", LIFE_SECONDS_DEFAULT)


def find_order(deps: Deps, caller: Caller, loan_id: str, order_id: str) -> PaymentOrder:
    """Return an order of a caller's loan. Raises NotFound."""
    with deps.storage.reading() as uow:
        order = uow.payment_orders.get(order_id)
    if order is None or (order.merchant_id, order.mode, order.loan_id) != (
        caller.merchant_id,
        caller.mode,
        loan_id,
    ):
        raise NotFound("there is no such payment order")
    return order


def show_order(deps: Deps, token: str, *, ask: bool = False) -> ShownOrder:
    """Return what a link shows; with `ask` the bank is asked first what became of it. Raises NotFound."""
    shown = _shown(deps, token)
    if ask and shown.order.status == PaymentOrderStatus.PENDING:
        _ask(deps, shown.order)
        shown = _shown(deps, token)
    return shown


def bank_page(deps: Deps, token: str, return_url: str) -> str | None:
    """Return the bank's page for a link; None when it was paid.

    Raises NotFound, Expired (payment_link_expired), Unavailable while the bank does not answer.
    """
    shown = _shown(deps, token)
    order = shown.order
    if order.status == PaymentOrderStatus.PAID:
        return None
    order.refuse_if_over(deps.clock.now())
    if order.pay_url is not None:
        return order.pay_url
    try:
        answer = deps.bank.create_payment(
            reference=order.id,
            amount=order.amount,
            description=f"{shown.merchant.name} · {shown.reference}"[:80],
            expires_at=order.expires_at,
            return_url=return_url,
        )
    except (ProviderUnavailable, ProviderRefused) as silent:
        raise Unavailable(
            "the bank does not answer at the moment",
            code="bank_unavailable",
            hint="nothing was taken; open the link again in a moment",
            retry_after_seconds=5,
        ) from silent
    try:
        with deps.storage.unit_of_work() as uow:
            uow.payment_orders.save(order.to(PaymentOrderStatus.PENDING, pay_url=answer.pay_url), order)
    except TransitionConflict:
        # A second tap, or the bank's callback, was faster; the page is the same.
        pass
    return answer.pay_url


def settle_order(uow: UnitOfWork, deps: Deps, order: PaymentOrder) -> bool:
    """Book what was paid for an order, once; say False when it was booked before."""
    if order.status == PaymentOrderStatus.PAID:
        return False
    uow.payment_orders.save(order.to(PaymentOrderStatus.PAID), order)
    loan = uow.loans.locked(order.loan_id)
    assert loan is not None
    receive(uow, deps, loan, order.amount, kind=RepaymentKind.PAYMENT, source_id=order.id)
    return True


def ask_about_orders(deps: Deps) -> int:
    """Ask the bank what became of payments whose callback did not come; return how many were asked about."""
    now = deps.clock.now()
    with deps.storage.unit_of_work() as uow:
        claimed = uow.payment_orders.claim_to_ask(now, now + timedelta(seconds=ASK_AFTER_SECONDS), BATCH)
    for order in claimed:
        _ask(deps, order)
    return len(claimed)


def _ask(deps: Deps, order: PaymentOrder) -> None:
    """Settle or end an order as the bank says; a link that nobody opened ends without a question's answer."""
    try:
        status = deps.bank.find_payment(reference=order.id).status
    except (ProviderUnavailable, ProviderRefused):
        return
    over = deps.clock.now() >= order.expires_at and status in ("unknown", "expired", "pending")
    if status != "paid" and not over:
        return
    with deps.storage.unit_of_work() as uow:
        current = uow.payment_orders.get(order.id)
        assert current is not None
        if status == "paid":
            settle_order(uow, deps, current)
        elif current.status in LIVE_ORDERS:
            uow.payment_orders.save(current.to(PaymentOrderStatus.EXPIRED), current)


def _shown(deps: Deps, token: str) -> ShownOrder:
    with deps.storage.reading() as uow:
        order = uow.payment_orders.by_token(token)
        loan = None if order is None else uow.loans.get(order.loan_id)
        if order is None or loan is None:
            raise NotFound("there is no such payment link")
        return ShownOrder(order, merchant_of(uow, order.merchant_id), loan.reference)


def _open(
    uow: UnitOfWork, deps: Deps, loan: Loan, amount: Money | None, opened_by: str, life_seconds: int
) -> PaymentOrder:
    rows = rows_to_pay(uow, loan)
    if amount is None:
        today = deps.today(uow, merchant_of(uow, loan.merchant_id))
        due = sum(row.outstanding_minor for row in rows if row.due_on <= today)
        amount = Money(due or rows[0].outstanding_minor, loan.principal.currency)
    refuse_payment(loan, amount)
    now = deps.clock.now()
    mandate = uow.mandates.get(loan.mandate_id)
    assert mandate is not None
    expires_at = now + timedelta(seconds=life_seconds)
    order = PaymentOrder(
        id=deps.ids.new("pay"),
        merchant_id=loan.merchant_id,
        mode=loan.mode,
        loan_id=loan.id,
        token=deps.ids.token(),
        gateway_account=mandate.gateway_account,
        amount=amount,
        status=PaymentOrderStatus.REQUESTED,
        version=1,
        opened_by=opened_by,
        created_at=now,
        expires_at=expires_at,
    )
    uow.payment_orders.add(order, ask_at=now + timedelta(seconds=ASK_AFTER_SECONDS))
    uow.audit.add(
        deps.ids.new("aud"), at=now, actor=opened_by, action="payment_order.opened", subject=order.id,
        merchant_id=loan.merchant_id, detail={"loan": loan.id, "amount": amount.to_dict()},
    )  # fmt: skip
    return order


def refuse_payment(loan: Loan, amount: Money) -> None:
    """Raise RuleRefused for an amount that cannot be paid on a loan (currency_mismatch, payment_exceeds_owed, ...)."""
    if amount.currency != loan.principal.currency:
        raise RuleRefused(
            f"the loan is in {loan.principal.currency}", code="currency_mismatch", field="amount.currency"
        )
    if amount > loan.outstanding:
        raise RuleRefused(
            "this is more than is owed",
            code="payment_exceeds_owed",
            field="amount",
            hint=f"pay at most {loan.outstanding}",
            most=str(loan.outstanding),
        )
    if amount.minor <= 0:
        raise RuleRefused(
            "an amount is above zero",
            code="payment_too_small",
            field="amount",
            hint="pay more than nothing",
            least=str(Money(0, amount.currency)),
        )
