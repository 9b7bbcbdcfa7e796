"""RFC 3161 timestamps: from the built-in authority, in process, or from an outside one by HTTP.

The built-in one proves no time to a stranger, since one installation signs and stamps: configure a real authority
for that.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from time import monotonic
from typing import Any

import requests
from asn1crypto import algos, cms, core, tsp
from asn1crypto import x509 as asn1_x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import random_serial_number
from pyhanko.sign.general import as_signing_certificate_v2, simple_cms_attribute
from pyhanko.sign.timestamps import TimeStamper, TimestampRequestError

from merchant_server.providers.agreement.certificates import Certified

POLICY = "1.3.6.1.4.1.4146.2.2"  # a test policy: no promise about the clock behind it
TIMEOUT_SECONDS = 5
ANSWER_BYTES_MAX = 64_000


class OutsideTimestamps(TimeStamper):
    """Asks a timestamp authority by HTTP (RFC 3161 §3.4); follows no redirect and reads no endless answer."""

    def __init__(self, url: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._url = url

    async def async_request_tsa_response(self, req: tsp.TimeStampReq) -> tsp.TimeStampResp:
        """Return the authority's answer. Raises TimestampRequestError."""
        try:
            with requests.post(
                self._url,
                data=req.dump(),
                headers={
                    "Content-Type": "application/timestamp-query",
                    "Accept": "application/timestamp-reply",
                },
                timeout=TIMEOUT_SECONDS,
                allow_redirects=False,
                stream=True,
            ) as answer:
                kind = answer.headers.get("Content-Type", "").partition(";")[0].strip()
                if answer.status_code != 200 or kind != "application/timestamp-reply":
                    raise TimestampRequestError(f"it answered {answer.status_code} ({kind[:60]})")
                body = b"".join(_bounded(answer))
            return tsp.TimeStampResp.load(body, strict=True)
        except (requests.RequestException, ValueError, TypeError) as problem:
            raise TimestampRequestError(f"it gave no usable answer: {problem}") from problem


def _bounded(answer: requests.Response) -> Iterator[bytes]:
    deadline, size = monotonic() + 2 * TIMEOUT_SECONDS, 0
    for piece in answer.iter_content(8192):
        size += len(piece)
        if size > ANSWER_BYTES_MAX or monotonic() > deadline:
            raise ValueError("its answer is too large or too slow")
        yield piece


class BuiltInTimestamps(TimeStamper):
    """Answers timestamp requests for one moment, `at`, with one EC key."""

    def __init__(self, certified: Certified, at: datetime) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._key, self._at = certified.key, at.astimezone(UTC).replace(microsecond=0)
        self._certificate = asn1_x509.Certificate.load(
            certified.certificate.public_bytes(serialization.Encoding.DER)
        )

    async def async_request_tsa_response(self, req: tsp.TimeStampReq) -> tsp.TimeStampResp:
        """Return a granted response whose token carries the authority's certificate."""
        token = cms.ContentInfo({"content_type": "signed_data", "content": self._signed(self._info(req))})
        return tsp.TimeStampResp({"status": {"status": "granted"}, "time_stamp_token": token})

    def _info(self, req: tsp.TimeStampReq) -> bytes:
        info: dict[str, Any] = {
            "version": "v1",
            "policy": POLICY,
            "message_imprint": req["message_imprint"],
            "serial_number": random_serial_number(),
            "gen_time": self._at,
            "tsa": asn1_x509.GeneralName(name="directory_name", value=self._certificate.subject),
        }
        if req["nonce"].native is not None:
            info["nonce"] = req["nonce"]
        encoded: bytes = tsp.TSTInfo(info).dump()
        return encoded

    def _signed(self, info: bytes) -> cms.SignedData:
        digest = hashes.Hash(hashes.SHA256())
        digest.update(info)
        attributes = cms.CMSAttributes(
            [
                _attribute("content_type", "tst_info"),
                _attribute("signing_time", cms.Time({"utc_time": core.UTCTime(self._at)})),
                _attribute("signing_certificate_v2", as_signing_certificate_v2(self._certificate)),
                _attribute("message_digest", digest.finalize()),
            ]
        )
        sha256 = algos.DigestAlgorithm({"algorithm": "sha256"})
        identifier = cms.IssuerAndSerialNumber({
            "issuer": self._certificate.issuer, "serial_number": self._certificate.serial_number
        })  # fmt: skip
        signer = cms.SignerInfo(
            {
                "version": "v1",
                "sid": cms.SignerIdentifier({"issuer_and_serial_number": identifier}),
                "digest_algorithm": sha256,
                "signature_algorithm": algos.SignedDigestAlgorithm({"algorithm": "sha256_ecdsa"}),
                "signed_attrs": attributes,
                "signature": self._key.sign(attributes.dump(), ec.ECDSA(hashes.SHA256())),
            }
        )
        content = {"content_type": "tst_info", "content": cms.ParsableOctetString(info)}
        return cms.SignedData(
            {
                "version": "v3",
                "digest_algorithms": [sha256],
                "encap_content_info": content,
                "certificates": [self._certificate],
                "signer_infos": [signer],
            }
        )


def _attribute(kind: str, value: Any) -> cms.CMSAttribute:
    return simple_cms_attribute(kind, value)  # type: ignore[no-untyped-call]
