"""A visit to one's own page: let in by a code and the end of one's id number, over after a quarter of an hour idle."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from merchant_server.domain.errors import Unauthenticated

IDLE_SECONDS = 900
LONGEST_SECONDS = 4 * 3600
# A page seen again within this time does not write the row again.
SEEN_EVERY_SECONDS = 30
ID_NUMBER_END = 4


@dataclass(frozen=True, slots=True)
class MyVisit:
    """One visit as stored; `consumer_id` is set once the person is known."""

    id: str
    token_hash: str
    phone_index: str
    consumer_id: str | None
    created_at: datetime
    seen_at: datetime

    def is_over(self, now: datetime) -> bool:
        """Say whether it lay idle too long, or is too old altogether."""
        return is_over(self.created_at, self.seen_at, now)

    def let_in(self, consumer_id: str, token_hash: str, now: datetime) -> "MyVisit":
        """Return it known, under a new cookie: one that was set before is worth nothing."""
        return replace(self, consumer_id=consumer_id, token_hash=token_hash, seen_at=now)

    def is_due_to_be_seen(self, now: datetime) -> bool:
        """Say whether its row should be told that somebody is still there."""
        return now - self.seen_at >= timedelta(seconds=SEEN_EVERY_SECONDS)


def is_over(created_at: datetime, seen_at: datetime, now: datetime) -> bool:
    """Say whether a visit lay idle too long, or is too old altogether."""
    idle = now - seen_at >= timedelta(seconds=IDLE_SECONDS)
    return idle or now - created_at >= timedelta(seconds=LONGEST_SECONDS)


def signed_out() -> Unauthenticated:
    """Return the refusal of a page that needs somebody."""
    return Unauthenticated("sign in first", code="my_signed_out", hint="enter your phone number")
