"""People look at cases: the queue, one case masked, and a yes or no with a reason. Nobody reviews their own case."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from fenqi.finance.money import Money

from merchant_server.domain.checkout import CheckoutStatus
from merchant_server.domain.consumer import LINE_DAYS, CreditLine
from merchant_server.domain.decision import DecisionRecord, Outcome
from merchant_server.domain.errors import Forbidden, NotFound, RuleRefused
from merchant_server.domain.features import LARGEST_AMOUNT_MINOR
from merchant_server.domain.refusal import Refusal, refusal
from merchant_server.domain.review import Review, Reviewer, ReviewStatus, due_at, refuse_own_case
from merchant_server.ports import UnitOfWork
from merchant_server.services.deps import Deps
from merchant_server.services.publishing import move_checkout
from merchant_server.services.sale.claims import held_checkout
from merchant_server.services.sale.persons import valid_id_number

QUEUE_MAX = 100
REVIEWS_PER_DECISION_MAX = 2
ASKABLE = (CheckoutStatus.DECLINED, CheckoutStatus.REFERRED, CheckoutStatus.EXPIRED)


@dataclass(frozen=True, slots=True)
class Case:
    """What a reviewer sees: the person masked, the figures, the rules that fired, and earlier verdicts.

    `merchant_name` is empty for a line before there is a cart.
    """

    review: Review
    masked_name: str
    masked_id_number: str
    masked_phone: str
    features: dict[str, Any]
    rules: dict[str, Any]
    reasons: tuple[Refusal, ...]
    policy_version: str
    grade: str
    amount: Money
    merchant_name: str
    overdue: bool
    earlier: tuple[Review, ...]


def queue_review(uow: UnitOfWork, deps: Deps, decision_id: str, currency: str, *, asked_by: str) -> Review:
    """Queue a decision for a person, in the transaction of the caller; asked_by policy | consumer."""
    case = uow.decisions.case(decision_id)
    assert case is not None
    now = deps.clock.now()
    review = Review(
        id=deps.ids.new("rev"),
        decision_id=decision_id,
        checkout_id=case.checkout_id,
        consumer_id=case.consumer_id,
        merchant_id=case.merchant_id,
        mode=case.mode,
        currency=currency,
        asked_by=asked_by,
        asked_at=now,
        due_at=due_at(now),
    )
    uow.reviews.add(review)
    _audit(uow, deps, review, f"review by {asked_by}", "review.asked", {"decision_id": decision_id})
    return review


def ask_for_review(deps: Deps, token: str, claim: str) -> Review:
    """Send a refusal to a person, as the phone that holds the checkout. Asking again changes nothing.

    Raises RuleRefused (review_not_possible) when there is no refusal, or two people have looked already.
    """
    with deps.storage.unit_of_work() as uow:
        checkout = held_checkout(uow, deps, token, claim)
        if checkout.decision_id is None or checkout.status not in ASKABLE:
            raise _not_possible("there is no refusal to look at")
        review = send_to_a_person(uow, deps, checkout.decision_id)
        if checkout.status == CheckoutStatus.DECLINED and deps.clock.now() < checkout.expires_at:
            referred = checkout.to(CheckoutStatus.REFERRED)
            move_checkout(uow, deps, referred, checkout, "review asked for")
        return review


def send_to_a_person(uow: UnitOfWork, deps: Deps, decision_id: str) -> Review:
    """Queue a refusal at the consumer's wish, or return the review that waits. Raises RuleRefused."""
    record = uow.decisions.record(decision_id)
    if record is None or record.decision.outcome == Outcome.APPROVE:
        raise _not_possible("there is no refusal to look at")
    before = uow.reviews.of_decision(decision_id)
    if before and before[-1].status == ReviewStatus.QUEUED:
        return before[-1]
    if len(before) >= REVIEWS_PER_DECISION_MAX:
        raise _not_possible("two people have looked at this decision")
    return queue_review(uow, deps, decision_id, record.features.currency, asked_by="consumer")


def _not_possible(why: str) -> RuleRefused:
    return RuleRefused(why, code="review_not_possible", hint="apply again when something has changed")


def queue(deps: Deps) -> tuple[Review, ...]:
    """Return the open cases, the one whose target time is nearest first."""
    with deps.storage.reading() as uow:
        return tuple(uow.reviews.queue(QUEUE_MAX))


def case(deps: Deps, review_id: str, reviewer_name: str) -> Case:
    """Return one case with the person masked. Raises NotFound, and Forbidden for the reviewer's own case."""
    with deps.storage.reading() as uow:
        review, record = _known(uow, review_id)
        _refuse_own(uow, review, reviewer_name)
        consumer = uow.consumers.get(review.consumer_id)
        merchant = uow.merchants.get(review.merchant_id)
        assert consumer is not None
        earlier = tuple(each for each in uow.reviews.of_decision(review.decision_id) if each.id != review_id)
    decision, features = record.decision, record.features
    return Case(
        review=review,
        masked_name=consumer.person.masked_name,
        masked_id_number=consumer.person.masked_id_number,
        masked_phone=consumer.person.masked_phone,
        features=features.to_dict(),
        rules=decision.trace.get("rows", {}),
        reasons=tuple(refusal(code) for code in decision.reasons),
        policy_version=decision.policy_version,
        grade=decision.grade,
        amount=Money(features.amount_minor, features.currency),
        merchant_name=merchant.name if merchant else "",
        overdue=review.status == ReviewStatus.QUEUED and deps.clock.now() > review.due_at,
        earlier=earlier,
    )


def approve(deps: Deps, review_id: str, *, reviewer: str, reason: str, limit: Money | None = None) -> Review:
    """Say yes: grant a line of `limit`, or of the amount asked for, and let the checkout go on if it still lives.

    What no person may pass stays refused: a minor, a proven false identity, somebody on the block list.
    Raises NotFound, Forbidden, RuleRefused, TransitionNotAllowed, TransitionConflict.
    """
    with deps.storage.unit_of_work() as uow:
        was, record = _known(uow, review_id)
        _refuse_own(uow, was, reviewer)
        _refuse_beyond_people(record)
        line = _granted(uow, deps, was, record, limit)
        review = was.decide(
            ReviewStatus.APPROVED,
            reviewer=reviewer,
            reason=reason,
            limit_minor=line.limit.minor,
            at=deps.clock.now(),
        )
        uow.reviews.save(review, was)
        uow.lines.grant(line)
        _conclude(uow, deps, review, CheckoutStatus.OFFERED, None)
        return review


def decline(deps: Deps, review_id: str, *, reviewer: str, reason: str) -> Review:
    """Say no, with a reason. Raises NotFound, Forbidden, RuleRefused, TransitionNotAllowed, TransitionConflict."""
    with deps.storage.unit_of_work() as uow:
        was, _record = _known(uow, review_id)
        _refuse_own(uow, was, reviewer)
        review = was.decide(
            ReviewStatus.DECLINED, reviewer=reviewer, reason=reason, limit_minor=0, at=deps.clock.now()
        )
        uow.reviews.save(review, was)
        _conclude(uow, deps, review, CheckoutStatus.DECLINED, "review_declined")
        return review


def _known(uow: UnitOfWork, review_id: str) -> tuple[Review, DecisionRecord]:
    review = uow.reviews.get(review_id)
    record = uow.decisions.record(review.decision_id) if review else None
    if review is None or record is None:
        raise NotFound("there is no such review", hint="look at the queue again", review_id=review_id)
    return review, record


def _refuse_own(uow: UnitOfWork, review: Review, name: str) -> None:
    reviewer = uow.reviews.reviewer(name)
    if reviewer is None:
        raise Forbidden(
            f"{name!r} may not review",
            code="reviewer_unknown",
            hint="fenqi-server review add-reviewer NAME adds somebody",
        )
    consumer = uow.consumers.get(review.consumer_id)
    assert consumer is not None
    own_index = uow.consumers.id_number_index(consumer.person.id_number)
    earlier = tuple(
        each.reviewer or ""
        for each in uow.reviews.of_decision(review.decision_id)
        if each.id != review.id and each.reviewer
    )
    refuse_own_case(reviewer, own_index, earlier)


def _refuse_beyond_people(record: DecisionRecord) -> None:
    features = record.features
    if features.identity != "match" or features.age_years < 18 or features.blocked_matches:
        raise RuleRefused(
            "nobody may approve an unproven identity, a minor, or somebody on the block list",
            code="review_beyond_people",
            hint="decline it, or let the person apply again once the identity check answers",
        )


def _granted(
    uow: UnitOfWork, deps: Deps, review: Review, record: DecisionRecord, limit: Money | None
) -> CreditLine:
    features = record.features
    line = uow.lines.get(review.consumer_id, review.currency)
    used = line.used if line else Money(0, review.currency)
    wanted = used + Money(features.amount_minor, review.currency) if limit is None else limit
    if wanted.currency != review.currency or not 0 < wanted.minor <= LARGEST_AMOUNT_MINOR or wanted < used:
        raise RuleRefused(
            "a line is more than nothing, in the checkout's currency, and covers what is already used",
            code="review_limit_invalid",
            field="limit",
            hint=f"{used} is used",
        )
    now: datetime = deps.clock.now()
    granted = CreditLine(
        consumer_id=review.consumer_id,
        limit=wanted,
        used=used,
        grade=record.decision.grade,
        rate_discount=str(record.decision.rate_discount),
        expires_at=now + timedelta(days=LINE_DAYS),
        version=1,
        decision_id=review.decision_id,
    )
    return granted if line is None else replace(granted, version=line.version)


def _conclude(
    uow: UnitOfWork, deps: Deps, review: Review, after: CheckoutStatus, decline_code: str | None
) -> None:
    detail = {"decision_id": review.decision_id, "reason": review.reason, "limit_minor": review.limit_minor}
    _audit(
        uow, deps, review, f"reviewer {review.reviewer}", f"review.{review.status}",
        {name: value for name, value in detail.items() if name != "reason"},
    )  # fmt: skip
    checkout = review.checkout_id and uow.checkouts.get(review.checkout_id)
    if not checkout or checkout.status != CheckoutStatus.REFERRED or checkout.is_over(deps.clock.now()):
        return
    move_checkout(uow, deps, checkout.to(after, decline_code=decline_code), checkout, "human review")


def _audit(
    uow: UnitOfWork, deps: Deps, review: Review, actor: str, action: str, detail: dict[str, object]
) -> None:
    uow.audit.add(
        deps.ids.new("aud"),
        at=deps.clock.now(),
        actor=actor,
        action=action,
        subject=review.id,
        merchant_id=review.merchant_id or None,
        detail=detail,
    )


def add_reviewer(deps: Deps, name: str, id_number: str) -> None:
    """Let a member of staff review; their id number is kept as a keyed hash, to know their own case by.

    Raises RuleRefused for a name that is taken, and for an id number that is none: a slip would blind the guard.
    """
    number = valid_id_number(id_number)
    with deps.storage.unit_of_work() as uow:
        if uow.reviews.reviewer(name):
            raise RuleRefused(f"{name!r} is a reviewer already", code="reviewer_known", field="name")
        reviewer = Reviewer(name, uow.consumers.id_number_index(number))
        uow.reviews.add_reviewer(reviewer, deps.clock.now())
        uow.audit.add(
            deps.ids.new("aud"), at=deps.clock.now(), actor="operator", action="reviewer.added", subject=name
        )
