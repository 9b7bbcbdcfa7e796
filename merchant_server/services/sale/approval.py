"""The instant decision: commit the intent, ask the sources, run the policy, commit the answer."""

import re
from datetime import date, datetime, timedelta
from decimal import Decimal

from fenqi.finance.money import Money
from stdnum.cn import ric
from stdnum.exceptions import ValidationError

from merchant_server.domain.checkout import Checkout, CheckoutStatus
from merchant_server.domain.consumer import LINE_DAYS, Applicant, Consumer, CreditLine, History, Person
from merchant_server.domain.decision import Bureau, Decision, Features, Identity, Outcome, PolicyBroken
from merchant_server.domain.errors import RuleRefused
from merchant_server.domain.merchant import Merchant
from merchant_server.ports import ProviderRefused, ProviderUnavailable, UnitOfWork
from merchant_server.services.deps import Deps, merchant_of
from merchant_server.services.publishing import move_checkout
from merchant_server.services.sale.claims import held_checkout
from merchant_server.services.sale.codes import require_step

CONSENTS = ("identity_check", "credit_report", "terms")
_NAME = re.compile(r"[^\W\d_](?:[^\W\d_]|[·•.' -]){1,59}")
_AFTER = {
    Outcome.APPROVE: CheckoutStatus.OFFERED,
    Outcome.REFER: CheckoutStatus.REFERRED,
    Outcome.DECLINE: CheckoutStatus.DECLINED,
}


def parse_person(name: str, id_number: str, phone: str) -> Person:
    """Check a name and an id number (GB 11643: length, date, checksum). Raises RuleRefused naming the field."""
    name = " ".join(name.split())
    if not _NAME.fullmatch(name):
        raise RuleRefused("this is not a name", code="name_invalid", field="name", hint="as on your id card")
    try:
        number = ric.validate(id_number)
        born_on = ric.get_birth_date(number)
    except ValidationError:
        raise RuleRefused(
            "this is not a valid id number",
            code="id_number_invalid",
            field="id_number",
            hint="18 characters, as on your id card",
        ) from None
    return Person(name, number, phone, born_on)


def apply(
    deps: Deps, token: str, claim: str, *, name: str, id_number: str, consents: tuple[str, ...]
) -> Checkout:
    """Decide on the person who holds this checkout, in one go. Raises RuleRefused, Expired.

    A crash between the two commits leaves the checkout deciding; upkeep opens it again.
    """
    missing = [consent for consent in CONSENTS if consent not in consents]
    if missing:
        raise RuleRefused(
            "each consent is needed for a decision",
            code="consent_missing",
            field=missing[0],
            hint="tick it, or pay another way",
        )
    person, consumer_id, decision_id = _commit_intent(deps, token, claim, name, id_number, consents)
    identity = _identity(deps, decision_id, person)
    bureau = _bureau(deps, decision_id, person)
    return _commit_answer(deps, token, claim, consumer_id, decision_id, identity, bureau)


def _commit_intent(
    deps: Deps, token: str, claim: str, name: str, id_number: str, consents: tuple[str, ...]
) -> tuple[Person, str, str]:
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
        uow.decisions.request(
            decision_id,
            merchant_id=checkout.merchant_id,
            mode=checkout.mode,
            checkout_id=checkout.id,
            consumer_id=consumer.id,
            at=now,
        )
        deciding = checkout.to(CheckoutStatus.DECIDING, consumer_id=consumer.id, decision_id=decision_id)
        move_checkout(uow, deps, deciding, checkout)
    return person, consumer.id, decision_id


def _identity(deps: Deps, reference: str, person: Person) -> Identity:
    try:
        return deps.identity.check(
            reference=reference, name=person.name, id_number=person.id_number, phone=person.phone
        )
    except (ProviderUnavailable, ProviderRefused):
        return Identity("unknown")


def _bureau(deps: Deps, reference: str, person: Person) -> Bureau:
    try:
        return deps.bureau.report(reference=reference, id_number=person.id_number)
    except (ProviderUnavailable, ProviderRefused):
        return Bureau("unknown")


def _commit_answer(
    deps: Deps, token: str, claim: str, consumer_id: str, decision_id: str, identity: Identity, bureau: Bureau
) -> Checkout:
    with deps.storage.reading() as uow:
        checkout = held_checkout(uow, deps, token, claim)
        features = _features(uow, deps, checkout, consumer_id, identity, bureau)
    decision = _decide(deps, features)
    now = deps.clock.now()
    with deps.storage.unit_of_work() as uow:
        checkout = held_checkout(uow, deps, token, claim)
        uow.decisions.answer(decision_id, features, decision, now)
        if decision.outcome == Outcome.APPROVE:
            uow.lines.grant(_line(consumer_id, decision, checkout.amount.currency, now))
        decided = checkout.to(
            _AFTER[decision.outcome],
            decline_code=decision.reasons[0] if decision.outcome != Outcome.APPROVE else None,
        )
        uow.audit.add(
            deps.ids.new("aud"),
            at=now,
            actor=f"policy {decision.policy_version}",
            action=f"decision.{decision.outcome}",
            subject=decision_id,
            merchant_id=checkout.merchant_id,
            detail={"checkout_id": checkout.id, "grade": decision.grade, "reasons": list(decision.reasons)},
        )
        return move_checkout(uow, deps, decided, checkout)


def _decide(deps: Deps, features: Features) -> Decision:
    """Ask the policy; one that gives no complete answer sends the case to a person, never to a yes."""
    try:
        return deps.policy.decide(features)
    except PolicyBroken:
        return Decision(Outcome.REFER, "", 0, Decimal(0), ("manual_review",), deps.policy.version)


def _features(
    uow: UnitOfWork, deps: Deps, checkout: Checkout, consumer_id: str, identity: Identity, bureau: Bureau
) -> Features:
    merchant: Merchant = merchant_of(uow, checkout.merchant_id)
    today = deps.today(uow, merchant)
    history = uow.consumers.history(consumer_id, deps.clock.now() - timedelta(days=30))
    consumer = uow.consumers.get(consumer_id)
    assert consumer is not None
    return Features(
        currency=checkout.amount.currency,
        amount_minor=checkout.amount.minor,
        age_years=max(consumer.person.age_on(today), 0),
        identity=identity.result,
        bureau_status=bureau.status,
        bureau_score=bureau.score,
        bureau_debts_minor=bureau.debts_minor,
        bureau_worst_overdue_days=bureau.worst_overdue_days,
        bureau_inquiries_30d=bureau.inquiries_30d,
        own_open_loans=history.open_loans,
        own_outstanding_minor=history.outstanding_minor,
        own_worst_overdue_days=_overdue_days(history, today),
        own_refusals_30d=history.refusals,
        merchant_category=merchant.category,
        decided_on=today,
    )


def _overdue_days(history: History, today: date) -> int:
    return 0 if history.oldest_overdue_on is None else max((today - history.oldest_overdue_on).days, 1)


def _line(consumer_id: str, decision: Decision, currency: str, now: datetime) -> CreditLine:
    return CreditLine(
        consumer_id=consumer_id,
        limit=Money(decision.limit_minor, currency),
        used=Money(0, currency),
        grade=decision.grade,
        rate_discount=str(decision.rate_discount),
        expires_at=now + timedelta(days=LINE_DAYS),
        version=1,
    )


def discounted(annual_rate: Decimal, rate_discount: Decimal) -> Decimal:
    """Return a plan's rate at a grade's price: never above what was advertised, never below zero."""
    return max(annual_rate - rate_discount, Decimal(0))
