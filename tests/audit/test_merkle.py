"""The tree against RFC 6962's vectors, against a plain reading of its definition, and against forged proofs."""

import hashlib
import json
import random
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from fenqi.evidence.merkle import is_consistent, is_included
from fenqi.evidence.merkle import leaf_hash as checked_leaf_hash

from merchant_server.domain.audit import (
    EMPTY_ROOT,
    Growing,
    consistency_path,
    inclusion_path,
    leaf_hash,
    over,
    root,
)

VECTORS = Path(__file__).resolve().parents[3] / "shared/vectors/standards/rfc6962_merkle.json"
# RFC 6962's test data as certificate-transparency publishes it; the roots are those of its reference logs.
LEAVES = [
    bytes.fromhex(each)
    for each in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = (
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)


@cache
def vectors() -> dict[str, Any]:
    """The published file when it is there; the figures above are quoted from it, so nothing is skipped."""
    if not VECTORS.exists():
        return {}
    found: dict[str, Any] = json.loads(VECTORS.read_text())
    return found


def plain_root(leaves: list[bytes]) -> bytes:
    """MTH of RFC 6962 §2.1, read word for word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    left = 1
    while left * 2 < len(leaves):
        left *= 2
    return hashlib.sha256(b"\x01" + plain_root(leaves[:left]) + plain_root(leaves[left:])).digest()


def hashes(count: int) -> list[bytes]:
    return [leaf_hash(number.to_bytes(4)) for number in range(count)]


@pytest.mark.parametrize("size", range(9))
def test_roots_are_the_published_ones(size: int) -> None:
    leaves = [leaf_hash(data) for data in LEAVES]
    growing = Growing()
    for leaf in leaves[:size]:
        growing.add(leaf)
    assert root(size, over(leaves)).hex() == growing.root().hex() == ROOTS[size]
    assert [checked_leaf_hash(data) for data in LEAVES] == leaves


def test_every_published_inclusion_probe_gets_its_verdict() -> None:
    for wanted in ("accept", "reject"):
        for probe in vectors().get(f"inclusion_{wanted}", ()):
            found = is_included(
                index=probe["leafIdx"], size=probe["treeSize"], leaf=bytes.fromhex(probe["leafHash"] or ""),
                path=[bytes.fromhex(step) for step in probe["proof"] or ()], root=bytes.fromhex(probe["root"] or ""),
            )  # fmt: skip
            assert found is (wanted == "accept"), probe["desc"]


def test_every_published_consistency_probe_gets_its_verdict() -> None:
    for wanted in ("accept", "reject"):
        for probe in vectors().get(f"consistency_{wanted}", ()):
            found = is_consistent(
                old_size=probe["size1"], old_root=bytes.fromhex(probe["root1"] or ""), size=probe["size2"],
                root=bytes.fromhex(probe["root2"] or ""),
                path=[bytes.fromhex(step) for step in probe["proof"] or ()],
            )  # fmt: skip
            assert found is (wanted == "accept"), probe["desc"]


def test_roots_and_proofs_of_every_small_tree_agree_with_the_definition() -> None:
    leaves = hashes(40)
    growing = Growing()
    for size in range(41):
        whole = root(size, over(leaves))
        assert whole == plain_root(leaves[:size]) == growing.root()
        for index in range(size):
            path = inclusion_path(index, size, over(leaves))
            assert is_included(index=index, size=size, leaf=leaves[index], path=path, root=whole)
        for old in range(1, size + 1):
            path = consistency_path(old, size, over(leaves))
            before = plain_root(leaves[:old])
            assert is_consistent(old_size=old, old_root=before, size=size, root=whole, path=path)
        if size < 40:
            growing.add(leaves[size])


def test_a_proof_with_anything_changed_proves_nothing() -> None:
    chance = random.Random(6962)
    leaves = hashes(300)
    for _ in range(1_000):
        size = chance.randrange(2, 301)
        index = chance.randrange(size)
        path, whole = inclusion_path(index, size, over(leaves)), root(size, over(leaves))
        right: dict[str, Any] = {
            "index": index,
            "size": size,
            "leaf": leaves[index],
            "path": path,
            "root": whole,
        }
        other = chance.randrange(len(path))
        flipped = [*path[:other], leaf_hash(path[other]), *path[other + 1 :]]
        for change in (
            {"index": (index + 1 + chance.randrange(size - 1)) % size},
            {"leaf": leaf_hash(b"another")},
            {"root": leaf_hash(b"another")},
            {"path": flipped},
            {"path": path[:-1]},
            {"path": [*path, path[0]]},
        ):
            assert not is_included(**right | change), (size, index, change)


def test_a_rewritten_past_is_not_consistent() -> None:
    leaves = hashes(70)
    for old in range(1, 70):
        path, whole = consistency_path(old, 70, over(leaves)), root(70, over(leaves))
        rewritten = [leaf_hash(b"another"), *leaves[1:old]]
        assert not is_consistent(old_size=old, old_root=plain_root(rewritten), size=70, root=whole, path=path)
        assert not is_consistent(
            old_size=old, old_root=plain_root(leaves[:old]), size=70, root=whole, path=[*path, path[0]]
        )


def test_an_empty_log_has_the_hash_of_nothing() -> None:
    assert root(0, over([])) == EMPTY_ROOT == Growing().root()
    assert is_consistent(old_size=0, old_root=EMPTY_ROOT, size=5, root=plain_root(hashes(5)), path=[])
    assert not is_included(index=0, size=0, leaf=EMPTY_ROOT, path=[], root=EMPTY_ROOT)
