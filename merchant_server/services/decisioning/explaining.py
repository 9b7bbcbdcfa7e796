"""Why it was not a yes, for the person it was said to: reasons in words, the nearest yes, and their review."""

from dataclasses import dataclass
from datetime import datetime

from merchant_server.domain.decision import CounterOffer, DecisionRecord, Outcome
from merchant_server.domain.refusal import Refusal, public_reasons
from merchant_server.domain.review import ReviewStatus
from merchant_server.ports import UnitOfWork
from merchant_server.services.decisioning.reviewing import ASKABLE, REVIEWS_PER_DECISION_MAX
from merchant_server.services.deps import Deps
from merchant_server.services.sale.claims import held_checkout


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a refused person may be told. `review_due_at` is the target time of a review that is under way."""

    reasons: tuple[Refusal, ...]
    counter_offers: tuple[CounterOffer, ...]
    review_status: ReviewStatus | None
    review_due_at: datetime | None
    may_ask_for_review: bool


NOTHING = Explanation((), (), None, None, False)


def explain(deps: Deps, token: str, claim: str) -> Explanation:
    """Return the reasons for what this phone's checkout was answered; nothing of a fraud rule is among them."""
    with deps.storage.reading() as uow:
        checkout = held_checkout(uow, deps, token, claim)
        record = uow.decisions.record(checkout.decision_id) if checkout.decision_id else None
        if record is None or checkout.decision_id is None:
            return NOTHING
        return explanation(uow, checkout.decision_id, record, askable=checkout.status in ASKABLE)


def explanation(
    uow: UnitOfWork, decision_id: str, record: DecisionRecord, *, askable: bool = True
) -> Explanation:
    """Return what may be told of a decision; `askable` says that a review can still change something."""
    if record.decision.outcome == Outcome.APPROVE:
        return NOTHING
    reviews = uow.reviews.of_decision(decision_id)
    newest = reviews[-1] if reviews else None
    waits = newest is not None and newest.status == ReviewStatus.QUEUED
    codes = record.decision.reasons
    if any(each.status == ReviewStatus.DECLINED for each in reviews):
        codes = ("review_declined",)
    # A name and an id number may be somebody else's: whoever types them must not learn of that person's debts.
    proven = record.features.identity == "match"
    return Explanation(
        reasons=public_reasons(codes, proven=proven),
        counter_offers=record.counter_offers if proven else (),
        review_status=newest.status if newest else None,
        review_due_at=newest.due_at if newest and waits else None,
        may_ask_for_review=askable and not waits and len(reviews) < REVIEWS_PER_DECISION_MAX,
    )
