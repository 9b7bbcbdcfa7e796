"""What our own tables say of an application: the readings of every source that is not outside."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from fenqi.offers import Offer

from merchant_server.domain.circumstances import Circumstances, Velocity
from merchant_server.domain.consumer import LINE_DAYS, Consumer, CreditLine, History
from merchant_server.domain.features import Reading, ReadingState
from merchant_server.domain.review import ReviewStatus
from merchant_server.ports import UnitOfWork
from merchant_server.services.decisioning.pricing import cost_bps, gentlest, month_burden
from merchant_server.services.deps import Deps

HISTORY_DAYS = 30


@dataclass(frozen=True, slots=True)
class Application:
    """One question to a policy: who, at which merchant, for how much; `offers` are the plans at list price.

    `merchant_id` and `merchant_category` are empty before there is a shop; `today` is the shop's business date.
    """

    decision_id: str
    consumer_id: str
    merchant_id: str
    merchant_category: str
    today: date
    mode: str
    currency: str
    amount_minor: int
    purpose: str
    store_id: str | None
    offers: tuple[Offer, ...]
    circumstances: Circumstances


def own_readings(uow: UnitOfWork, deps: Deps, application: Application) -> list[Reading]:
    """Return the readings of checkout, merchant, person, what was stated, own history, velocity and block list."""
    consumer = uow.consumers.get(application.consumer_id)
    assert consumer is not None
    keys = application.circumstances.keys(consumer.person, application.store_id)
    velocity = uow.watch.velocity(keys, mode=application.mode, at=deps.clock.now())
    parts: dict[str, Mapping[str, object]] = {
        "checkout": _checkout(application),
        "merchant": {"merchant_category": application.merchant_category},
        "person": {"age_years": max(consumer.person.age_on(application.today), 0)},
        "stated": {
            "income_stated_minor": application.circumstances.income_minor,
            "debts_stated_minor": application.circumstances.debts_minor,
        },
        "own": _own(uow, deps, application, consumer),
        "velocity": _velocity(velocity),
        "block_list": {"blocked_matches": len(uow.watch.blocks(keys))},
    }
    now = deps.clock.now()
    return [Reading(source, ReadingState.ANSWERED, now, values) for source, values in parts.items()]


def _checkout(application: Application) -> dict[str, object]:
    offer = gentlest(application.offers)
    return {
        "currency": application.currency,
        "amount_minor": application.amount_minor,
        "decided_on": application.today,
        "mode": application.mode,
        "purpose": application.purpose,
        "disclosure_pack": offer.plan.disclosure if offer else "CN",
        "down_payment_minor": 0,
        "installment_minor": month_burden(offer) if offer else 0,
        "annual_cost_bps": cost_bps(offer) if offer else 0,
    }


def _own(uow: UnitOfWork, deps: Deps, application: Application, consumer: Consumer) -> dict[str, object]:
    now, today = deps.clock.now(), application.today
    history = uow.consumers.history(
        consumer.id, now - timedelta(days=HISTORY_DAYS), today + timedelta(days=HISTORY_DAYS)
    )
    line = uow.lines.get(consumer.id, application.currency)
    review = uow.reviews.latest(consumer.id, application.currency, now - timedelta(days=LINE_DAYS))
    granted = review is not None and review.status == ReviewStatus.APPROVED
    return {
        "own_open_loans": history.open_loans,
        "own_outstanding_minor": history.outstanding_minor,
        "own_worst_overdue_days": overdue_days(history, today),
        "own_refusals_30d": history.refusals,
        "own_due_30d_minor": history.due_soon_minor,
        "own_repaid_loans": history.repaid_loans,
        "line_status": _line_status(line, deps),
        "line_left_minor": max(line.left.minor, 0) if line else 0,
        "review_verdict": review.status.value if review else "none",
        "review_limit_minor": review.limit_minor if review and granted else 0,
    }


def overdue_days(history: History, today: date) -> int:
    """Return how many days the oldest unpaid installment is late today."""
    return 0 if history.oldest_overdue_on is None else max((today - history.oldest_overdue_on).days, 1)


def _line_status(line: CreditLine | None, deps: Deps) -> str:
    if line is None:
        return "none"
    return "live" if deps.clock.now() < line.expires_at else "expired"


def _velocity(counted: Velocity) -> dict[str, object]:
    applications, persons = counted.applications, counted.persons
    return {
        "person_applications_24h": applications.get("person", 0),
        "phone_applications_24h": applications.get("phone", 0),
        "device_applications_24h": applications.get("device", 0),
        "store_applications_1h": applications.get("store", 0),
        "address_applications_24h": applications.get("address", 0),
        "phone_persons_30d": persons.get("phone", 0),
        "device_persons_30d": persons.get("device", 0),
    }
