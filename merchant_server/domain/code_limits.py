"""How many codes may be sent: to a number, for a person, from an address, and in all. Pure: counts come in.

By number, so that changing address does not help; by address, so that changing number does not help either.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from merchant_server.domain.errors import RuleRefused


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `sends` codes in any `seconds` for one `subject`: number, person or address."""

    subject: str
    seconds: int
    sends: int


LIMITS = (
    Limit("number", 600, 3),
    Limit("number", 86_400, 10),
    Limit("person", 600, 6),
    Limit("person", 86_400, 20),
    # A shop's own network, or a block of a carrier's, stands behind many phones.
    Limit("address", 600, 60),
    Limit("address", 86_400, 1_000),
)
LONGEST_SECONDS = max(limit.seconds for limit in LIMITS)


def refuse_too_many(subject: str, sent_at: Sequence[datetime], now: datetime) -> None:
    """Raise RuleRefused (code_rate_limited), saying when to try again, if a subject has had its share.

    `sent_at` are the times of its codes within LONGEST_SECONDS, in any order.
    """
    wait = max((_wait(limit, sent_at, now) for limit in LIMITS if limit.subject == subject), default=0)
    if wait:
        raise RuleRefused(
            f"too many codes were sent for this {subject}",
            code="code_rate_limited",
            hint="use the newest code, or try again later",
            **_wait_facts(wait, subject),
        )


def _wait(limit: Limit, sent_at: Sequence[datetime], now: datetime) -> int:
    since = now - timedelta(seconds=limit.seconds)
    within = sorted(moment for moment in sent_at if moment > since)
    if len(within) < limit.sends:
        return 0
    free_at = within[len(within) - limit.sends] + timedelta(seconds=limit.seconds)
    return int((free_at - now).total_seconds()) + 1


def hour_of(now: datetime) -> str:
    """Return the name of an hour, as its budget is kept."""
    return now.strftime("%Y-%m-%dT%H")


def refuse_over_budget(sent_this_hour: int, budget: int, now: datetime) -> None:
    """Raise RuleRefused (codes_paused) when the installation's budget of the hour is spent; this send counts."""
    if sent_this_hour > budget:
        left = 3600 - now.minute * 60 - now.second
        raise RuleRefused(
            "no codes are sent at the moment",
            code="codes_paused",
            hint="use the newest code, or try again later",
            **_wait_facts(left, "installation"),
        )


def _wait_facts(wait_seconds: int, subject: str) -> dict[str, Any]:
    return {"limit": subject, "minutes_left": -(-wait_seconds // 60), "retry_after_seconds": wait_seconds}
