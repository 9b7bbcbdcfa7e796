"""The instant decision about a checkout: commit the intent, ask the sources and the policy, commit the answer."""

from fenqi.finance.plan import Plan

from merchant_server.domain.checkout import Checkout, CheckoutStatus
from merchant_server.domain.circumstances import Circumstances
from merchant_server.domain.consent import UNSEEN, Witness
from merchant_server.domain.consumer import Applicant, Consumer, Person
from merchant_server.domain.decision import Outcome
from merchant_server.domain.errors import RuleRefused, TransitionConflict
from merchant_server.ports import UnitOfWork
from merchant_server.services.decisioning import deciding
from merchant_server.services.decisioning.pricing import discounted
from merchant_server.services.decisioning.reviewing import queue_review
from merchant_server.services.decisioning.vector import Application
from merchant_server.services.deps import Deps, merchant_of
from merchant_server.services.publishing import move_checkout
from merchant_server.services.sale.claims import held_checkout, offers_for
from merchant_server.services.sale.codes import require_step
from merchant_server.services.sale.evidence import record_consents
from merchant_server.services.sale.persons import CONSENTS, parse_person, require_consents

__all__ = ["CONSENTS", "apply", "discounted", "parse_person"]

_AFTER = {
    Outcome.APPROVE: CheckoutStatus.OFFERED,
    Outcome.REFER: CheckoutStatus.REFERRED,
    Outcome.DECLINE: CheckoutStatus.DECLINED,
}


def apply(
    deps: Deps,
    token: str,
    claim: str,
    *,
    name: str,
    id_number: str,
    consents: tuple[str, ...],
    circumstances: Circumstances | None = None,
    witness: Witness = UNSEEN,
) -> Checkout:
    """Decide on the person who holds this checkout, in one go. Raises RuleRefused, Expired.

    `circumstances` is what the page knows besides the form; without it the phone's claim is the device.
    A crash between the two commits leaves the checkout deciding; upkeep opens it again.
    """
    require_consents(consents)
    whence = circumstances or Circumstances(device=claim)
    application, person, plans = _commit_intent(
        deps, token, claim, name, id_number, consents, whence, witness
    )
    plan_ids = tuple(offer.plan.id for offer in application.offers)
    decided, asked = deciding.ask_and_decide(deps, application, person, plans, plan_ids)
    now = deps.clock.now()
    with deps.storage.unit_of_work() as uow:
        checkout = held_checkout(uow, deps, token, claim)
        if checkout.decision_id != application.decision_id:
            raise TransitionConflict(
                "this application was given up meanwhile", hint="a newer one is decided; open the page again"
            )
        decision = decided.record.decision
        after = checkout.to(
            _AFTER[decision.outcome],
            decline_code=decision.reasons[0] if decision.outcome != Outcome.APPROVE else None,
        )
        deciding.commit(uow, deps, application, decided, asked, now)
        if decision.outcome == Outcome.REFER:
            queue_review(uow, deps, application.decision_id, application.currency, asked_by="policy")
        return move_checkout(uow, deps, after, checkout)


def _commit_intent(
    deps: Deps,
    token: str,
    claim: str,
    name: str,
    id_number: str,
    consents: tuple[str, ...],
    circumstances: Circumstances,
    witness: Witness,
) -> tuple[Application, Person, tuple[Plan, ...]]:
    now = deps.clock.now()
    with deps.storage.unit_of_work() as uow:
        checkout = held_checkout(uow, deps, token, claim)
        require_step(checkout, deps, (CheckoutStatus.OPENED,))
        applicant = uow.applicants.get(checkout.id)
        if applicant is None or applicant.phone_verified_at is None:
            raise RuleRefused(
                "verify your phone number first", code="phone_unverified", hint="ask for a code"
            )
        person = parse_person(name, id_number, applicant.phone)
        consumer = uow.consumers.find_or_add(Consumer(deps.ids.new("con"), person, now))
        known = Applicant(
            checkout.id, person.phone, applicant.phone_verified_at, person.name, person.id_number, consents
        )
        uow.applicants.put(known, checkout.merchant_id)
        decision_id = deps.ids.new("dec")
        application, plans = _application(uow, deps, checkout, consumer.id, decision_id, circumstances)
        uow.decisions.request(
            decision_id,
            merchant_id=checkout.merchant_id,
            mode=checkout.mode,
            checkout_id=checkout.id,
            consumer_id=consumer.id,
            at=now,
        )
        keys = circumstances.keys(person, checkout.store_id)
        uow.watch.note(decision_id, keys, mode=checkout.mode, consumer_id=consumer.id, at=now)
        record_consents(uow, deps, checkout, consumer.id, consents, witness)
        deciding_now = checkout.to(CheckoutStatus.DECIDING, consumer_id=consumer.id, decision_id=decision_id)
        move_checkout(uow, deps, deciding_now, checkout)
    return application, person, plans


def _application(
    uow: UnitOfWork,
    deps: Deps,
    checkout: Checkout,
    consumer_id: str,
    decision_id: str,
    circumstances: Circumstances,
) -> tuple[Application, tuple[Plan, ...]]:
    merchant = merchant_of(uow, checkout.merchant_id)
    today = deps.today(uow, merchant)
    plans = tuple(uow.merchants.plans(merchant.id, checkout.mode))
    chosen = [plan for plan in plans if plan.id in checkout.plan_ids]
    application = Application(
        decision_id=decision_id,
        consumer_id=consumer_id,
        merchant_id=merchant.id,
        merchant_category=merchant.category,
        today=today,
        mode=checkout.mode,
        currency=checkout.amount.currency,
        amount_minor=checkout.amount.minor,
        purpose="purchase",
        store_id=checkout.store_id,
        offers=offers_for(deps, checkout.amount, chosen, today),
        circumstances=circumstances,
    )
    return application, plans
