"""The choice: an approved consumer picks a plan and an account, and the agreement is drawn up and shown."""

from dataclasses import dataclass, replace
from typing import Any

from fenqi.finance.money import Money
from fenqi.offers import Offer

from merchant_server.domain.agreement import Agreement, AgreementStatus, sha256
from merchant_server.domain.checkout import Checkout, CheckoutStatus
from merchant_server.domain.consent import UNSEEN, Witness
from merchant_server.domain.consumer import Consumer
from merchant_server.domain.decision import Decision
from merchant_server.domain.deduction import Mandate, MandateStatus
from merchant_server.domain.errors import RuleRefused, Unavailable
from merchant_server.ports import (
    BankAccount,
    DocumentRefused,
    ProviderRefused,
    ProviderUnavailable,
    UnitOfWork,
)
from merchant_server.services.decisioning.pricing import priced_offers
from merchant_server.services.deps import Deps, merchant_of
from merchant_server.services.publishing import move_checkout
from merchant_server.services.sale.claims import held_checkout
from merchant_server.services.sale.codes import require_step
from merchant_server.services.sale.disclosing import sheet_of
from merchant_server.services.sale.evidence import record_shown
from merchant_server.services.sale.terms import agreement_terms

CHOOSING = (CheckoutStatus.OFFERED, CheckoutStatus.SIGNING)


@dataclass(frozen=True, slots=True)
class Choice:
    """What an approved consumer chooses from: offers at their own price, cheapest first, and their bank accounts."""

    checkout: Checkout
    grade: str
    line_left: Money
    offers: tuple[Offer, ...]
    accounts: tuple[BankAccount, ...]


def choices(deps: Deps, token: str, claim: str) -> Choice:
    """Return the plans and bank accounts to choose from. Raises Unavailable when the bank does not answer."""
    with deps.storage.reading() as uow:
        checkout, consumer = held_by_consumer(uow, deps, token, claim)
        require_step(checkout, deps, CHOOSING)
        line = uow.lines.get(consumer.id, checkout.amount.currency)
        assert line is not None
        offers = _priced_offers(uow, deps, checkout)
    return Choice(checkout, line.grade, line.left, offers, _accounts(deps, consumer))


def held_by_consumer(uow: UnitOfWork, deps: Deps, token: str, claim: str) -> tuple[Checkout, Consumer]:
    """Return the checkout that this phone holds, and who applied on it."""
    checkout = held_checkout(uow, deps, token, claim)
    consumer = checkout.consumer_id and uow.consumers.get(checkout.consumer_id)
    if not consumer:
        raise RuleRefused(
            "apply first", code="step_out_of_order", hint="open the page again to go on from here"
        )
    return checkout, consumer


def _priced_offers(uow: UnitOfWork, deps: Deps, checkout: Checkout) -> tuple[Offer, ...]:
    decision = _decision(uow, checkout)
    plans = [
        plan
        for plan in uow.merchants.plans(checkout.merchant_id, checkout.mode)
        if plan.id in checkout.plan_ids
    ]
    today = deps.today(uow, merchant_of(uow, checkout.merchant_id))
    return priced_offers(deps, decision, checkout.amount, plans, today)


def _decision(uow: UnitOfWork, checkout: Checkout) -> Decision:
    answered = checkout.decision_id and uow.decisions.get(checkout.decision_id)
    if not answered:
        raise RuleRefused("there is no decision yet", code="step_out_of_order", hint="open the page again")
    return answered[1]


def _accounts(deps: Deps, consumer: Consumer) -> tuple[BankAccount, ...]:
    person = consumer.person
    try:
        return deps.bank.accounts(name=person.name, id_number=person.id_number, phone=person.phone)
    except (ProviderUnavailable, ProviderRefused) as failure:
        raise bank_down() from failure


def bank_down() -> Unavailable:
    """Return the refusal of a step that needs a bank which does not answer."""
    return Unavailable(
        "the bank does not answer at the moment",
        code="bank_unavailable",
        hint="nothing was charged; try again in a moment",
        retry_after_seconds=5,
    )


def prepare_agreement(
    deps: Deps, token: str, claim: str, *, plan_id: str, account_token: str, language: str | None = None,
    witness: Witness = UNSEEN,
) -> Agreement:  # fmt: skip
    """Render the agreement for a chosen plan and bank account, and store exactly the bytes to be shown.

    `language` is the reader's; without it the document is in the checkout's.
    """
    chosen = choices(deps, token, claim)
    offer = next((offer for offer in chosen.offers if offer.plan.id == plan_id), None)
    account = next((account for account in chosen.accounts if account.token == account_token), None)
    if offer is None:
        raise RuleRefused("choose one of the plans", code="plan_unknown", field="plan_id")
    if account is None:
        raise RuleRefused("choose one of the accounts", code="account_unknown", field="account_token")
    with deps.storage.reading() as uow:
        held, consumer = held_by_consumer(uow, deps, token, claim)
        checkout = replace(held, language=language or held.language)
        merchant = merchant_of(uow, checkout.merchant_id)
        policy_version = _decision(uow, checkout).policy_version
        stores = {store.id: store.name for store in uow.merchants.stores(merchant.id)}
        today = deps.today(uow, merchant)
    sheet = sheet_of(offer, merchant, deps.lender_name, checkout.language)
    mandate = _mandate(deps, checkout, consumer, account, offer)
    agreement_id, loan_id = deps.ids.new("agr"), deps.ids.new("loan")
    terms = agreement_terms(
        agreement_id=agreement_id,
        loan_id=loan_id,
        checkout=checkout,
        merchant=merchant,
        store_name=stores.get(checkout.store_id or "", ""),
        consumer=consumer,
        offer=offer,
        sheet=sheet,
        mandate=mandate,
        today=today,
        lender_name=deps.lender_name,
        policy_version=policy_version,
    )
    shown = _render(deps, terms, checkout.language)
    agreement = Agreement(
        id=agreement_id,
        merchant_id=merchant.id,
        mode=checkout.mode,
        checkout_id=checkout.id,
        consumer_id=consumer.id,
        loan_id=loan_id,
        mandate_id=mandate.id,
        plan_id=offer.plan.id,
        language=checkout.language,
        terms=terms,
        shown_pdf=shown,
        shown_sha256=sha256(shown),
        shown_at=deps.clock.now(),
        status=AgreementStatus.DRAFT,
        version=1,
    )
    _commit_draft(deps, token, claim, agreement, mandate, witness)
    return agreement


def _render(deps: Deps, terms: dict[str, Any], language: str) -> bytes:
    try:
        return deps.renderer.render(terms, language=language)
    except DocumentRefused as refused:
        raise RuleRefused(
            f"the agreement cannot be printed: {refused.field} {refused.reason}",
            code="agreement_unprintable",
            field=refused.field,
            hint="check how the name is written; if it is right, pay another way and tell us",
        ) from refused


def _mandate(
    deps: Deps, checkout: Checkout, consumer: Consumer, account: BankAccount, offer: Offer
) -> Mandate:
    return Mandate(
        id=deps.ids.new("mnd"),
        merchant_id=checkout.merchant_id,
        mode=checkout.mode,
        checkout_id=checkout.id,
        consumer_id=consumer.id,
        status=MandateStatus.PENDING,
        version=1,
        gateway_account=deps.bank.gateway_account,
        account_token=account.token,
        account_label=account.label,
        cap=max(row.total for row in offer.schedule.installments),
        created_at=deps.clock.now(),
    )


def _commit_draft(
    deps: Deps, token: str, claim: str, agreement: Agreement, mandate: Mandate, witness: Witness
) -> None:
    with deps.storage.unit_of_work() as uow:
        checkout = held_checkout(uow, deps, token, claim)
        require_step(checkout, deps, CHOOSING)
        if checkout.status == CheckoutStatus.SIGNING:
            checkout = move_checkout(uow, deps, checkout.to(CheckoutStatus.OFFERED), checkout, "another plan")
        uow.agreements.replace_drafts(checkout.id)
        uow.mandates.add(mandate)
        uow.agreements.add(agreement)
        record_shown(uow, deps, checkout, agreement, witness)
        signing = checkout.to(CheckoutStatus.SIGNING, plan_id=agreement.plan_id, agreement_id=agreement.id)
        move_checkout(uow, deps, signing, checkout)
