"""Telling consumers some days before a deduction: recorded first, then sent, once for an installment and a day."""

from datetime import date, timedelta

from merchant_server.domain.deduction_notice import DeductionNotice, NoticeStatus
from merchant_server.domain.errors import Erased
from merchant_server.domain.installment import InstallmentStatus
from merchant_server.ports import ProviderRefused, ProviderUnavailable, UnitOfWork
from merchant_server.services.deps import Deps, merchant_of

BATCH = 50
# How long a gateway that did not answer is left alone.
SEND_AGAIN_SECONDS = 60


def write_notices(deps: Deps, merchant_id: str) -> int:
    """Record what is to be told of a merchant's next deductions, within the hours of collection; return how many."""
    with deps.storage.unit_of_work() as uow:
        merchant = merchant_of(uow, merchant_id)
        if not deps.notice_days or not deps.may_collect(uow, merchant):
            return 0
        today = deps.today(uow, merchant)
        until = today + timedelta(days=deps.notice_days)
        found = uow.notices.to_write(merchant_id, today, until, BATCH)
        for loan_id, number, collect_on in found:
            _write(uow, deps, loan_id, number, collect_on)
    return len(found)


def _write(uow: UnitOfWork, deps: Deps, loan_id: str, number: int, collect_on: date) -> None:
    loan = uow.loans.get(loan_id)
    assert loan is not None
    row = uow.loans.installments(loan_id)[number - 1]
    mandate = uow.mandates.get(loan.mandate_id)
    assert mandate is not None
    notice = DeductionNotice(
        id=deps.ids.new("ntc"),
        merchant_id=loan.merchant_id,
        loan_id=loan_id,
        installment_number=number,
        collect_on=collect_on,
        amount=min(row.outstanding, mandate.cap),
        status=NoticeStatus.REQUESTED,
        created_at=deps.clock.now(),
    )
    uow.notices.add(notice, send_at=deps.clock.now())


def send_notices(deps: Deps) -> int:
    """Send what is recorded; a gateway that does not answer is tried again with the same reference."""
    now = deps.clock.now()
    with deps.storage.unit_of_work() as uow:
        claimed = uow.notices.claim(now, now + timedelta(seconds=SEND_AGAIN_SECONDS), BATCH)
    for notice in claimed:
        outcome = _send(deps, notice)
        if outcome is not None:
            with deps.storage.unit_of_work() as uow:
                uow.notices.settle(notice.id, outcome)
    return len(claimed)


def _send(deps: Deps, notice: DeductionNotice) -> NoticeStatus | None:
    with deps.storage.reading() as uow:
        found = _addressed(uow, notice)
    if found is None:
        return NoticeStatus.DROPPED
    try:
        deps.sms.send(reference=notice.id, phone=found[0], text=found[1])
    except ProviderUnavailable:
        return None
    except ProviderRefused:
        return NoticeStatus.REFUSED
    return NoticeStatus.SENT


def _addressed(uow: UnitOfWork, notice: DeductionNotice) -> tuple[str, str] | None:
    """Return number and text, in the consumer's language; None when what it says is not true any more."""
    loan = uow.loans.get(notice.loan_id)
    assert loan is not None
    row = uow.loans.installments(loan.id)[notice.installment_number - 1]
    changed = row.due_on > notice.collect_on or row.outstanding < notice.amount
    if row.status != InstallmentStatus.SCHEDULED or changed or loan.collection_paused_reason is not None:
        return None
    checkout, mandate = uow.checkouts.get(loan.checkout_id), uow.mandates.get(loan.mandate_id)
    assert checkout is not None and mandate is not None
    try:
        consumer = uow.consumers.get(loan.consumer_id)
    except Erased:
        return None
    if consumer is None:
        return None
    text = notice.text(
        shop=merchant_of(uow, loan.merchant_id).name,
        account_label=mandate.account_label,
        language=checkout.language,
        day=loan.collection_day(notice.collect_on),
    )
    return consumer.person.phone, text
