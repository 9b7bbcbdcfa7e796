"""`verify_bundle`: every check on an evidence bundle, line by line, against one trusted root and no network."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from fenqi.errors import JsonRefused
from fenqi.evidence import consent
from fenqi.evidence.bundle import FORMAT, README, canonical, unpack
from fenqi.evidence.errors import EvidenceMalformed, VerifierMissing
from fenqi.wire.strict_json import strict_json

if TYPE_CHECKING:
    from fenqi.evidence.pdf import Verdict

# What reading JSON of any shape raises.
_MALFORMED = (
    EvidenceMalformed, LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the verdict. `reason` is empty when the check passed."""

    name: str
    question: str
    reason: str

    @property
    def passed(self) -> bool:
        """Say whether it passed."""
        return not self.reason


@dataclass(frozen=True, slots=True)
class Report:
    """The verdict on a bundle. The facts are empty unless the bundle is verified: nothing unproven is repeated."""

    checks: tuple[Check, ...]
    agreement_id: str = ""
    signer: str = ""
    signed_at: datetime | None = None

    @property
    def verified(self) -> bool:
        """Say whether every check passed."""
        return all(check.passed for check in self.checks)

    def to_dict(self) -> dict[str, Any]:
        """Return the verdict as JSON-ready values."""
        return {
            "verified": self.verified,
            "agreement_id": self.agreement_id or None,
            "signer": self.signer or None,
            "signed_at": self.signed_at.isoformat() if self.signed_at else None,
            "checks": [
                {
                    "name": check.name,
                    "question": check.question,
                    "passed": check.passed,
                    "reason": check.reason or None,
                }
                for check in self.checks
            ],
        }


def verify_bundle(data: bytes, root_pem: bytes) -> Report:
    """Judge a bundle against the root that the operator publishes.

    Returns a report for any content of `data`. Raises RootUnusable, and VerifierMissing without the extra "verify".
    """
    try:
        from fenqi.evidence import heads, pdf
    except ImportError as missing:
        raise VerifierMissing from missing
    fingerprint = heads.fingerprint(root_pem)
    try:
        bundle = _Bundle(unpack(data))
    except _MALFORMED as problem:
        return Report((Check("bundle", _QUESTIONS["bundle"], str(problem) or "is malformed"),))
    verdict = pdf.verify(bundle.pdf, root_pem)
    steps: dict[str, Callable[[], str]] = {
        "bundle": lambda: bundle.wrong(fingerprint),
        "document": lambda: verdict.reason or ("" if verdict.accepted else "the signature does not hold"),
        "signer": lambda: _wrong_signer(bundle, verdict),
        "timestamp": lambda: _wrong_timestamp(bundle, verdict),
        "terms": lambda: _wrong_terms(bundle, pdf.attached_terms(bundle.pdf)),
        "figures": lambda: consent.wrong_in_figures(bundle.terms, bundle.disclosure),
        "shown": lambda: consent.wrong_in_document(bundle.pdf, bundle.events),
        "consent": lambda: consent.wrong_in_consent(
            bundle.events, bundle.agreement_id, bundle.checkout_id, bundle.terms
        ),
        "code": lambda: consent.wrong_in_challenge(bundle.challenge, bundle.events, bundle.terms),
        "log": lambda: consent.wrong_in_log(bundle.events, bundle.proof),
        "head": lambda: heads.why_head_fails(
            consent.head_message(bundle.proof["head"]),
            consent.digits(bundle.proof["head"]["signature"], 64),
            certificate_pem=bundle.proof["head"]["certificate"],
            root_pem=root_pem,
            at=consent.moment(bundle.proof["head"]["at"]),
        ),
    }
    checks = tuple(Check(name, _QUESTIONS[name], _tried(step)) for name, step in steps.items())
    if not all(check.passed for check in checks):
        return Report(checks)
    return Report(checks, bundle.agreement_id, verdict.signer, verdict.signed_at)


_QUESTIONS = {
    "bundle": "The bundle is whole, and names the trusted root.",
    "document": "The document is signed, wholly covered, and unchanged since.",
    "signer": "The signature's certificate names this agreement and its consumer.",
    "timestamp": "A timestamp says when, and the log agrees.",
    "terms": "The terms are those attached inside the document.",
    "figures": "The terms add up, and the disclosed figures are theirs.",
    "shown": "What was shown is what was signed.",
    "consent": "Consent, showing, code and signature came in order, after the reading time.",
    "code": "The code was bound to the shown document and used in time.",
    "log": "Every one of these records is in the audit log.",
    "head": "The audit log's head is signed under the trusted root.",
}


class _Bundle:
    """The parts of a bundle, parsed strictly: JSON in its one byte form, with the members that it must have."""

    def __init__(self, parts: dict[str, bytes]) -> None:
        self.pdf, self._parts = parts["agreement.pdf"], parts
        self._about = _parsed(parts, "bundle.json")
        self.terms = _parsed(parts, "terms.json", sorted_here=False)
        self.disclosure = _parsed(parts, "disclosure.json")
        told = _parsed(parts, "consent.json")
        self.challenge = _parsed(parts, "challenge.json")
        self.proof = _parsed(parts, "audit-proof.json")
        if set(told) != {"agreement_id", "checkout_id", "events"} or not isinstance(told["events"], list):
            raise EvidenceMalformed("consent.json", "has other members")
        self.agreement_id, self.checkout_id = str(told["agreement_id"]), str(told["checkout_id"])
        self.events: list[consent.Event] = told["events"]

    def wrong(self, fingerprint: str) -> str:
        """Check what the bundle says of itself."""
        if self._parts["README.txt"] != README.encode():
            return "README.txt is not the one of this format"
        if self._about.get("root_sha256") != fingerprint:
            return f"the bundle names another root than the trusted one, whose fingerprint is {fingerprint}"
        expected = {"format": FORMAT, "agreement_id": self.agreement_id, "root_sha256": fingerprint}
        return "" if self._about == expected else "bundle.json is of another agreement or format"


def _parsed(parts: dict[str, bytes], name: str, *, sorted_here: bool = True) -> dict[str, Any]:
    try:
        value = strict_json(parts[name])
    except JsonRefused as refused:
        raise EvidenceMalformed(name, f"is not strict JSON: {refused.reason}") from refused
    if not isinstance(value, dict):
        raise EvidenceMalformed(name, "is no JSON object")
    if sorted_here and canonical(value) != parts[name]:
        raise EvidenceMalformed(name, "is not written in its one byte form")
    return value


def _tried(step: Callable[[], str]) -> str:
    try:
        return step()
    except _MALFORMED as problem:
        return f"malformed: {problem}" if str(problem) else "malformed"


def _wrong_signer(bundle: _Bundle, verdict: "Verdict") -> str:
    if not verdict.trusted:
        return "the certificate is not trusted, so its names say nothing"
    if verdict.agreement_id != bundle.agreement_id:
        return "the certificate was made for another agreement"
    return (
        "" if verdict.signer == bundle.terms["consumer"]["name"] else "the certificate names another person"
    )


def _wrong_timestamp(bundle: _Bundle, verdict: "Verdict") -> str:
    if not verdict.timestamp_ok or verdict.signed_at is None:
        return "there is no timestamp that holds"
    return consent.wrong_in_time(bundle.events, verdict.signed_at)


def _wrong_terms(bundle: _Bundle, attached: bytes) -> str:
    if attached != bundle._parts["terms.json"]:
        return "terms.json is not what is attached inside the document"
    named = (bundle.terms["agreement_id"], bundle.terms["checkout_id"])
    return "" if named == (bundle.agreement_id, bundle.checkout_id) else "the terms are of another sale"
