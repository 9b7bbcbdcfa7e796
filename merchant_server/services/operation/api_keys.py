"""API keys: made, found, rolled with an overlap, and ended at once. Only hashes are kept."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from fenqi.wire import VERSIONS

from merchant_server.domain.errors import (
    Forbidden,
    NotFound,
    RuleRefused,
    TransitionConflict,
    Unauthenticated,
    Unavailable,
)
from merchant_server.domain.merchant import KEY_PREFIXES, KIND_SCOPES, SCOPES, ApiKey, Caller, key_hash
from merchant_server.ports import UnitOfWork
from merchant_server.services.deps import Deps
from merchant_server.services.operation.places import find_till

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key at birth: the only moment its secret is known."""

    key: ApiKey
    secret: str


def create_key(
    deps: Deps,
    merchant_id: str,
    mode: str = "test",
    scopes: tuple[str, ...] = SCOPES,
    *,
    kind: str = "secret",
    name: str = "",
    till_id: str | None = None,
    actor: str = "operator",
) -> NewKey:
    """Make a key; only its hash is kept. Raises RuleRefused for live keys while providers are sandboxes."""
    with deps.storage.unit_of_work() as uow:
        return add_key(
            uow, deps, merchant_id, mode, scopes, kind=kind, name=name, till_id=till_id, actor=actor
        )


def add_key(
    uow: UnitOfWork,
    deps: Deps,
    merchant_id: str,
    mode: str,
    scopes: tuple[str, ...],
    *,
    kind: str,
    name: str,
    till_id: str | None,
    actor: str,
) -> NewKey:
    """Make a key in a transaction that is open. Raises RuleRefused as `create_key` does, and for an unknown till."""
    if mode != "test":
        raise RuleRefused(
            "this installation has sandbox providers only, so it has no live mode",
            code="live_unavailable",
            hint="configure real providers before making live keys",
        )
    if (kind == "till") != (till_id is not None):
        raise RuleRefused(
            "a till's key needs its till, and no other key has one",
            code="till_unknown",
            field="till_id",
            hint="GET /v1/tills lists your tills",
        )
    if till_id is not None:
        find_till(uow, merchant_id, till_id)
    secret = KEY_PREFIXES[kind, mode] + deps.ids.token(32)
    key = ApiKey(
        id=deps.ids.new("key"),
        merchant_id=merchant_id,
        mode=mode,
        scopes=scopes if kind == "secret" else KIND_SCOPES[kind],
        hint=secret[-4:],
        created_at=deps.clock.now(),
        kind=kind,
        name=name,
        version=VERSIONS[-1],
        till_id=till_id,
    )
    uow.merchants.add_key(key, key_hash(secret))
    _audit(uow, deps, actor, "key.created", key)
    return NewKey(key, secret)


def authenticate(deps: Deps, secret: str) -> Caller:
    """Return who holds this key, and note the use now and then.

    Raises Unauthenticated (key_invalid, key_revoked, key_expired), Forbidden for a live key over plain http.
    """
    now = deps.clock.now()
    with deps.storage.reading() as uow:
        key = uow.merchants.key_by_hash(key_hash(secret))
    if key is None:
        raise Unauthenticated(
            "this key is not known here",
            code="key_invalid",
            hint="check the key, and that it is of this installation",
        )
    status = key.status(now)
    if status == "revoked":
        raise Unauthenticated(
            f"the key that ends in {key.hint} was revoked", code="key_revoked", hint="use its successor"
        )
    if status == "expired":
        raise Unauthenticated(
            f"the key that ends in {key.hint} has a successor and its overlap is over",
            code="key_expired",
            hint="use its successor",
        )
    if key.mode == "live" and not deps.public_url.startswith("https://"):
        raise Forbidden(
            "live keys are taken over https only",
            code="live_needs_https",
            hint="set FENQI_PUBLIC_URL to the https address that phones open",
        )
    if key.use_is_stale(now):
        _note_use(deps, key, now)
    return Caller(key.merchant_id, key.mode, key.id, key.scopes, key.version, key.till_id)


def _note_use(deps: Deps, key: ApiKey, now: datetime) -> None:
    try:
        with deps.storage.unit_of_work() as uow:
            uow.merchants.key_used(key.id, now)
    except (Unavailable, TransitionConflict):
        # Nobody is turned away because a note could not be made; the next request tries again.
        log.warning("the use of key %s could not be noted", key.id)


def find_key(uow: UnitOfWork, caller: Caller, key_id: str) -> ApiKey:
    """Return the caller's key, or raise NotFound; another merchant's or mode's is not found either."""
    key = uow.merchants.key(key_id)
    if key is None or (key.merchant_id, key.mode) != (caller.merchant_id, caller.mode):
        raise NotFound("there is no such key", hint="GET /v1/keys lists your keys")
    return key


def roll_key(uow: UnitOfWork, deps: Deps, key: ApiKey, overlap_seconds: int, actor: str) -> NewKey:
    """Make a successor with the same rights; the key itself lives on for `overlap_seconds`.

    Raises TransitionConflict when the key has a successor or has ended.
    """
    ends_at = deps.clock.now() + timedelta(seconds=overlap_seconds)
    if not uow.merchants.end_key(key.id, ends_at):
        raise TransitionConflict(
            f"the key that ends in {key.hint} has a successor or has ended",
            code="key_not_live",
            hint="roll its successor, or make another key",
        )
    made = add_key(
        uow,
        deps,
        key.merchant_id,
        key.mode,
        key.scopes,
        kind=key.kind,
        name=key.name,
        till_id=key.till_id,
        actor=actor,
    )
    _audit(uow, deps, actor, "key.rolled", key)
    return made


def revoke_key(deps: Deps, key_id: str) -> None:
    """End a key on every process, within half a second. Raises NotFound."""
    with deps.storage.unit_of_work() as uow:
        end_key_now(uow, deps, key_id, "operator")


def end_key_now(uow: UnitOfWork, deps: Deps, key_id: str, actor: str) -> None:
    """End a key in a transaction that is open. Raises NotFound."""
    key = uow.merchants.key(key_id)
    if key is None or not uow.merchants.revoke_key(key_id, deps.clock.now()):
        raise NotFound("there is no such live key", key_id=key_id)
    _audit(uow, deps, actor, "key.revoked", key)


def _audit(uow: UnitOfWork, deps: Deps, actor: str, action: str, key: ApiKey) -> None:
    uow.audit.add(
        deps.ids.new("aud"),
        at=deps.clock.now(),
        actor=actor,
        action=action,
        subject=key.id,
        merchant_id=key.merchant_id,
    )
