"""What the outside says of a person, asked side by side and waited for a bounded time; silence is "unknown"."""

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from merchant_server.domain.consumer import Person
from merchant_server.domain.decision import Bureau, DecisionRecord, Identity
from merchant_server.domain.features import USABLE, Reading, ReadingState, checked_reading
from merchant_server.ports import ProviderGarbled, ProviderRefused, ProviderUnavailable
from merchant_server.services.deps import Deps

log = logging.getLogger(__name__)
WAIT_SECONDS = 6.0
"""Longer than a client's own time-outs and its one retry: it only bounds a client that hangs."""


@dataclass
class Asked:
    """The readings of the outside sources, and what came back from a source that was no answer."""

    readings: list[Reading] = field(default_factory=list)
    garbled: dict[str, tuple[str, bytes]] = field(default_factory=dict)


def ask_outside(
    deps: Deps,
    decision_id: str,
    person: Person,
    kept_report: Reading | None = None,
    wait_seconds: float = WAIT_SECONDS,
) -> Asked:
    """Ask the identity check, and the bureau unless an earlier report is kept. What they do is never raised."""
    calls: dict[str, Callable[[], tuple[dict[str, Any], str]]] = {
        "identity": lambda: _identity_values(
            deps.identity.check(
                reference=decision_id, name=person.name, id_number=person.id_number, phone=person.phone
            )
        )
    }
    if kept_report is None:
        calls["bureau"] = lambda: bureau_values(
            deps.bureau.report(reference=decision_id, id_number=person.id_number)
        )
    asked = Asked()
    for source, outcome in _all_of(calls, wait_seconds).items():
        asked.readings.append(_reading(deps, asked, source, outcome))
    for source, (reason, _body) in asked.garbled.items():
        # The reason names fields and never values; the bytes go to quarantine, sealed.
        log.warning("%s sent what is no answer for %s: %s", source, decision_id, reason)
    if kept_report is not None:
        asked.readings.append(kept_report)
    return asked


def _all_of(
    calls: Mapping[str, Callable[[], tuple[dict[str, Any], str]]], wait_seconds: float
) -> dict[str, Any]:
    """Run every call in a thread of its own; what has not come back in time is None, and is left behind."""
    outcomes: dict[str, Any] = dict.fromkeys(calls)

    def run(source: str) -> None:
        try:
            outcomes[source] = calls[source]()
        except (ProviderUnavailable, ProviderRefused) as failure:
            outcomes[source] = failure
        except Exception as mistake:  # noqa: BLE001
            # No port allows it, so it is a mistake of ours: it is raised where the decision is made.
            outcomes[source] = mistake

    threads = [threading.Thread(target=run, args=(source,), daemon=True) for source in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(wait_seconds)
    return dict(outcomes)


def _reading(deps: Deps, asked: Asked, source: str, outcome: Any) -> Reading:
    now = deps.clock.now()
    if outcome is None:
        return Reading(source, ReadingState.UNAVAILABLE, now, reason="it did not answer in time")
    if isinstance(outcome, ProviderGarbled):
        asked.garbled[source] = (outcome.reason, outcome.body)
        return Reading(source, ReadingState.GARBAGE, now, reason=outcome.reason)
    if isinstance(outcome, ProviderUnavailable | ProviderRefused):
        return Reading(source, ReadingState.UNAVAILABLE, now, reason=outcome.reason)
    if isinstance(outcome, Exception):
        raise outcome
    values, reference = outcome
    reading = checked_reading(Reading(source, ReadingState.ANSWERED, now, values, reference))
    if reading.state == ReadingState.GARBAGE:
        asked.garbled[source] = (f"{reading.reason} cannot be judged", repr(values).encode())
    return reading


def _identity_values(found: Identity) -> tuple[dict[str, Any], str]:
    return {"identity": found.result}, found.reference


def bureau_values(found: Bureau) -> tuple[dict[str, Any], str]:
    """Return a report as features, and its reference."""
    values = {
        "bureau_status": found.status,
        "bureau_score": found.score,
        "bureau_debts_minor": found.debts_minor,
        "bureau_worst_overdue_days": found.worst_overdue_days,
        "bureau_inquiries_30d": found.inquiries_30d,
        "income_seen_minor": found.income_minor,
        "bureau_age_days": 0,
    }
    return values, found.reference


def kept_report(record: DecisionRecord, deps: Deps) -> Reading | None:
    """Return the report that an earlier decision saw, with its age today, or None when it saw none."""
    told = record.sources.get("bureau", {})
    if told.get("state") not in {state.value for state in USABLE}:
        return None
    asked_at = datetime.fromisoformat(told["at"])
    seen = record.features
    report = Bureau(
        seen.bureau_status,
        seen.bureau_score,
        seen.bureau_debts_minor,
        seen.bureau_worst_overdue_days,
        seen.bureau_inquiries_30d,
        told.get("reference", ""),
        seen.income_seen_minor,
    )
    values, reference = bureau_values(report)
    values["bureau_age_days"] = max((deps.clock.now() - asked_at).days, 0)
    return Reading("bureau", ReadingState.KEPT, asked_at, values, reference)
