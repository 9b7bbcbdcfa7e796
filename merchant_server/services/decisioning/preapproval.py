"""How much could I spend? A decision before there is a cart, whose line serves at every store of the installation.

No merchant takes part: none learns who asked, or what the answer was, before that person buys from it.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from fenqi.finance.money import Money

from merchant_server.domain.circumstances import Circumstances
from merchant_server.domain.consent import CONSENT_TEXT_VERSION, ConsentKind
from merchant_server.domain.consumer import Consumer, CreditLine, Person
from merchant_server.domain.decision import Outcome
from merchant_server.domain.errors import RuleRefused, TransitionConflict
from merchant_server.domain.my_visit import SEEN_EVERY_SECONDS
from merchant_server.domain.preapproval import Preapproval
from merchant_server.domain.review import ReviewStatus
from merchant_server.ports import UnitOfWork
from merchant_server.services.decisioning import deciding
from merchant_server.services.decisioning.explaining import NOTHING, Explanation, explanation
from merchant_server.services.decisioning.preapproval_visits import current
from merchant_server.services.decisioning.reviewing import queue_review, send_to_a_person
from merchant_server.services.decisioning.vector import Application
from merchant_server.services.deps import Deps
from merchant_server.services.sale.persons import parse_person, require_consents

# Identity check and bureau are China's, and so are the person's day and the currency of a line before there is a shop.
CURRENCY, TIME_ZONE = "CNY", "Asia/Shanghai"
NO_MERCHANT, NO_MONEY = "", Money(0, CURRENCY)
STUCK_SECONDS = 30


class Standing(StrEnum):
    """Where a pre-approval stands, from the typed number to its answer."""

    PHONE_UNPROVEN = "phone_unproven"
    PROVEN = "proven"
    DECIDING = "deciding"
    GRANTED = "granted"
    REFUSED = "refused"
    REFERRED = "referred"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the person sees: `left` may be spent until `expires_at`, or why there is no line."""

    standing: Standing
    decision_id: str | None = None
    grade: str = ""
    left: Money = NO_MONEY
    limit: Money = NO_MONEY
    expires_at: datetime | None = None
    told: Explanation = NOTHING


def preapprove(
    deps: Deps,
    token: str,
    *,
    name: str,
    id_number: str,
    consents: tuple[str, ...],
    circumstances: Circumstances,
    language: str = "zh-CN",
) -> None:
    """Decide on a person without an amount, and grant the line (50 days, unless the policy says otherwise).

    A crash between the two commits leaves it undecided; half a minute later the same browser may apply again.
    Raises RuleRefused (consent_missing, phone_unverified, …), Unauthenticated, TransitionConflict.
    """
    require_consents(consents)
    application, person, asked_id = _commit_intent(
        deps, token, name, id_number, consents, circumstances, language
    )
    decided, asked = deciding.ask_and_decide(deps, application, person, (), ())
    with deps.storage.unit_of_work() as uow:
        if current(uow, deps, token).decision_id != application.decision_id:
            raise _given_up()
        deciding.commit(uow, deps, application, decided, asked, deps.clock.now())
        uow.preapprovals.forget_phone(asked_id)
        if decided.record.decision.outcome == Outcome.REFER:
            queue_review(uow, deps, application.decision_id, CURRENCY, asked_by="policy")


def _commit_intent(
    deps: Deps,
    token: str,
    name: str,
    id_number: str,
    consents: tuple[str, ...],
    circumstances: Circumstances,
    language: str,
) -> tuple[Application, Person, str]:
    now = deps.clock.now()
    with deps.storage.unit_of_work() as uow:
        asked = current(uow, deps, token)
        asked.require_proof(now)
        _refuse_second(uow, asked, now)
        phone = uow.preapprovals.phone(asked.id)
        assert phone is not None, "the number is forgotten only once a decision is answered"
        person = parse_person(name, id_number, phone)
        consumer = uow.consumers.find_or_add(Consumer(deps.ids.new("con"), person, now))
        application = Application(
            decision_id=deps.ids.new("dec"),
            consumer_id=consumer.id,
            merchant_id=NO_MERCHANT,
            merchant_category="",
            today=now.astimezone(ZoneInfo(TIME_ZONE)).date(),
            mode="test" if deps.sandbox else "live",
            currency=CURRENCY,
            amount_minor=0,
            purpose="preapproval",
            store_id=None,
            offers=(),
            circumstances=circumstances,
        )
        uow.decisions.request(
            application.decision_id,
            merchant_id=NO_MERCHANT,
            mode=application.mode,
            checkout_id=None,
            consumer_id=consumer.id,
            at=now,
            purpose=application.purpose,
        )
        keys = circumstances.keys(person, None)
        uow.watch.note(application.decision_id, keys, mode=application.mode, consumer_id=consumer.id, at=now)
        uow.preapprovals.save(asked.applied(consumer.id, application.decision_id, now))
        _record_consents(uow, deps, application, consents, language)
    return application, person, asked.id


def _refuse_second(uow: UnitOfWork, asked: Preapproval, now: datetime) -> None:
    case = uow.decisions.case(asked.decision_id) if asked.decision_id else None
    if case is not None and (
        case.decided_at is not None or now - case.requested_at < timedelta(seconds=STUCK_SECONDS)
    ):
        raise _given_up()


def _given_up() -> TransitionConflict:
    return TransitionConflict("this was asked already", hint="look at the answer")


def _record_consents(
    uow: UnitOfWork, deps: Deps, application: Application, consents: tuple[str, ...], language: str
) -> None:
    uow.audit.add(
        deps.ids.new("aud"),
        at=deps.clock.now(),
        actor=f"consumer {application.consumer_id}",
        action=ConsentKind.CONSENTS_GIVEN,
        subject=application.decision_id,
        detail={
            "consents": sorted(consents),
            "text_version": CONSENT_TEXT_VERSION,
            "language": language,
        },
    )


def answer(deps: Deps, token: str) -> Answer:
    """Return where this browser's pre-approval stands, and keep it alive. Raises Unauthenticated."""
    now = deps.clock.now()
    with deps.storage.reading() as uow:
        asked = current(uow, deps, token)
        found = _standing(uow, asked, now)
    if now - asked.seen_at >= timedelta(seconds=SEEN_EVERY_SECONDS):
        with deps.storage.unit_of_work() as uow:
            uow.preapprovals.save(replace(current(uow, deps, token), seen_at=now))
    return found


def _standing(uow: UnitOfWork, asked: Preapproval, now: datetime) -> Answer:
    if asked.decision_id is None:
        return Answer(Standing.PROVEN if asked.phone_verified_at else Standing.PHONE_UNPROVEN)
    return _told(uow, asked, asked.decision_id, now)


def _told(uow: UnitOfWork, asked: Preapproval, decision_id: str, now: datetime) -> Answer:
    record = uow.decisions.record(decision_id)
    if record is None:
        case = uow.decisions.case(decision_id)
        assert case is not None
        waits = now - case.requested_at < timedelta(seconds=STUCK_SECONDS)
        return Answer(Standing.DECIDING if waits else Standing.PROVEN, decision_id)
    told = explanation(uow, decision_id, record)
    granted = record.decision.outcome == Outcome.APPROVE or told.review_status == ReviewStatus.APPROVED
    if not granted:
        referred = told.review_status == ReviewStatus.QUEUED
        return Answer(Standing.REFERRED if referred else Standing.REFUSED, decision_id, told=told)
    assert asked.consumer_id is not None
    line = uow.lines.get(asked.consumer_id, CURRENCY)
    assert line is not None
    left = spendable(uow, line, now)
    return Answer(Standing.GRANTED, decision_id, line.grade, left, line.limit, line.expires_at)


def spendable(uow: UnitOfWork, line: CreditLine, now: datetime) -> Money:
    """Return what a purchase could take now: policies count what is owed with its interest, the line without."""
    if now >= line.expires_at:
        return NO_MONEY
    owed = Money(uow.consumers.history(line.consumer_id, now).outstanding_minor, CURRENCY)
    return max(min(line.left, line.limit - owed), NO_MONEY)


def ask_a_person(deps: Deps, token: str) -> None:
    """Send a refusal to a person; asking again changes nothing. Raises RuleRefused, Unauthenticated."""
    with deps.storage.unit_of_work() as uow:
        asked = current(uow, deps, token)
        if asked.decision_id is None:
            raise RuleRefused(
                "there is no refusal to look at", code="review_not_possible", hint="apply first"
            )
        send_to_a_person(uow, deps, asked.decision_id)
