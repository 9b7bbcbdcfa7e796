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


PENDING = "timestamp pending: the authority did not answer at the signature, and the log says that it is still to come"


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
    """The verdict on a bundle. The facts are empty unless it is verified or pending: nothing unproven is repeated.

    `level` is the PAdES level of the signature: B-LT, B-T, or B-B while the timestamp is pending.
    """

    checks: tuple[Check, ...]
    agreement_id: str = ""
    signer: str = ""
    signed_at: datetime | None = None
    level: str = ""

    @property
    def pending(self) -> bool:
        """Say whether all is well but for a timestamp that the log says is still to come; ask for a newer bundle."""
        return [check.reason for check in self.checks if not check.passed] == [PENDING]

    @property
    def verdict(self) -> str:
        """Return the verdict in one word: verified, pending or rejected."""
        return "verified" if self.verified else "pending" if self.pending else "rejected"

    @property
    def verified(self) -> bool:
        """Say whether every check passed."""
        return all(check.passed for check in self.checks)

    def to_dict(self) -> dict[str, Any]:
        """Return the verdict as JSON-ready values."""
        return {
            "verdict": self.verdict,
            "verified": self.verified,
            "agreement_id": self.agreement_id or None,
            "signer": self.signer or None,
            "signed_at": self.signed_at.isoformat() if self.signed_at else None,
            "level": self.level or None,
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


@dataclass(frozen=True, slots=True)
class Document:
    """A bundle's document, judged once; `attached` is its terms.json, or why there is none."""

    verdict: "Verdict"
    attached: bytes | EvidenceMalformed


def verify_bundle(data: bytes, root_pem: bytes, *, timestamp_root_pem: bytes | None = None) -> Report:
    """Judge a bundle against the roots that the operator publishes, one PEM certificate after another.

    `timestamp_root_pem` are the roots of an outside timestamp authority; without it the operator's own count.
    Returns a report for any content of `data`. Raises RootUnusable, and VerifierMissing without the extra "verify".
    """
    try:
        from fenqi.evidence import heads, pdf
    except ImportError as missing:
        raise VerifierMissing from missing
    heads.fingerprints(root_pem)
    try:
        parts = unpack(data)
    except _MALFORMED as problem:
        return Report((_check("bundle", str(problem) or "is malformed"),))
    content = parts["agreement.pdf"]
    verdict = pdf.verify(content, root_pem, timestamp_root_pem=timestamp_root_pem)
    return judge(parts, read_document(content, verdict), root_pem)


def read_document(pdf: bytes, verdict: "Verdict") -> Document:
    """Return a signed agreement with its verdict and what is attached to it."""
    from fenqi.evidence.signed_file import attached_terms

    try:
        return Document(verdict, attached_terms(pdf))
    except EvidenceMalformed as malformed:
        return Document(verdict, malformed)


def judge(parts: dict[str, bytes], document: Document, root_pem: bytes) -> Report:
    """Judge the files of a bundle, whose document was judged before. Raises RootUnusable."""
    from fenqi.evidence import heads, signed_file

    known, verdict = heads.fingerprints(root_pem), document.verdict
    try:
        bundle = _Bundle(parts)
    except _MALFORMED as problem:
        return Report((_check("bundle", str(problem) or "is malformed"),))
    steps: dict[str, Callable[[], str]] = {
        "bundle": lambda: bundle.wrong(known),
        "document": lambda: _wrong_signature(verdict),
        "signer": lambda: _wrong_signer(bundle, verdict),
        "timestamp": lambda: _wrong_timestamp(bundle, verdict),
        "terms": lambda: _wrong_terms(bundle, document.attached),
        "figures": lambda: consent.wrong_in_figures(bundle.terms, bundle.disclosure),
        "shown": lambda: consent.wrong_in_document(
            bundle.pdf, bundle.events, lambda: signed_file.without_timestamp(bundle.pdf)
        ),
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
    checks = tuple(_check(name, _tried(step)) for name, step in steps.items())
    if any(check.reason not in ("", PENDING) for check in checks):
        return Report(checks)
    return Report(checks, bundle.agreement_id, verdict.signer, verdict.signed_at, verdict.level)


def _check(name: str, reason: str) -> Check:
    return Check(name, _QUESTIONS[name], reason)


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

    def wrong(self, known: tuple[str, ...]) -> str:
        """Check what the bundle says of itself."""
        if self._parts["README.txt"] != README.encode():
            return "README.txt is not the one of this format"
        named = self._about.get("root_sha256")
        if named not in known:
            return (
                f"the bundle names another root than the trusted ones, with fingerprints {', '.join(known)}"
            )
        expected = {"format": FORMAT, "agreement_id": self.agreement_id, "root_sha256": named}
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


def _wrong_signature(verdict: "Verdict") -> str:
    """Judge the signature alone; whether a timestamp may be missing is for the line about the timestamp."""
    if verdict.accepted or verdict.unstamped:
        return ""
    return verdict.reason or "the signature does not hold"


def _wrong_signer(bundle: _Bundle, verdict: "Verdict") -> str:
    if not verdict.trusted:
        return "the certificate is not trusted, so its names say nothing"
    if verdict.agreement_id != bundle.agreement_id:
        return "the certificate was made for another agreement"
    return (
        "" if verdict.signer == bundle.terms["consumer"]["name"] else "the certificate names another person"
    )


def _wrong_timestamp(bundle: _Bundle, verdict: "Verdict") -> str:
    if verdict.unstamped and consent.is_unstamped(bundle.events):
        return PENDING
    if not verdict.timestamp_ok or verdict.signed_at is None:
        return "there is no timestamp that holds"
    return consent.wrong_in_time(bundle.events, verdict.signed_at)


def _wrong_terms(bundle: _Bundle, attached: bytes | EvidenceMalformed) -> str:
    if isinstance(attached, EvidenceMalformed):
        raise attached
    if attached != bundle._parts["terms.json"]:
        return "terms.json is not what is attached inside the document"
    named = (bundle.terms["agreement_id"], bundle.terms["checkout_id"])
    return "" if named == (bundle.agreement_id, bundle.checkout_id) else "the terms are of another sale"
