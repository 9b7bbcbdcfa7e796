"""The merchant's plans, kept at hand so that a product page quotes without asking anybody.

Stale plans are shown and renewed behind the customer's back; only a shop that never saw one has to wait.
"""

import json
import logging
import threading
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from fenqi import Client, FenqiError, FinanceError, Money, Offer, Plan, quote

from demo_store.clock import Clock
from demo_store.database import opened, writing
from demo_store.settings import Settings

log = logging.getLogger(__name__)

FIRST_FETCH_PAUSE_SECONDS = 5


class PlanShelf:
    """Cached plans, and today's date as fenqi counts it (a sandbox clock may have been turned forward)."""

    def __init__(self, settings: Settings, client: Client, clock: Clock) -> None:
        self._settings, self._client, self._clock = settings, client, clock
        self._refreshing = threading.Lock()
        self._tried_at: datetime | None = None

    def plans(self) -> tuple[Plan, ...]:
        """Return the plans in the merchant's order; empty when none was ever fetched."""
        fetched_at = self._fact("plans_fetched_at")
        if fetched_at is None:
            self._fetch_first()
        elif self._older_than(datetime.fromisoformat(fetched_at), self._settings.plans_max_age_seconds):
            threading.Thread(target=self.refresh, name="plans", daemon=True).start()
        return self._kept()

    def _kept(self) -> tuple[Plan, ...]:
        with opened(self._settings.database) as db:
            rows = list(db.query("SELECT terms FROM plans ORDER BY position"))
        return tuple(Plan.from_dict(json.loads(row["terms"])) for row in rows)

    def today(self) -> date:
        """Return the day on which a sale made now would be signed."""
        offset = timedelta(seconds=int(self._fact("clock_offset_seconds") or 0))
        return (self._clock() + offset).astimezone(ZoneInfo(self._settings.timezone)).date()

    def offers(self, amount: Money) -> tuple[Offer, ...]:
        """Price `amount` under every plan that can price it."""
        return self.price_list([amount])[0]

    def kept_offers(self, amount: Money) -> tuple[Offer, ...]:
        """Price `amount` under the plans that are at hand; asks nobody, for a till without network."""
        return tuple(_priced(amount, self._kept(), self.today()))

    def price_list(self, amounts: Iterable[Money]) -> list[tuple[Offer, ...]]:
        """Price several amounts under the same plans on the same day; a plan that cannot is left out."""
        plans, today = self.plans(), self.today()
        return [tuple(_priced(amount, plans, today)) for amount in amounts]

    def refresh(self) -> bool:
        """Fetch plans and clock from fenqi; on failure keep what there is and return False."""
        if not self._refreshing.acquire(blocking=False):
            return False
        try:
            terms = [plan.to_dict() for plan in self._client.plans.list()]
            offset_seconds = (
                self._client.test_clock.retrieve().offset_seconds if self._settings.mode == "test" else 0
            )
            self._store(terms, offset_seconds)
            return True
        except FenqiError as error:
            log.warning("plans were not renewed: %s", error)
            return False
        finally:
            self._refreshing.release()

    def _fetch_first(self) -> None:
        """Ask for the very first plans, but not again for each page while nobody answers."""
        if self._tried_at is None or self._older_than(self._tried_at, FIRST_FETCH_PAUSE_SECONDS):
            self._tried_at = self._clock()
            self.refresh()

    def _older_than(self, moment: datetime, seconds: int) -> bool:
        return self._clock() - moment > timedelta(seconds=seconds)

    def _store(self, terms: list[dict[str, Any]], offset_seconds: int) -> None:
        with writing(self._settings.database) as db:
            db.conn.execute("DELETE FROM plans")
            for position, plan in enumerate(terms):
                db.table("plans").insert({"id": plan["id"], "position": position, "terms": json.dumps(plan)})
            for name, value in (
                ("plans_fetched_at", self._clock().isoformat()),
                ("clock_offset_seconds", str(offset_seconds)),
            ):
                db.table("facts").upsert({"name": name, "value": value}, pk="name")

    def _fact(self, name: str) -> str | None:
        with opened(self._settings.database) as db:
            row = next(db.query("SELECT value FROM facts WHERE name = ?", [name]), None)
        return row["value"] if row else None


def _priced(amount: Money, plans: Sequence[Plan], today: date) -> Iterator[Offer]:
    for plan in plans:
        try:
            yield from quote(amount, [plan], on=today)
        except FinanceError as error:
            log.info("%s cannot price %s: %s", plan.id, amount, error)
