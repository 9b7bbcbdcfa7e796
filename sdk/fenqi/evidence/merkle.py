"""Checks proofs of an append-only log (RFC 9162 §2.1.3.2 and §2.1.4.2). Makes none, and shares no code with the log."""

import hashlib
from collections.abc import Sequence


def leaf_hash(data: bytes) -> bytes:
    """Return the hash that stands for a leaf's bytes."""
    return hashlib.sha256(b"\x00" + data).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def is_included(*, index: int, size: int, leaf: bytes, path: Sequence[bytes], root: bytes) -> bool:
    """Say whether the leaf with this hash stands at `index` (from 0) of the tree of `size` leaves."""
    if not 0 <= index < size:
        return False
    place, last, whole = index, size - 1, leaf
    for step in path:
        if last == 0:
            return False
        if place & 1 or place == last:
            whole = _node(step, whole)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            whole = _node(whole, step)
        place, last = place >> 1, last >> 1
    return last == 0 and whole == root


def is_consistent(*, old_size: int, old_root: bytes, size: int, root: bytes, path: Sequence[bytes]) -> bool:
    """Say whether the tree of `size` leaves begins with the whole tree of `old_size` leaves."""
    if not 0 <= old_size <= size:
        return False
    if old_size == size:
        return not path and old_root == root
    if old_size == 0:
        return not path and old_root == hashlib.sha256(b"").digest()
    steps = list(path) if old_size & (old_size - 1) else [old_root, *path]
    if not steps:
        return False
    place, last = old_size - 1, size - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    before = after = steps[0]
    for step in steps[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            before, after = _node(step, before), _node(step, after)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            after = _node(after, step)
        place, last = place >> 1, last >> 1
    return last == 0 and before == old_root and after == root
