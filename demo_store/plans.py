"""The merchant's plans, kept at hand so that a product page quotes without asking anybody.

Stale plans are shown and renewed behind the customer's back; only a shop that never saw one has to wait.
"""

import json
import logging
import threading
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from fenqi import Client, FenqiError, FinanceError, Money, Offer, Plan, quote

from demo_store.clock import Clock
from demo_store.database import opened, writing
from demo_store.settings import Settings

log = logging.getLogger(__name__)


class PlanShelf:
    """Cached plans, and today's date as fenqi counts it (a sandbox clock may have been turned forward)."""

    def __init__(self, settings: Settings, client: Client, clock: Clock) -> None:
        self._settings, self._client, self._clock = settings, client, clock
        self._refreshing = threading.Lock()

    def plans(self) -> tuple[Plan, ...]:
        """Return the plans in the merchant's order; empty when none was ever fetched."""
        fetched_at = self._fact("plans_fetched_at")
        if fetched_at is None:
            self.refresh()
        elif self._clock() - datetime.fromisoformat(fetched_at) > timedelta(
            seconds=self._settings.plans_max_age_seconds
        ):
            threading.Thread(target=self.refresh, name="plans", daemon=True).start()
        with opened(self._settings.database) as db:
            return tuple(
                Plan.from_dict(json.loads(row["terms"]))
                for row in db.query("SELECT terms FROM plans ORDER BY position")
            )

    def today(self) -> date:
        """Return the day on which a sale made now would be signed."""
        offset = timedelta(seconds=int(self._fact("clock_offset_seconds") or 0))
        return (self._clock() + offset).astimezone(ZoneInfo(self._settings.timezone)).date()

    def offers(self, amount: Money, plan_ids: tuple[str, ...] = ()) -> tuple[Offer, ...]:
        """Price `amount` under the plans (only those named, when some are); a plan that cannot is left out."""
        today = self.today()
        offers: list[Offer] = []
        for plan in self.plans():
            if plan_ids and plan.id not in plan_ids:
                continue
            try:
                offers.extend(quote(amount, [plan], on=today))
            except FinanceError as error:
                log.info("%s cannot price %s: %s", plan.id, amount, error)
        return tuple(offers)

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
