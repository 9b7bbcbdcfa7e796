"""Keys rotate with overlap: evidence of before verifies after, evidence of after needs the new root."""

import json
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from fenqi.evidence.bundle import unpack
from fenqi.evidence.verify import verify_bundle

from merchant_server.providers.agreement import AuditHeadKey, Authority, AuthorityUnusable, PadesSigner
from merchant_server.providers.agreement.authority import KEYS_FILE, ROOT_FILE, keys_text, timestamp_key
from merchant_server.providers.agreement.certificates import self_signed
from merchant_server.providers.agreement.rotation import rotate_heads, rotate_root, rotate_timestamps
from merchant_server.services.sale.evidence import evidence_bundle
from merchant_server.storage.opening import open_engine
from tests.evidence.conftest import sell_watched
from tests.installation import START, Installation, build


@pytest.fixture
def house(migrated_sqlite: Path, tmp_path: Path) -> Installation:
    """An installation with an authority of its own, since these tests change it."""
    path = tmp_path / "fenqi.sqlite"
    shutil.copyfile(migrated_sqlite, path)
    return build(open_engine(f"sqlite:///{path}"), tmp_path / "authority")


def reopen(house: Installation, folder: Path) -> None:
    """Start anew with the keys that lie in the folder, as a restart does."""
    from dataclasses import replace

    authority = Authority.open(folder)
    house.deps = replace(
        house.deps, signer=PadesSigner(authority), heads=AuditHeadKey.open(folder, authority)
    )


@pytest.mark.parametrize("kind", ["ca", "timestamps", "heads", "outside ca"])
def test_evidence_of_before_and_after_verifies_against_what_is_published(
    house: Installation, tmp_path: Path, kind: str
) -> None:
    folder = tmp_path / "authority"
    old_root = (folder / ROOT_FILE).read_bytes()
    first = sell_watched(house)
    before = evidence_bundle(house.deps, first)
    unproven = sell_watched(house, reference="order-2")
    if kind == "ca":
        rotate_root(folder, house.clock.now())
    elif kind == "timestamps":
        rotate_timestamps(folder)
    elif kind == "heads":
        rotate_heads(folder)
    else:
        own = tmp_path / "own.pem"
        root = self_signed(START - timedelta(days=9), START + timedelta(days=900))
        own.write_bytes(keys_text(root, timestamp_key(root), ()))
        rotate_root(folder, house.clock.now(), own)
    reopen(house, folder)
    last = sell_watched(house, reference="order-3")
    roots = (folder / ROOT_FILE).read_bytes()
    assert evidence_bundle(house.deps, first) == before
    for bundle in (before, *(evidence_bundle(house.deps, each) for each in (unproven, last))):
        assert verify_bundle(bundle, roots).verified
    assert verify_bundle(before, old_root).verified
    new = verify_bundle(evidence_bundle(house.deps, last), old_root)
    assert new.verified is (kind in ("timestamps", "heads"))
    named = json.loads(unpack(evidence_bundle(house.deps, last))["bundle.json"])["root_sha256"]
    assert named == Authority.open(folder).key_id
    assert house.breaches() == []


def test_a_retired_root_has_no_key_left_and_others_stay_in_order(tmp_path: Path) -> None:
    first = Authority.open(tmp_path)
    second = rotate_root(tmp_path, START)
    third = rotate_root(tmp_path, START)
    assert [each.key_id for each in (third, second, first)] == [
        Authority.open(tmp_path).key_id, second.key_id, first.key_id
    ]  # fmt: skip
    assert third.roots == (third.root_certificate, second.root_certificate, first.root_certificate)
    assert (tmp_path / KEYS_FILE).read_bytes().count(b"PRIVATE KEY") == 4
    assert (tmp_path / KEYS_FILE).stat().st_mode & 0o777 == 0o600
    rotate_timestamps(tmp_path)
    assert Authority.open(tmp_path).roots == third.roots


def test_what_is_no_authority_is_not_taken(tmp_path: Path) -> None:
    authority = Authority.open(tmp_path)
    whole = (tmp_path / KEYS_FILE).read_bytes()
    leaf = tmp_path / "leaf.pem"
    leaf.write_bytes(whole[whole.index(b"-----BEGIN PRIVATE", 30) :])
    again, over = tmp_path / "again.pem", tmp_path / "over.pem"
    again.write_bytes(whole)
    past = self_signed(START - timedelta(days=9), START - timedelta(days=1))
    over.write_bytes(keys_text(past, timestamp_key(past), ()))
    empty = tmp_path / "empty.pem"
    empty.write_bytes(b"")
    for path, word in (
        (leaf, "no others"),
        (again, "already"),
        (over, "not valid today"),
        (empty, "no authority"),
    ):
        with pytest.raises(AuthorityUnusable, match=word):
            rotate_root(tmp_path, START, path)
    assert Authority.open(tmp_path).root_pem == authority.root_pem
