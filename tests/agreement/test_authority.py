"""The installation's certificate authority: made once, kept whole, never shared by accident."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import NameOID

from merchant_server.providers.agreement import Authority, AuthorityUnusable, SigningRefused
from merchant_server.providers.agreement.authority import KEYS_FILE, ROOT_FILE
from merchant_server.providers.agreement.certificates import Certified
from tests.agreement.conftest import SIGNED_AT


def issue(authority: Authority, **changes: object) -> Certified:
    arguments = {"agreement_id": "agr_1", "signer": "王小明", "signed_at": SIGNED_AT} | changes
    return authority.issue(**arguments)  # type: ignore[arg-type]


def public_bytes(certified: Certified) -> bytes:
    return certified.key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def test_an_authority_opened_again_is_the_same_one(tmp_path: Path) -> None:
    first, second = Authority.open(tmp_path / "keys"), Authority.open(tmp_path / "keys")
    assert (first.root_pem, first.key_id) == (second.root_pem, second.key_id)
    assert first.timestamping.certificate == second.timestamping.certificate
    assert (tmp_path / "keys" / ROOT_FILE).read_bytes() == first.root_pem


def test_keys_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    Authority.open(tmp_path / "keys")
    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "keys" / KEYS_FILE).stat().st_mode & 0o777 == 0o600
    assert b"PRIVATE" not in (tmp_path / "keys" / ROOT_FILE).read_bytes()


def test_four_processes_that_start_at_once_end_with_one_root(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from merchant_server.providers.agreement.authority import Authority\n"
        "print('ready', flush=True)\n"
        "for folder in sys.stdin:\n"
        "    print(Authority.open(folder.strip()).key_id, flush=True)\n"
    )
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "bufsize": 1}
    root = Path(__file__).parents[2]
    processes = [subprocess.Popen([sys.executable, "-c", program], cwd=root, **pipes) for _ in range(4)]

    def said() -> set[str]:
        return {process.stdout.readline().strip() for process in processes if process.stdout}

    assert said() == {"ready"}
    for attempt in range(20):
        folder = tmp_path / str(attempt)
        for process in processes:
            assert process.stdin is not None
            process.stdin.write(f"{folder}\n")
        assert said() == {Authority.open(folder).key_id}
        assert {path.name for path in folder.iterdir()} == {KEYS_FILE, ROOT_FILE}
    for process in processes:
        process.communicate()


def test_a_draft_left_by_a_crash_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / f".{KEYS_FILE}.1.abcd").write_bytes(b"-----BEGIN PRIVATE KEY-----\nhalf")
    assert Authority.open(tmp_path).root_pem == Authority.open(tmp_path).root_pem


def test_a_lost_public_root_is_published_again(tmp_path: Path) -> None:
    authority = Authority.open(tmp_path)
    (tmp_path / ROOT_FILE).unlink()
    Authority.open(tmp_path)
    assert (tmp_path / ROOT_FILE).read_bytes() == authority.root_pem


def test_damaged_mixed_or_exposed_keys_are_refused_and_never_replaced(tmp_path: Path) -> None:
    Authority.open(tmp_path / "own")
    Authority.open(tmp_path / "other")
    path = tmp_path / "own" / KEYS_FILE
    whole, other = path.read_bytes(), (tmp_path / "other" / KEYS_FILE).read_bytes()
    marker = b"-----BEGIN PRIVATE KEY-----"
    mixed = marker.join([*whole.split(marker)[:2], other.split(marker)[2]])
    for content in (b"", whole[:300], whole[: len(whole) // 2], whole.replace(b"A", b"B", 5), mixed):
        path.write_bytes(content)
        with pytest.raises(AuthorityUnusable, match="damaged"):
            Authority.open(tmp_path / "own")
        assert path.read_bytes() == content
    path.write_bytes(whole)
    path.chmod(0o644)
    with pytest.raises(AuthorityUnusable, match="chmod 600"):
        Authority.open(tmp_path / "own")
    path.chmod(0o400)
    assert Authority.open(tmp_path / "own")


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(AuthorityUnusable) as refusal:
        Authority.open(tmp_path / "file" / "keys")
    assert refusal.value.path == str(tmp_path / "file" / "keys")


def test_every_agreement_gets_a_key_of_its_own(authority: Authority) -> None:
    issued = [issue(authority, agreement_id=f"agr_{number}") for number in range(20)]
    issued += [issue(authority), issue(authority)]
    assert len({public_bytes(certified) for certified in issued}) == 22
    assert len({certified.certificate.serial_number for certified in issued}) == 22


def test_a_certificate_names_signer_and_agreement_and_can_sign_documents_only(authority: Authority) -> None:
    certificate = issue(authority).certificate
    names = {attribute.oid: attribute.value for attribute in certificate.subject}
    assert names == {NameOID.COMMON_NAME: "王小明", NameOID.USER_ID: "agr_1"}
    certificate.verify_directly_issued_by(authority.root_certificate)
    usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.digital_signature and usage.content_commitment and not usage.key_cert_sign
    purposes = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert [purpose.dotted_string for purpose in purposes] == ["1.3.6.1.5.5.7.3.36"]
    assert not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert certificate.not_valid_before_utc == SIGNED_AT - timedelta(minutes=5)
    assert certificate.not_valid_after_utc == authority.root_certificate.not_valid_after_utc


@pytest.mark.parametrize(
    "changes",
    [
        {"signer": ""}, {"signer": "x" * 65}, {"signed_at": datetime(2024, 12, 31, tzinfo=UTC)},
        {"signed_at": datetime(2056, 1, 1, tzinfo=UTC)}, {"agreement_id": ""},
    ],
)  # fmt: skip
def test_what_no_certificate_can_say_is_refused(authority: Authority, changes: dict[str, object]) -> None:
    with pytest.raises(SigningRefused):
        issue(authority, **changes)
