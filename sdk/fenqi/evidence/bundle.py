"""The evidence bundle as a file: a zip of fixed names in one fixed byte form, so that nothing can hide in it.

Written by servers and read by verifiers; what its parts mean is judged in `verify`.
"""

import io
import json
import struct
import zipfile
import zlib
from collections.abc import Mapping
from typing import Any

from fenqi.evidence.errors import EvidenceMalformed

FORMAT = "fenqi evidence 1"
NAMES = (
    "README.txt",
    "bundle.json",
    "agreement.pdf",
    "terms.json",
    "disclosure.json",
    "consent.json",
    "challenge.json",
    "audit-proof.json",
)
BYTES_MAX = 4_000_000
README = """\
分期合同证据包 / Evidence of a signed installment agreement

离线验证 / To verify without a network:
  pip install 'fenqi[verify]'
  fenqi verify agreement.zip --root root.pem

root.pem 由运营方公布；请从独立渠道核对其 SHA-256 指纹（见 bundle.json）。
root.pem is published by the operator. Compare its SHA-256 fingerprint (bundle.json) by a way of your own.

agreement.pdf      已签署的合同 / the agreement as signed (PAdES, RFC 3161 timestamp)
terms.json         合同条款，与合同内附件一致 / its terms, as attached inside it
disclosure.json    所明示的费用 / the figures that were disclosed
consent.json       展示、阅读、同意与签署的记录 / what was shown, read, agreed to and signed
challenge.json     短信验证码记录（不含验证码） / the code sent by SMS, without its digits
audit-proof.json   审计日志包含证明 / proof that these records are in the signed audit log

本包含有个人信息，请妥善保管。 This bundle holds personal data; keep it safe.
证书由运营方自行签发，不等同于具备资质的电子认证服务。
The certificates are the operator's own; they are not those of a qualified trust service.
"""

_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_END = struct.Struct("<4s4H2LH")
_VERSION, _UTF8, _DAY = 20, 0x0800, 0x21  # 1 January 1980


def canonical(value: Any) -> bytes:
    """Return one byte form of JSON with ASCII names and no fractions (RFC 8785 agrees on these)."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def pack(parts: Mapping[str, bytes]) -> bytes:
    """Return the zip of exactly the named parts, stored without compression: the same parts give the same bytes."""
    body, directory = io.BytesIO(), io.BytesIO()
    for name in NAMES:
        content, encoded = parts[name], name.encode()
        offset = body.tell()
        sizes = (zlib.crc32(content), len(content), len(content), len(encoded))
        body.write(_LOCAL.pack(b"PK\3\4", _VERSION, _UTF8, 0, 0, _DAY, *sizes, 0) + encoded + content)
        head = (b"PK\1\2", _VERSION, _VERSION, _UTF8, 0, 0, _DAY, *sizes)
        directory.write(_CENTRAL.pack(*head, 0, 0, 0, 0, 0, offset) + encoded)
    count, listed = len(NAMES), directory.getvalue()
    end = _END.pack(b"PK\5\6", 0, 0, count, count, len(listed), body.tell(), 0)
    return body.getvalue() + listed + end


def unpack(data: bytes) -> dict[str, bytes]:
    """Return the parts of a bundle. Raises EvidenceMalformed unless `data` is byte for byte what `pack` writes."""
    if len(data) > BYTES_MAX:
        raise EvidenceMalformed("The bundle", f"is larger than {BYTES_MAX} bytes")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            if [entry.filename for entry in entries] != list(NAMES):
                raise EvidenceMalformed("The bundle", "does not hold exactly the files of an evidence bundle")
            if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
                raise EvidenceMalformed("The bundle", "is compressed; an evidence bundle is not")
            parts = {entry.filename: archive.read(entry) for entry in entries}
    except (
        zipfile.BadZipFile,
        OSError,
        EOFError,
        ValueError,
        NotImplementedError,
        RuntimeError,
        struct.error,
    ) as bad:
        raise EvidenceMalformed("The bundle", f"is no readable zip file: {bad}") from bad
    if pack(parts) != data:
        raise EvidenceMalformed("The bundle", "was changed outside its files")
    return parts


def figures(terms: Mapping[str, Any]) -> dict[str, Any]:
    """Return what disclosure.json says of an agreement's terms. Raises KeyError or IndexError for other JSON."""
    rows = terms["installments"]
    same = (
        "language", "amount", "down_payment", "principal", "annual_rate", "annual_cost", "fees", "total_interest",
        "total_fee", "total_cost", "total_payable", "penalty", "disclosure",
    )  # fmt: skip
    return {name: terms[name] for name in same} | {
        "installments": len(rows),
        "first_due_on": rows[0]["due_on"],
        "last_due_on": rows[-1]["due_on"],
    }


def challenge(events: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what challenge.json says: the code that signed, from the events of its sending and its use.

    Raises KeyError or IndexError when there is no such pair.
    """
    used = [event for event in events if event["action"] == "code.used"][-1]["detail"]
    sent = [
        event
        for event in events
        if event["action"] == "code.sent" and event["detail"]["challenge_id"] == used["challenge_id"]
    ][-1]
    return {
        "challenge_id": used["challenge_id"],
        "document_sha256": used["document_sha256"],
        "created_at": sent["detail"]["created_at"],
        "expires_at": sent["detail"]["expires_at"],
        "used_at": used["used_at"],
        "tries": used["tries"],
        "phone_masked": (sent["personal"] or {}).get("phone_masked"),
    }
