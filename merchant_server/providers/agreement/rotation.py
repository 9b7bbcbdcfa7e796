"""Rotates the keys behind signatures, with overlap: what the old ones signed stays provable, and their keys are gone.

A running server goes on with the keys that it opened; restart server and worker after a rotation.
"""

import os
from datetime import datetime
from pathlib import Path

from cryptography import x509

from merchant_server.providers.agreement.authority import (
    KEYS_FILE,
    LIFETIME_YEARS,
    Authority,
    keys_text,
    loaded,
    read_keys,
    timestamp_key,
)
from merchant_server.providers.agreement.certificates import Certified, self_signed
from merchant_server.providers.agreement.errors import AuthorityUnusable
from merchant_server.providers.agreement.heads import AuditHeadKey
from merchant_server.providers.agreement.keeping import write_whole


def rotate_root(folder: Path, now: datetime, ca_file: Path | None = None) -> Authority:
    """Make a new root, or take an outside one from `ca_file`, with new keys under it; root.pem then lists both.

    `ca_file` is PEM: an unencrypted EC key and the certificate of its authority. Raises AuthorityUnusable.
    """
    old = Authority.open(folder)
    day = now.replace(hour=0, minute=0, second=0, microsecond=0)
    root = (
        _outside(ca_file, now)
        if ca_file
        else self_signed(day, day.replace(year=day.year + LIFETIME_YEARS, day=1))
    )
    if root.certificate in old.roots:
        raise AuthorityUnusable(str(ca_file), "holds a root that is already in use, or was")
    _write(folder, keys_text(root, timestamp_key(root), old.roots))
    rotate_heads(folder)
    return Authority.open(folder)


def rotate_timestamps(folder: Path) -> Authority:
    """Make a new key for the built-in timestamp authority under the same root. Raises AuthorityUnusable."""
    Authority.open(folder)
    root, _, retired = read_keys(folder / KEYS_FILE)
    _write(folder, keys_text(root, timestamp_key(root), retired))
    return Authority.open(folder)


def rotate_heads(folder: Path) -> AuditHeadKey:
    """Make a new key for heads of the audit log under the newest root. Raises AuthorityUnusable."""
    return AuditHeadKey.make(folder, Authority.open(folder), os.replace)


def _write(folder: Path, content: bytes) -> None:
    try:
        write_whole(folder, KEYS_FILE, content, 0o600, os.replace)
    except OSError as problem:
        raise AuthorityUnusable(str(folder), f"cannot be written: {problem}") from problem


def _outside(path: Path, now: datetime) -> Certified:
    try:
        found = loaded(path.read_bytes())
        constraints = found.certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
        usage = found.certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except (OSError, ValueError, TypeError, x509.ExtensionNotFound) as problem:
        raise AuthorityUnusable(
            str(path), f"holds no authority's EC key and certificate: {problem}"
        ) from problem
    if not constraints.ca or not usage.key_cert_sign:
        raise AuthorityUnusable(str(path), "holds a certificate that may issue no others")
    if not found.certificate.not_valid_before_utc <= now <= found.certificate.not_valid_after_utc:
        raise AuthorityUnusable(str(path), "holds a certificate that is not valid today")
    return found
