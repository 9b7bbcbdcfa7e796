"""The signature: a code bound to the shown bytes, a mandate at the bank, then everything in one commit (law 6)."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from fenqi.finance.money import Money
from fenqi.finance.plan import Plan

from merchant_server.domain.agreement import Agreement, TimestampStatus
from merchant_server.domain.checkout import AUTHORIZED_DAYS, Checkout, CheckoutStatus
from merchant_server.domain.consent import UNSEEN, Witness
from merchant_server.domain.consumer import Consumer
from merchant_server.domain.deduction import Mandate, MandateStatus
from merchant_server.domain.errors import NotFound, RuleRefused, Unavailable
from merchant_server.domain.installment import Installment
from merchant_server.domain.ledger import Entry, signing_postings
from merchant_server.domain.loan import Loan, LoanStatus
from merchant_server.domain.stroke import Stroke
from merchant_server.ports import ProviderRefused, ProviderUnavailable, UnitOfWork
from merchant_server.services.deps import Deps, merchant_of
from merchant_server.services.person.mandate_signing import sign_at_bank
from merchant_server.services.publishing import move_checkout, publish_loan
from merchant_server.services.sale.capturing import capture
from merchant_server.services.sale.choosing import bank_down, held_by_consumer
from merchant_server.services.sale.claims import held_checkout
from merchant_server.services.sale.codes import prepare_code, require_step, send, try_code, wrong_code
from merchant_server.services.sale.disclosing import required_pack
from merchant_server.services.sale.evidence import record_code_sent, record_code_tried, record_signed

SIGNED = (CheckoutStatus.AUTHORIZED, CheckoutStatus.CAPTURED, CheckoutStatus.CLOSED)


def shown_agreement(deps: Deps, token: str, claim: str) -> Agreement:
    """Return the agreement of this checkout, as shown or as signed. Raises NotFound."""
    with deps.storage.reading() as uow:
        checkout = held_checkout(uow, deps, token, claim)
        agreement = checkout.agreement_id and uow.agreements.get(checkout.agreement_id)
    if not agreement:
        raise NotFound("there is no agreement yet", hint="choose a plan first")
    return agreement


def send_signing_code(
    deps: Deps,
    token: str,
    claim: str,
    language: str | None = None,
    witness: Witness = UNSEEN,
    *,
    address: str | None = None,
) -> None:
    """Send a code bound to the shown document's hash. Raises RuleRefused before the reading time is over."""
    with deps.storage.unit_of_work() as uow:
        checkout, consumer, agreement = _to_sign(uow, deps, token, claim)
        phone = _phone(uow, checkout, consumer)
        message = prepare_code(
            uow,
            deps,
            checkout,
            "sign",
            phone,
            bound_to=agreement.shown_sha256,
            language=language,
            address=address or witness.address,
        )
        record_code_sent(uow, deps, checkout, agreement, phone, witness)
    send(deps, phone, *message)


def _phone(uow: UnitOfWork, checkout: Checkout, consumer: Consumer) -> str:
    applicant = uow.applicants.get(checkout.id)
    return applicant.phone if applicant else consumer.person.phone


def _to_sign(uow: UnitOfWork, deps: Deps, token: str, claim: str) -> tuple[Checkout, Consumer, Agreement]:
    checkout, consumer = held_by_consumer(uow, deps, token, claim)
    require_step(checkout, deps, (CheckoutStatus.SIGNING,))
    agreement = checkout.agreement_id and uow.agreements.get(checkout.agreement_id)
    assert agreement
    _require_pack(uow, checkout, agreement)
    agreement.refuse_if_unread(deps.clock.now())
    return checkout, consumer, agreement


def _require_pack(uow: UnitOfWork, checkout: Checkout, agreement: Agreement) -> None:
    """Refuse to go on where the law of the merchant's place asks for another disclosure than was shown."""
    plans = uow.merchants.plans(checkout.merchant_id, checkout.mode)
    plan = next(each for each in plans if each.id == agreement.plan_id)
    shown = plan.changed(disclosure=agreement.terms["disclosure"]["pack"])
    required_pack(merchant_of(uow, checkout.merchant_id), shown)


def sign(deps: Deps, token: str, claim: str, digits: str, witness: Witness = UNSEEN) -> Checkout:
    """Sign with the code: mandate at the bank, signature on the document, then one commit of everything (law 6).

    Signing what is signed changes nothing. Raises RuleRefused, Expired, Unavailable.
    """
    with deps.storage.unit_of_work() as uow:
        checkout = held_checkout(uow, deps, token, claim)
        if checkout.status in SIGNED:
            return checkout
        checkout, consumer, agreement = _to_sign(uow, deps, token, claim)
        right = try_code(uow, deps, checkout, "sign", agreement.shown_sha256, digits)
        record_code_tried(uow, deps, checkout, agreement, right=right, witness=witness)
        mandate = uow.mandates.get(agreement.mandate_id)
        assert mandate is not None
    if not right:
        raise wrong_code()
    _sign_mandate(deps, mandate, consumer)
    now = deps.clock.now()
    signed = _signed(deps, agreement, consumer, now, witness.stroke)
    return _commit_signature(deps, checkout, agreement, signed, mandate)


def _signed(
    deps: Deps, agreement: Agreement, consumer: Consumer, now: datetime, stroke: Stroke | None
) -> Agreement:
    """Sign with a timestamp; without one refuse, or sign and leave it visibly pending, as the installation says."""
    named: dict[str, Any] = {
        "agreement_id": agreement.id, "signer": consumer.person.name, "signed_at": now, "stroke": stroke
    }  # fmt: skip
    try:
        try:
            return agreement.sign(deps.signer.sign(agreement.shown_pdf, **named), now)
        except ProviderUnavailable as failure:
            if deps.timestamp_when_down != "later":
                raise _timestamp_down() from failure
        unstamped = deps.signer.sign(agreement.shown_pdf, **named, stamped=False)
        return agreement.sign(unstamped, now, TimestampStatus.PENDING)
    except ProviderRefused as refused:
        raise Unavailable(
            "the agreement cannot be signed at the moment",
            code="signing_unavailable",
            hint="nothing was signed; the shop can help with another way to pay",
            retry_after_seconds=60,
        ) from refused


def _timestamp_down() -> Unavailable:
    return Unavailable(
        "the signature cannot be timestamped at the moment",
        code="timestamp_unavailable",
        hint="nothing was signed; ask for a new code in a moment",
        retry_after_seconds=10,
    )


def _sign_mandate(deps: Deps, mandate: Mandate, consumer: Consumer) -> None:
    try:
        sign_at_bank(deps, mandate, consumer)
    except ProviderUnavailable as failure:
        raise bank_down() from failure
    except ProviderRefused as refused:
        raise RuleRefused(
            "the bank does not allow deductions from this account",
            code="mandate_refused",
            hint="choose another account",
            bank_code=refused.code,
        ) from refused


def _commit_signature(
    deps: Deps, seen: Checkout, draft: Agreement, signed: Agreement, mandate: Mandate
) -> Checkout:
    with deps.storage.unit_of_work() as uow:
        checkout = uow.checkouts.get(seen.id)
        assert checkout is not None
        if checkout.status in SIGNED:
            return checkout
        loan, installments = _loan(uow, deps, checkout, signed)
        line = uow.lines.get(loan.consumer_id, loan.principal.currency)
        assert line is not None
        uow.lines.save(line.draw(loan.principal, deps.clock.now()), line)
        uow.agreements.save_signature(signed, draft)
        uow.mandates.save(mandate.to(MandateStatus.ACTIVE), mandate)
        uow.loans.add(loan, installments)
        _book_and_record(uow, deps, checkout, loan, signed)
        until = deps.clock.now() + timedelta(days=AUTHORIZED_DAYS)
        authorized = checkout.to(CheckoutStatus.AUTHORIZED, loan_id=loan.id, authorized_until=until)
        move_checkout(uow, deps, authorized, checkout)
        publish_loan(uow, deps, loan, installments, "loan.created")
        if checkout.capture_method == "automatic":
            return capture(uow, deps, authorized)
        return authorized


def _loan(
    uow: UnitOfWork, deps: Deps, checkout: Checkout, agreement: Agreement
) -> tuple[Loan, list[Installment]]:
    merchant = merchant_of(uow, checkout.merchant_id)
    currency = checkout.amount.currency
    zero = Money(0, currency)
    rows = agreement.terms["installments"]
    part = {
        name: Money(sum(row[name]["minor"] for row in rows), currency)
        for name in ("principal", "interest", "fee")
    }
    installments = [_installment(agreement.loan_id, row, currency) for row in rows]
    loan = Loan(
        id=agreement.loan_id,
        merchant_id=merchant.id,
        mode=checkout.mode,
        checkout_id=checkout.id,
        agreement_id=agreement.id,
        consumer_id=agreement.consumer_id,
        mandate_id=agreement.mandate_id,
        plan_id=agreement.plan_id,
        reference=checkout.reference,
        status=LoanStatus.ACTIVE,
        version=1,
        principal=part["principal"],
        interest=part["interest"],
        fee=part["fee"],
        paid=zero,
        penalty=zero,
        penalty_paid=zero,
        relieved_principal=zero,
        relieved_interest=zero,
        relieved_fee=zero,
        signed_on=deps.today(uow, merchant),
        created_at=deps.business_now(uow, merchant.id),
        plan=Plan.from_dict(agreement.terms["plan"]),
    )
    return loan, installments


def _book_and_record(
    uow: UnitOfWork, deps: Deps, checkout: Checkout, loan: Loan, agreement: Agreement
) -> None:
    entry = Entry(
        kind="signing",
        source_id=loan.id,
        merchant_id=loan.merchant_id,
        loan_id=loan.id,
        occurred_on=loan.signed_on,
        created_at=deps.clock.now(),
        postings=signing_postings(loan),
    )
    uow.ledger.book(deps.ids.new("je"), entry)
    record_signed(uow, deps, checkout, agreement)


def _installment(loan_id: str, row: Mapping[str, Any], currency: str) -> Installment:
    return Installment.scheduled(
        loan_id,
        row["number"],
        date.fromisoformat(row["due_on"]),
        **{name: Money(row[name]["minor"], currency) for name in ("principal", "interest", "fee")},
    )
