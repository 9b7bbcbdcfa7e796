"""What a visitor of a sandbox installation sees behind the sale, and turns: everything newest first, and bounded.

Of the house's own tables it unseals nothing; what the sandbox's window shows belongs to invented people.
"""

import json
import threading
from datetime import datetime
from itertools import groupby
from typing import Any

from fenqi.finance.money import Money

from merchant_server.domain.errors import NotFound, RuleRefused, Unavailable
from merchant_server.domain.ledger import Posting
from merchant_server.domain.merchant import SCOPES, Caller
from merchant_server.ports import BankBooking, ProviderRefused, ProviderUnavailable, SandboxWindow, UnitOfWork
from merchant_server.services.deps import Deps
from merchant_server.services.operation.desk_sights import (
    Books,
    EntryRow,
    EventRow,
    House,
    LoanStrip,
    Push,
    Sandbox,
    SetAside,
    ShopClock,
)
from merchant_server.services.operation.test_clock import advance_clock, read_clock

CLOCKS_MAX = 3
LOANS_MAX = 6
MANDATES_MAX = 4
RUNS_MAX = 3
ORDERS_MAX = 4
MESSAGES_MAX = 4
BOOKINGS_MAX = 6
EVENTS_MAX = 16
ENTRIES_MAX = 4
SET_ASIDE_MAX = 6
# The checker reads everything, so it rests for this many times as long as it took.
REST_FACTOR = 20


class BooksReader:
    """Reads the books, not more often than their size allows; threads may share one."""

    def __init__(self, deps: Deps) -> None:
        self._deps, self._lock = deps, threading.Lock()
        self._books: Books | None = None
        self._rests_until = deps.clock.now()

    def read(self) -> Books:
        """Return the books as they are, or as they were a moment ago when they are long."""
        clock = self._deps.clock
        with self._lock:
            began_at = clock.now()
            if self._books is None or began_at >= self._rests_until:
                with self._deps.storage.reading() as uow:
                    self._books = Books(tuple(uow.ledger.balances_by_kind()), tuple(uow.breaches()), began_at)
                self._rests_until = clock.now() + REST_FACTOR * (clock.now() - began_at)
            return self._books


def look_at_house(deps: Deps) -> House:
    """Read what the house did last."""
    with deps.storage.reading() as uow:
        merchants = uow.merchants.all()[:CLOCKS_MAX]
        return House(
            clocks=tuple(ShopClock(each, read_clock(uow, deps, _visitor(each.id))) for each in merchants),
            loans=tuple(
                LoanStrip(loan, tuple(uow.loans.installments(loan.id)), tuple(uow.refunds.of_loan(loan.id)))
                for loan in uow.loans.latest(LOANS_MAX)
            ),
            mandates=tuple(uow.mandates.latest(MANDATES_MAX)),
            runs=tuple(uow.batches.latest(RUNS_MAX)),
            orders=tuple(uow.payment_orders.latest(ORDERS_MAX)),
            events=_events(uow),
            entries=_entries(uow),
            set_aside=_set_aside(uow),
        )


def look_at_sandbox(window: SandboxWindow) -> Sandbox | None:
    """Read what the sandbox did last, or return None when it does not answer."""
    try:
        bookings, callbacks = window.bookings(BOOKINGS_MAX)
        return Sandbox(window.inbox(MESSAGES_MAX), bookings, callbacks, window.dials(), window.magic())
    except (ProviderUnavailable, ProviderRefused):
        return None


def account_labels(deps: Deps, bookings: tuple[BankBooking, ...]) -> dict[str, str]:
    """Return the masked account of each booking's mandate that is ours."""
    with deps.storage.reading() as uow:
        mandates = [
            uow.mandates.get(reference) for reference in {each.mandate_reference for each in bookings}
        ]
    return {mandate.id: mandate.account_label for mandate in mandates if mandate is not None}


def turn_clock(deps: Deps, merchant_id: str, *, months: int = 0, days: int = 0) -> None:
    """Move a merchant's business time forwards; the worker then does what falls due. Raises NotFound."""
    with deps.storage.unit_of_work() as uow:
        if uow.merchants.get(merchant_id) is None:
            raise NotFound("there is no such merchant")
        advance_clock(uow, deps, _visitor(merchant_id), months=months, days=days)


def turn_dials(window: SandboxWindow, changes: dict[str, int | bool]) -> None:
    """Turn faults on or off at the bank. Raises RuleRefused for a value it does not take, Unavailable."""
    try:
        window.turn(changes)
    except ProviderRefused as refused:
        raise RuleRefused("the sandbox does not take that", code=refused.code) from refused
    except ProviderUnavailable as silent:
        raise _silent() from silent


def resend_callback(window: SandboxWindow, event_id: str) -> None:
    """Let the bank replay a callback. Raises NotFound, Unavailable."""
    try:
        window.resend(event_id)
    except ProviderRefused as refused:
        raise NotFound("the bank has no such callback") from refused
    except ProviderUnavailable as silent:
        raise _silent() from silent


def _silent() -> Unavailable:
    return Unavailable("the sandbox does not answer", hint="start it again", retry_after_seconds=5)


def _visitor(merchant_id: str) -> Caller:
    return Caller(merchant_id, "test", "desk", SCOPES)


def _events(uow: UnitOfWork) -> tuple[EventRow, ...]:
    rows = groupby(uow.events.latest(EVENTS_MAX), key=lambda row: row["id"])
    return tuple(_event(list(same)) for _id, same in rows)


def _event(rows: list[dict[str, Any]]) -> EventRow:
    first = rows[0]
    return EventRow(
        id=first["id"],
        type=first["type"],
        aggregate_id=first["aggregate_id"],
        sequence=first["sequence"],
        created_at=_moment(first["created_at"]),
        pushes=tuple(_push(row) for row in rows if row["delivery_status"]),
    )


def _push(row: dict[str, Any]) -> Push:
    reason, status = row["last_reason"], row["last_status"] or 0
    return Push(row["delivery_status"], row["attempts"], status, reason, _moment(row["due_at"]))


def _entries(uow: UnitOfWork) -> tuple[EntryRow, ...]:
    rows = groupby(
        uow.ledger.latest(ENTRIES_MAX), key=lambda row: (row["kind"], row["source_id"], row["occurred_on"])
    )
    return tuple(
        EntryRow(
            *fact,
            tuple(
                Posting(row["source"], row["target"], Money(row["amount_minor"], row["currency"]))
                for row in same
            ),
        )
        for fact, same in rows
    )


def _set_aside(uow: UnitOfWork) -> tuple[SetAside, ...]:
    return tuple(_aside(row) for row in uow.audit.latest("callback.", SET_ASIDE_MAX))


def _aside(row: dict[str, Any]) -> SetAside:
    facts = json.loads(row["detail"])
    what = facts.get("difference") or facts.get("reason") or ""
    return SetAside(_moment(row["at"]), row["action"].partition(".")[2], row["subject"], what)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
