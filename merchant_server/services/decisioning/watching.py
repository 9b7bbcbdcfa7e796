"""The block list, kept by risk officers, and the end of what the fraud rules remember."""

from datetime import timedelta
from typing import Any

from merchant_server.domain.errors import NotFound, RuleRefused
from merchant_server.services.deps import Deps

KINDS = ("person", "phone", "device", "address")
REMEMBERED_DAYS = 90


def block(deps: Deps, kind: str, key: str, *, reason: str, by: str) -> str:
    """Put a person (id number), phone (E.164), device or address prefix on the block list; return the block's id.

    Only a keyed hash is kept. Raises RuleRefused.
    """
    if kind not in KINDS or not key.strip() or not reason.strip():
        raise RuleRefused(
            "say what to block and why", code="block_invalid", hint=f"a kind is one of {', '.join(KINDS)}"
        )
    with deps.storage.unit_of_work() as uow:
        if uow.watch.blocks({kind: key.strip()}):
            raise RuleRefused("this is on the block list already", code="block_known")
        block_id, now = deps.ids.new("blk"), deps.clock.now()
        uow.watch.block(block_id, kind, key.strip(), reason=reason.strip(), by=by, at=now)
        uow.audit.add(
            deps.ids.new("aud"), at=now, actor=f"operator {by}", action="block.added", subject=block_id
        )
    return block_id


def lift(deps: Deps, block_id: str, *, by: str) -> None:
    """Take a block away. Raises NotFound."""
    with deps.storage.unit_of_work() as uow:
        now = deps.clock.now()
        if not uow.watch.lift(block_id, by=by, at=now):
            raise NotFound("there is no such live block", block_id=block_id)
        uow.audit.add(
            deps.ids.new("aud"), at=now, actor=f"operator {by}", action="block.lifted", subject=block_id
        )


def block_list(deps: Deps) -> list[dict[str, Any]]:
    """Return every live block; what it blocks is known by its hash only."""
    with deps.storage.reading() as uow:
        return uow.watch.block_list()


def forget_velocity(deps: Deps) -> int:
    """Delete what was counted longer ago than any rule looks back; return how many facts."""
    before = deps.clock.now() - timedelta(days=REMEMBERED_DAYS)
    with deps.storage.reading() as uow:
        if not uow.watch.remembers(before):
            return 0
    with deps.storage.unit_of_work() as uow:
        return uow.watch.forget(before)
