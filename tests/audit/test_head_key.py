"""The key that signs heads: made once, kept private, certified by the root for this and nothing else."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from merchant_server.domain.audit import head_message
from merchant_server.providers.agreement import (
    AuditHeadKey,
    Authority,
    AuthorityUnusable,
    PadesSigner,
    verify,
)
from merchant_server.providers.agreement.certificates import Certified

AT = datetime(2026, 11, 21, 9, tzinfo=UTC)
MESSAGE = head_message(7, "ab" * 32, AT)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority.open(tmp_path)


def test_a_head_holds_for_its_own_message_time_and_key(authority: Authority, tmp_path: Path) -> None:
    key = AuditHeadKey.open(tmp_path, authority)
    signature = key.sign(MESSAGE)
    assert key.holds(MESSAGE, signature, key.certificate_pem, AT)
    assert not key.holds(MESSAGE + b"x", signature, key.certificate_pem, AT)
    assert not key.holds(MESSAGE, signature[:-1] + bytes([signature[-1] ^ 1]), key.certificate_pem, AT)
    assert not key.holds(MESSAGE, signature, key.certificate_pem, AT.replace(year=2001))
    assert not key.holds(MESSAGE, signature, key.certificate_pem, AT.replace(year=2999))
    for certificate in ("", "hello", key.certificate_pem + "\n", authority.root_pem.decode()):
        assert not key.holds(MESSAGE, signature, certificate, AT)


def test_a_second_start_opens_the_same_key_and_a_rotated_one_still_holds_old_heads(
    authority: Authority, tmp_path: Path
) -> None:
    first = AuditHeadKey.open(tmp_path, authority)
    assert AuditHeadKey.open(tmp_path, authority).certificate_pem == first.certificate_pem
    assert (tmp_path / "audit.pem").stat().st_mode & 0o777 == 0o600
    signature = first.sign(MESSAGE)
    (tmp_path / "audit.pem").unlink()
    second = AuditHeadKey.open(tmp_path, authority)
    assert second.certificate_pem != first.certificate_pem
    assert second.holds(MESSAGE, signature, first.certificate_pem, AT)
    assert not second.holds(MESSAGE, second.sign(MESSAGE), first.certificate_pem, AT)


def test_a_readable_damaged_or_foreign_key_file_is_refused(authority: Authority, tmp_path: Path) -> None:
    AuditHeadKey.open(tmp_path, authority)
    path = tmp_path / "audit.pem"
    path.chmod(0o644)
    with pytest.raises(AuthorityUnusable, match="read by others"):
        AuditHeadKey.open(tmp_path, authority)
    path.chmod(0o600)
    whole = path.read_bytes()
    stranger = Authority.open(tmp_path / "stranger")
    with pytest.raises(AuthorityUnusable, match="another root"):
        AuditHeadKey.open(tmp_path, stranger)
    AuditHeadKey.open(tmp_path / "stranger", stranger)
    for content in (b"", whole[:200], b"hello"):
        path.write_bytes(content)
        with pytest.raises(AuthorityUnusable):
            AuditHeadKey.open(tmp_path, authority)


def test_the_key_of_the_log_cannot_sign_an_agreement(authority: Authority, unsigned: bytes) -> None:
    """Its certificate, put on a signer's key, is for audit heads only: readers must not take it for a person's."""
    from cryptography.hazmat.primitives.asymmetric import ec

    from merchant_server.providers.agreement.authority import AUDIT_HEADS
    from merchant_server.providers.agreement.certificates import issued, named, usages

    key = ec.generate_private_key(ec.SECP256R1())
    certificate = issued(
        named("Audit log", key.public_key()), key.public_key(), authority._root,
        authority.root_certificate.not_valid_before_utc, usage=usages(signs=True), purpose=AUDIT_HEADS, critical=True,
    )  # fmt: skip
    signer = PadesSigner(authority)
    signer._authority = _Issuing(authority, Certified(key, certificate))  # type: ignore[assignment]
    signed = signer.sign(unsigned, agreement_id="agr_1", signer="王", signed_at=AT)
    assert not verify(signed, authority.root_pem).accepted


class _Issuing:
    """An authority that issues this and no other certificate."""

    def __init__(self, authority: Authority, certified: Certified) -> None:
        self.timestamping, self.revoked, self._certified = (
            authority.timestamping, authority.revoked, certified
        )  # fmt: skip

    def issue(self, **_: object) -> Certified:
        return self._certified


@pytest.fixture(scope="module")
def unsigned() -> bytes:
    from merchant_server.providers.agreement import TypstRenderer
    from tests.agreement.conftest import sample_terms

    return TypstRenderer().render(sample_terms("en"), language="en")
