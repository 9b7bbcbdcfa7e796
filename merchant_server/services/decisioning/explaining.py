"""Why it was not a yes, for the person it was said to: reasons in words, the nearest yes, and their review."""

from dataclasses import dataclass
from datetime import datetime

from merchant_server.domain.decision import CounterOffer, Outcome
from merchant_server.domain.refusal import Refusal, public_reasons
from merchant_server.domain.review import ReviewStatus
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


def explain(deps: Deps, token: str, claim: str) -> Explanation:
    """Return the reasons for what this phone's checkout was answered; nothing of a fraud rule is among them."""
    with deps.storage.reading() as uow:
        checkout = held_checkout(uow, deps, token, claim)
        record = uow.decisions.record(checkout.decision_id) if checkout.decision_id else None
        reviews = uow.reviews.of_decision(checkout.decision_id) if checkout.decision_id else []
    if record is None or record.decision.outcome == Outcome.APPROVE:
        return Explanation((), (), None, None, False)
    newest = reviews[-1] if reviews else None
    open_review = newest is not None and newest.status == ReviewStatus.QUEUED
    codes = record.decision.reasons
    if checkout.decline_code == "review_declined":
        codes = ("review_declined",)
    return Explanation(
        reasons=public_reasons(codes),
        counter_offers=record.counter_offers,
        review_status=newest.status if newest else None,
        review_due_at=newest.due_at if newest and open_review else None,
        may_ask_for_review=checkout.status in ASKABLE
        and not open_review
        and len(reviews) < REVIEWS_PER_DECISION_MAX,
    )
