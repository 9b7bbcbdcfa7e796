"""The audit log as its operator handles it: heads signed, the whole log verified, and exported for keeping elsewhere.

A head that lies outside the installation is what makes a cut or rewritten log show, whoever did it.
"""

import hashlib
import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from fenqi.errors import JsonRefused
from fenqi.wire.strict_json import strict_json

from merchant_server.domain.audit import (
    NO_PREVIOUS,
    AuditRow,
    Growing,
    TreeHead,
    WaitingAct,
    altered,
    canonical,
    consistency_path,
    head_message,
    root,
)
from merchant_server.domain.errors import RuleRefused
from merchant_server.ports import StoredLeaf, UnitOfWork
from merchant_server.services.deps import Deps

log = logging.getLogger(__name__)
HEAD_EVERY = timedelta(days=1)
PAGE = 1_000
# Few enough that a batch is a short transaction, many enough that its one flush is shared.
BATCH = 500
WAITING_LOOKED_AT = 100_000
UNCHAINED_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with the log: what kind, at which place (None when it has none), and the facts."""

    kind: str
    sequence: int | None
    detail: str


@dataclass(frozen=True, slots=True)
class Verified:
    """What reading the whole log found. `size` and `root_hash` are what was read, not what a head claims.

    `waiting` acts are written and have no place yet.
    """

    size: int
    root_hash: str
    heads: int
    waiting: int
    findings: tuple[Finding, ...]

    @property
    def intact(self) -> bool:
        """Say whether nothing is wrong."""
        return not self.findings


def place_acts(deps: Deps) -> int:
    """Give every act that waits its place in the log, in the order of arrival; return how many that was.

    Any number of workers and commands may do so at once. Raises RuleRefused (audit_altered).
    """
    placed = 0
    while True:
        with deps.storage.reading() as uow:
            if not uow.audit.waiting(1):
                return placed
        with deps.storage.unit_of_work() as uow:
            count = uow.audit.place(BATCH)
        placed += count
        if count < BATCH:
            return placed


def sign_head(deps: Deps) -> TreeHead | None:
    """Sign and store a head over everything that is committed; None while the log is empty.

    What is new since the last head is read and checked first, so that no head vouches for altered acts.
    Raises RuleRefused (audit_altered).
    """
    place_acts(deps)
    with deps.storage.reading() as uow:
        last, size, alarm = uow.audit.newest_head(), uow.audit.size(), uow.audit.alarm()
        if size == 0 or (last is not None and last.size == size and alarm is None):
            return last
        after = last.size if last else 0
        broken = next(_broken_leaves(uow, after), None)
        if last is not None and root(last.size, uow.audit.subtree).hex() != last.root_hash:
            broken = Finding("head", last.size, "the log no longer begins as the last head says")
        root_hash = root(size, uow.audit.subtree).hex()
    if broken:
        raise altered(broken.detail, broken.sequence)
    at = deps.clock.now()
    signature = deps.heads.sign(head_message(size, root_hash, at)).hex()
    head = TreeHead(size, root_hash, at, signature, deps.heads.certificate_pem)
    with deps.storage.unit_of_work() as uow:
        uow.audit.add_head(head)
        uow.audit.keep_tiles(size)
        if alarm is not None:
            uow.audit.end_alarm()
    return head


def tend_log(deps: Deps) -> int:
    """Give places to what waits, and sign a head when the last one is a day old; return how much was done.

    A log that was altered is told once and looked at again once a day; what can be placed is placed meanwhile.
    """
    done = 0
    with deps.storage.reading() as uow:
        alarm, stuck = uow.audit.alarm(), not uow.audit.counter_holds()
    try:
        if alarm is None or not stuck:
            done = place_acts(deps)
        with deps.storage.reading() as uow:
            last, size = uow.audit.newest_head(), uow.audit.size()
        before = alarm.tried_at if alarm else last.at if last else None
        new = alarm is not None or last is None or size > last.size
        if size and new and (before is None or deps.clock.now() - before >= HEAD_EVERY):
            done += sign_head(deps) is not None
    except RuleRefused as found:
        if found.code != "audit_altered":
            raise
        with deps.storage.unit_of_work() as uow:
            news = uow.audit.raise_alarm(str(found), deps.clock.now())
        if news:
            log.critical("%s; sales go on, no head is signed; %s", found, found.hint)
    return done


def read_head(line: bytes) -> TreeHead:
    """Read a head from the first line of an export, or from a head by itself. Raises RuleRefused (head_malformed).

    Whether its signature holds is for `verify_log` to say.
    """
    try:
        told = strict_json(line)
        told = told.get("head", told)
        at = datetime.strptime(told["at"], "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
        head = TreeHead(told["size"], told["root_hash"], at, told["signature"], told["certificate"])
        texts = (head.root_hash, head.signature, head.certificate_pem)
        if type(head.size) is not int or head.size < 1 or not all(isinstance(text, str) for text in texts):
            raise ValueError("a member has another type")
    except (JsonRefused, AttributeError, KeyError, TypeError, ValueError) as malformed:
        raise RuleRefused(
            f"this is no exported head: {malformed}",
            code="head_malformed",
            hint="give a file that fenqi-server audit export or audit head wrote",
        ) from malformed
    return head


def verify_log(deps: Deps, exported: Sequence[TreeHead] = ()) -> Verified:
    """Read the whole log in one snapshot and compare it with every head, stored or `exported` earlier.

    Finds acts that were edited, deleted, added aside or moved, and a log that was cut or rewritten below a head.
    What is newer than the newest head can be put back to an earlier state unseen: export heads often.
    """
    with deps.storage.reading() as uow:
        stored = uow.audit.heads()
        findings = list(_forged_heads(deps, (*stored, *exported)))
        awaited: dict[int, set[str]] = {}
        for head in (*stored, *exported):
            awaited.setdefault(head.size, set()).add(head.root_hash)
        growing = Growing()
        for leaf in _pages(uow, 0):
            growing.add(_leaf_bytes(leaf))
            for root_hash in awaited.pop(growing.size, ()):
                if root_hash != growing.root().hex():
                    findings.append(
                        Finding("head", growing.size, "the log does not have the root of a signed head")
                    )
        for size in sorted(awaited):
            findings.append(
                Finding("truncated", size, f"a signed head covers {size} acts; {growing.size} are there")
            )
        findings += _broken_leaves(uow, 0)
        findings += _beside(uow, growing.size)
        waiting = uow.audit.waiting(WAITING_LOOKED_AT)
        findings += _altered_in_wait(waiting)
    return Verified(growing.size, growing.root().hex(), len(stored), len(waiting), tuple(findings))


def export_log(deps: Deps) -> Iterator[str]:
    """Yield the log as JSON lines: a signed head over all of it, then every act in order.

    The head's line carries a proof that the log begins with the log of the head before it. Raises RuleRefused.
    """
    with deps.storage.reading() as uow:
        before = uow.audit.newest_head()
    head = sign_head(deps)
    if head is None:
        return
    with deps.storage.reading() as uow:
        line: dict[str, object] = {"format": "fenqi audit export 1", "head": head.to_dict()}
        if before is not None:
            path = consistency_path(before.size, head.size, uow.audit.subtree)
            line["consistent_with"] = {"head": before.to_dict(), "path": [step.hex() for step in path]}
        yield canonical(line).decode()
        for leaf in _pages(uow, 0):
            if leaf.sequence > head.size:
                return
            assert leaf.row is not None
            yield canonical(_exported(leaf.row) | {"leaf_hash": leaf.leaf_hash}).decode()


def _exported(row: AuditRow) -> dict[str, object]:
    return row.leaf() | {"detail": json.loads(row.detail), "salt": row.salt}


def _pages(uow: UnitOfWork, after: int) -> Iterator[StoredLeaf]:
    while page := uow.audit.leaves(after, PAGE):
        yield from page
        after = page[-1].sequence


def _broken_leaves(uow: UnitOfWork, after: int) -> Iterator[Finding]:
    """Yield what is wrong behind a place: gaps, broken links, and leaves that are not their act's."""
    page = uow.audit.leaves(after - 1, 1) if after else []
    previous = page[0].leaf_hash if page else NO_PREVIOUS
    expected = after + 1
    for leaf in _pages(uow, after):
        if leaf.sequence != expected:
            yield Finding("gap", expected, f"places {expected} to {leaf.sequence - 1} are missing")
        elif leaf.previous_hash != previous:
            yield Finding("link", leaf.sequence, "the place does not follow the one before it")
        if leaf.row is None:
            yield Finding("deleted", leaf.sequence, f"the act {leaf.audit_id} is gone")
        elif _recomputed(leaf.row) != leaf.leaf_hash:
            yield Finding("edited", leaf.sequence, f"the act {leaf.audit_id} is not the one that was logged")
        elif not leaf.mark_holds:
            yield Finding(
                "forged", leaf.sequence, f"the act {leaf.audit_id} was not written so by this installation"
            )
        previous, expected = leaf.leaf_hash, leaf.sequence + 1


def _recomputed(row: AuditRow) -> str:
    try:
        return row.leaf_hash()
    except (TypeError, ValueError):
        return "a column holds what no act can hold"


def _leaf_bytes(leaf: StoredLeaf) -> bytes:
    try:
        return bytes.fromhex(leaf.leaf_hash)
    except (TypeError, ValueError):
        return hashlib.sha256(str(leaf.leaf_hash).encode()).digest()


def _beside(uow: UnitOfWork, read: int) -> Iterator[Finding]:
    """Yield what stands beside the log: acts without a place, and a counter that says or bears something else."""
    for audit_id in uow.audit.unchained(UNCHAINED_SHOWN):
        yield Finding("unlogged", None, f"the act {audit_id} has no place in the log")
    if uow.audit.size() != read:
        yield Finding("truncated", read, f"the counter gave out {uow.audit.size()} places; {read} are there")
    if not uow.audit.counter_holds():
        yield Finding("counter", None, "the log's counter was not left so by this installation")
    newest = uow.audit.leaves(read - 1, 1) if read else []
    if (newest[0].leaf_hash if newest else NO_PREVIOUS) != uow.audit.last_hash():
        yield Finding("truncated", read, "the newest place is not the one that the counter knows")


def _altered_in_wait(waiting: Sequence[WaitingAct]) -> Iterator[Finding]:
    for act in waiting:
        if not act.is_there:
            yield Finding("deleted", None, f"the act {act.id} is gone; it waited for its place")
        elif not act.mark_holds:
            yield Finding(
                "forged", None, f"the act {act.id}, which waits, was not written so by this installation"
            )


def _forged_heads(deps: Deps, heads: Sequence[TreeHead]) -> Iterator[Finding]:
    for head in heads:
        message = head_message(head.size, head.root_hash, head.at)
        try:
            holds = deps.heads.holds(message, bytes.fromhex(head.signature), head.certificate_pem, head.at)
        except (TypeError, ValueError):
            holds = False
        if not holds:
            yield Finding("forged head", head.size, "a head's signature is not this installation's")
