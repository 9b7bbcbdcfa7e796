"""One decision, whatever it is for: sources, features, the policy's answer, and what is kept of it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from fenqi.finance.money import Money
from fenqi.finance.plan import Plan

from merchant_server.domain.consumer import CreditLine, Person
from merchant_server.domain.decision import DecisionRecord, Outcome
from merchant_server.domain.features import Reading, ReadingState, assemble
from merchant_server.ports import UnitOfWork
from merchant_server.services.decisioning import live
from merchant_server.services.decisioning.live import LivePolicy
from merchant_server.services.decisioning.pricing import CounterOffers, priced_offers, prices
from merchant_server.services.decisioning.sources import Asked, ask_outside, kept_report
from merchant_server.services.decisioning.vector import Application, own_readings
from merchant_server.services.deps import Deps


@dataclass(frozen=True, slots=True)
class Decided:
    """An answer that is not committed yet: its record, the policy that gave it, and the line that it grants."""

    record: DecisionRecord
    live: LivePolicy
    line: CreditLine | None


def report_at_hand(uow: UnitOfWork, deps: Deps, application: Application) -> Reading | None:
    """Return an earlier report that the policy is content with, or None when the bureau has to be asked."""
    line = uow.lines.get(application.consumer_id, application.currency)
    if line is None or line.decision_id is None or deps.clock.now() >= line.expires_at:
        return None
    record = uow.decisions.record(line.decision_id)
    report = kept_report(record, deps) if record else None
    if report is None:
        return None
    identity = Reading("identity", ReadingState.NOT_ASKED, deps.clock.now())
    features = assemble([*own_readings(uow, deps, application), identity, report])
    policy = live.policy_for(uow, deps, application.consumer_id).policy
    return None if live.answer(policy, features).ask_bureau else report


def ask_and_decide(
    deps: Deps, application: Application, person: Person, plans: tuple[Plan, ...], plan_ids: tuple[str, ...]
) -> tuple[Decided, Asked]:
    """Ask the sources outside any transaction, then the policy. `plans` are all of the merchant's."""
    with deps.storage.reading() as uow:
        report = report_at_hand(uow, deps, application)
    asked = ask_outside(deps, application.decision_id, person, report)
    with deps.storage.reading() as uow:
        return _decide(uow, deps, application, asked, plans, plan_ids), asked


def _decide(
    uow: UnitOfWork,
    deps: Deps,
    application: Application,
    asked: Asked,
    plans: tuple[Plan, ...],
    plan_ids: tuple[str, ...],
) -> Decided:
    readings = [*own_readings(uow, deps, application), *asked.readings]
    features = assemble(readings)
    policy = live.policy_for(uow, deps, application.consumer_id)
    decision = live.answer(policy.policy, features)
    today = application.today
    chosen = [plan for plan in plans if plan.id in plan_ids]
    granted = decision.outcome == Outcome.APPROVE
    amount = Money(application.amount_minor, application.currency)
    offered = priced_offers(deps, decision, amount, chosen, today) if granted and chosen else ()
    search = CounterOffers(deps, policy.policy, features, plans, today)
    record = DecisionRecord(
        features=features,
        sources={reading.source: reading.to_dict() for reading in readings},
        decision=decision,
        arm=policy.arm,
        prices=prices(offered),
        counter_offers=search.search(decision, plan_ids),
    )
    line = _line(uow, deps, application, record) if granted else None
    return Decided(record, policy, line)


def _line(uow: UnitOfWork, deps: Deps, application: Application, record: DecisionRecord) -> CreditLine:
    """Return the line that a yes grants. One that rests on a kept report lives no longer than the first did."""
    decision, now = record.decision, deps.clock.now()
    expires_at, granted_by = now + timedelta(days=decision.line_days), application.decision_id
    before = uow.lines.get(application.consumer_id, application.currency)
    if before is not None and record.sources["bureau"]["state"] == ReadingState.KEPT:
        expires_at, granted_by = before.expires_at, before.decision_id or granted_by
    return CreditLine(
        consumer_id=application.consumer_id,
        limit=Money(decision.limit_minor, application.currency),
        used=Money(0, application.currency),
        grade=decision.grade,
        rate_discount=str(decision.rate_discount),
        expires_at=expires_at,
        version=1,
        decision_id=granted_by,
    )


def commit(
    uow: UnitOfWork, deps: Deps, application: Application, decided: Decided, asked: Asked, now: datetime
) -> None:
    """Store an answer with its policy, its line, what was quarantined, and its audit row."""
    live.keep(uow, decided.live.policy, now)
    uow.decisions.answer(application.decision_id, decided.record, now)
    for source, (reason, body) in asked.garbled.items():
        uow.decisions.quarantine(application.decision_id, source, at=now, reason=reason, body=body)
    if decided.line is not None:
        uow.lines.grant(decided.line)
    decision = decided.record.decision
    uow.audit.add(
        deps.ids.new("aud"),
        at=now,
        actor=f"policy {decision.policy_version}",
        action=f"decision.{decision.outcome}",
        subject=application.decision_id,
        merchant_id=application.merchant_id or None,
        detail={
            "purpose": application.purpose,
            "arm": decided.record.arm,
            "grade": decision.grade,
            "reasons": list(decision.reasons),
            "sources": {source: told["state"] for source, told in decided.record.sources.items()},
        },
    )
