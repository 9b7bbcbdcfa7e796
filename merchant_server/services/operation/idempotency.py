"""One effect a key: the answer is kept in the transaction of the effect, and replayed byte for byte (law 5)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import msgspec

from merchant_server.domain.errors import RaceLost, RuleRefused, TransitionConflict
from merchant_server.domain.merchant import Caller
from merchant_server.ports import StoredReply, UnitOfWork
from merchant_server.services.deps import Deps

KEPT_DAYS = 30
FORGET_BATCH = 500
# A deadlock or a serialization failure is no answer: the whole is run again, which is soon over.
RACE_TRIES = 4
RACE_PAUSE_SECONDS = 0.01


@dataclass(frozen=True, slots=True)
class Once:
    """A caller's key, and the hash of what they asked for under it. Where money moves the answer is kept for ever."""

    key: str
    fingerprint: str
    moves_money: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer ready to be sent."""

    status: int
    body: bytes
    replayed: bool = False


def json_bytes(resource: dict[str, Any]) -> bytes:
    """Return a resource as the bytes that are sent, kept and replayed."""
    return msgspec.json.encode(resource)


def run_once(
    deps: Deps, caller: Caller, once: Once, status: int, action: Callable[[UnitOfWork], dict[str, Any] | None]
) -> Reply:
    """Run `action` in one unit of work under a key, or replay what it answered before.

    A refusal rolls back, key included, so that the corrected request may use the same key. When another transaction
    won a race, the whole is run again; so `action` has no effect outside the unit of work.
    Raises RuleRefused (idempotency_mismatch) for another body, TransitionConflict (idempotency_in_progress) while a
    first request runs.
    """
    for attempt in range(1, RACE_TRIES):
        try:
            return _run(deps, caller, once, status, action)
        except RaceLost:
            deps.clock.sleep(RACE_PAUSE_SECONDS * 2**attempt)
    return _run(deps, caller, once, status, action)


def _run(
    deps: Deps, caller: Caller, once: Once, status: int, action: Callable[[UnitOfWork], dict[str, Any] | None]
) -> Reply:
    now = deps.clock.now()
    until = None if once.moves_money else now + timedelta(days=KEPT_DAYS)

    def answer(uow: UnitOfWork) -> Reply:
        uow.idempotency.foresee()
        uow.merchants.foresee(caller.merchant_id, plans_of=caller.mode)
        uow.events.foresee(caller.merchant_id, caller.mode)
        if not uow.idempotency.claim(caller.merchant_id, caller.mode, once.key, once.fingerprint, now, until):
            return _replay(uow.idempotency.get(caller.merchant_id, caller.mode, once.key), once)
        resource = action(uow)
        body = b"" if resource is None else json_bytes(resource)
        uow.idempotency.answer(caller.merchant_id, caller.mode, once.key, status, body)
        return Reply(status, body)

    return deps.storage.run(answer)


def forget_answers(deps: Deps) -> int:
    """Forget answers whose time is over, some at a time; return how many."""
    with deps.storage.unit_of_work() as uow:
        return uow.idempotency.forget(deps.clock.now(), FORGET_BATCH)


def _replay(stored: StoredReply | None, once: Once) -> Reply:
    if stored is None or stored.status is None or stored.body is None:
        raise TransitionConflict(
            "the first request with this key is still running",
            code="idempotency_in_progress",
            hint="wait a second, then send the same request with the same key",
        )
    if stored.fingerprint != once.fingerprint:
        raise RuleRefused(
            "this key was used for another request",
            code="idempotency_mismatch",
            hint="use a new key for a new request; the same key only repeats the same body",
        )
    return Reply(stored.status, stored.body, replayed=True)
