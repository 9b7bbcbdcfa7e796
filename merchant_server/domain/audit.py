"""The audit log as a Merkle tree: what a leaf binds, roots and proofs (RFC 6962 §2.1). Knows no table and no key.

Subtrees are asked for by level and index, so that a root needs no list of all leaves.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from merchant_server.domain.errors import RuleRefused

NO_PREVIOUS = "0" * 64
EMPTY_ROOT = hashlib.sha256(b"").digest()
HEAD_LABEL = b"fenqi audit head 1\n"
_MARKED = ("id", "at", "actor", "action", "subject", "merchant_id", "detail")

# (level, index) to the hash of the full subtree over the 2**level leaves that begin at index * 2**level.
Subtree = Callable[[int, int], bytes]


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One act as stored, with its place in the log. `previous` is the leaf hash before it, NO_PREVIOUS at first.

    `detail` is canonical JSON text, committed to by `salt`, so that it may be withheld from who checks the leaf.
    """

    sequence: int
    id: str
    previous: str
    at: str
    actor: str
    action: str
    subject: str
    merchant_id: str | None
    detail: str
    salt: str

    def leaf_hash(self) -> str:
        """Return the hash that stands for this act in the tree, in hex."""
        return leaf_hash(canonical(self.leaf())).hex()

    def leaf(self) -> dict[str, Any]:
        """Return what the leaf binds."""
        plain = ("sequence", "id", "previous", "at", "actor", "action", "subject", "merchant_id")
        values = {name: getattr(self, name) for name in plain}
        return values | {"commitment": commitment(self.salt, self.detail)}


@dataclass(frozen=True, slots=True)
class WaitingAct:
    """An act that has no place yet. `is_there` and `mark_holds` say whether it is the row that was written."""

    id: str
    at: str
    is_there: bool
    mark_holds: bool


@dataclass(frozen=True, slots=True)
class Alarm:
    """The log is known to be altered: since when, when that was last looked at, and how it shows."""

    found_at: datetime
    tried_at: datetime
    detail: str


@dataclass(frozen=True, slots=True)
class TreeHead:
    """A signed statement: at `at` the log had `size` acts with this root. Hashes and signature are hex."""

    size: int
    root_hash: str
    at: datetime
    signature: str
    certificate_pem: str

    def to_dict(self) -> dict[str, Any]:
        """Return the head as it is published."""
        return {
            "size": self.size,
            "root_hash": self.root_hash,
            "at": instant(self.at),
            "signature": self.signature,
            "certificate": self.certificate_pem,
        }


def head_message(size: int, root_hash: str, at: datetime) -> bytes:
    """Return the bytes that a head's signature is over."""
    return HEAD_LABEL + canonical({"at": instant(at), "root_hash": root_hash, "size": size})


def mark_message(row: Mapping[str, Any]) -> bytes:
    """Return the bytes that an act's mark is over, from the moment that it is written."""
    return canonical({name: row[name] for name in _MARKED})


def counter_message(size: int, last_hash: str, unmarked: int) -> bytes:
    """Return the bytes that the mark of the log's counter is over."""
    return canonical({"last_hash": last_hash, "size": size, "unmarked": unmarked})


def altered(detail: str, sequence: int | None) -> RuleRefused:
    """Return the refusal to go on over a log that is not what was written."""
    return RuleRefused(
        f"the audit log was altered: {detail}",
        code="audit_altered",
        hint="run fenqi-server audit verify, keep the database as it is, and call for help",
        sequence=sequence,
    )


def commitment(salt: str, text: str) -> str:
    """Return a hash that binds `text` and says nothing of it without the salt (128 random bits, hex)."""
    return hashlib.sha256(f"{salt}\n{text}".encode()).hexdigest()


def canonical(value: Mapping[str, Any]) -> bytes:
    """Return one byte form of JSON with ASCII names and no fractions (RFC 8785 agrees on these)."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def instant(moment: datetime) -> str:
    """Return a time as the log writes it: UTC, microseconds, fixed width."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of a leaf."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash over two subtrees."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def full_subtree(hashes: Sequence[bytes]) -> bytes:
    """Return the hash over 2**n leaves or subtrees of one level."""
    level = list(hashes)
    while len(level) > 1:
        level = [node_hash(level[at], level[at + 1]) for at in range(0, len(level), 2)]
    return level[0]


def over(leaves: Sequence[bytes]) -> Subtree:
    """Return the subtrees of a log that is in memory."""
    return lambda level, index: full_subtree(leaves[index << level : (index + 1) << level])


def root(size: int, subtree: Subtree) -> bytes:
    """Return the root over the first `size` leaves."""
    return _range(0, size, subtree) if size else EMPTY_ROOT


def inclusion_path(index: int, size: int, subtree: Subtree) -> list[bytes]:
    """Return the proof that leaf `index` (from 0) is in the tree of `size` leaves, leaf's neighbour first."""
    path: list[bytes] = []
    start = 0
    while size > 1:
        left = _left(size)
        if index < left:
            path.append(_range(start + left, size - left, subtree))
            size = left
        else:
            path.append(_range(start, left, subtree))
            start, index, size = start + left, index - left, size - left
    return path[::-1]


def consistency_path(old: int, size: int, subtree: Subtree) -> list[bytes]:
    """Return the proof that the tree of `size` leaves begins with the tree of `old` leaves (1 <= old <= size)."""
    path: list[bytes] = []
    start, known = 0, True
    while old != size:
        left = _left(size)
        if old <= left:
            path.append(_range(start + left, size - left, subtree))
            size = left
        else:
            path.append(_range(start, left, subtree))
            start, old, size, known = start + left, old - left, size - left, False
    if not known:
        path.append(_range(start, size, subtree))
    return path[::-1]


class Growing:
    """A tree that leaves are added to one by one; keeps one hash a level (for reading a long log once)."""

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[bytes] = []

    def add(self, leaf: bytes) -> None:
        """Add the next leaf's hash."""
        self.size += 1
        peak, carry = leaf, self.size
        while not carry & 1:
            peak, carry = node_hash(self._peaks.pop(), peak), carry >> 1
        self._peaks.append(peak)

    def root(self) -> bytes:
        """Return the root over what was added."""
        if not self._peaks:
            return EMPTY_ROOT
        whole = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            whole = node_hash(peak, whole)
        return whole


def _left(size: int) -> int:
    """Return the largest power of two below `size`."""
    return 1 << (size - 1).bit_length() - 1


def _range(start: int, size: int, subtree: Subtree) -> bytes:
    if size & (size - 1) == 0:
        level = size.bit_length() - 1
        return subtree(level, start >> level)
    left = _left(size)
    return node_hash(_range(start, left, subtree), _range(start + left, size - left, subtree))
