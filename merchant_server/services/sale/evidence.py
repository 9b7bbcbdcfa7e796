"""Evidence of a sale: consent events recorded where they happen, and the bundle that proves a signature offline."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from fenqi.evidence import bundle

from merchant_server.domain.agreement import Agreement, AgreementStatus, sha256
from merchant_server.domain.audit import canonical, commitment, inclusion_path, instant
from merchant_server.domain.checkout import Checkout
from merchant_server.domain.code import Code
from merchant_server.domain.consent import (
    CLOCK_SKEW_SECONDS,
    CONSENT_TEXT_VERSION,
    UNSEEN,
    ConsentEvent,
    ConsentKind,
    Witness,
)
from merchant_server.domain.consumer import mask_phone
from merchant_server.domain.errors import NotFound, RuleRefused, Unavailable
from merchant_server.ports import UnitOfWork
from merchant_server.services.deps import Deps
from merchant_server.services.operation.audit import place_acts, sign_head

# The event after which a document changes no more, and the member that holds its hash.
FINAL_HASHES = {
    ConsentKind.AGREEMENT_SIGNED: "signed_sha256",
    ConsentKind.AGREEMENT_STAMPED: "stamped_sha256",
}


def record_consents(
    uow: UnitOfWork, deps: Deps, checkout: Checkout, consumer_id: str, consents: tuple[str, ...],
    witness: Witness = UNSEEN,
) -> None:  # fmt: skip
    """Record which consents an applicant gave, and to which wording."""
    facts = {
        "consents": sorted(consents),
        "text_version": CONSENT_TEXT_VERSION,
        "language": checkout.language,
    }
    _record(uow, deps, checkout, ConsentKind.CONSENTS_GIVEN, checkout.id, consumer_id, facts, witness)


def record_shown(
    uow: UnitOfWork, deps: Deps, checkout: Checkout, agreement: Agreement, witness: Witness = UNSEEN
) -> None:
    """Record the very bytes that are shown, in which versions, and from when they may be signed."""
    disclosure = agreement.terms["disclosure"]
    facts = {
        "document_sha256": agreement.shown_sha256,
        "document_bytes": len(agreement.shown_pdf),
        "language": agreement.language,
        "template_version": agreement.terms["template_version"],
        "disclosure_pack": disclosure["pack"],
        "disclosure_version": disclosure["version"],
        "policy_version": agreement.terms["policy_version"],
        "reading_seconds": agreement.reading_seconds,
        "sign_from": instant(agreement.shown_at + timedelta(seconds=agreement.reading_seconds)),
    }
    kind = ConsentKind.AGREEMENT_SHOWN
    _record(
        uow, deps, checkout, kind, agreement.id, agreement.consumer_id, facts, witness, at=agreement.shown_at
    )


def record_code_sent(
    uow: UnitOfWork,
    deps: Deps,
    checkout: Checkout,
    agreement: Agreement,
    phone: str,
    witness: Witness = UNSEEN,
) -> None:
    """Record the code that was just prepared for this document, and what the page saw of its reading."""
    code = _newest_code(uow, checkout)
    if witness.seen():
        kind = ConsentKind.AGREEMENT_READ
        seen = {**witness.seen(), "text_version": CONSENT_TEXT_VERSION}
        _record(uow, deps, checkout, kind, agreement.id, agreement.consumer_id, seen, witness)
    facts = {
        "challenge_id": code.id,
        "document_sha256": code.bound_to,
        "created_at": instant(code.created_at),
        "expires_at": instant(code.expires_at),
    }
    more = {"phone_masked": mask_phone(phone)}
    kind = ConsentKind.CODE_SENT
    _record(uow, deps, checkout, kind, agreement.id, agreement.consumer_id, facts, witness, more=more)


def record_code_tried(
    uow: UnitOfWork,
    deps: Deps,
    checkout: Checkout,
    agreement: Agreement,
    *,
    right: bool,
    witness: Witness = UNSEEN,
) -> None:
    """Record a try of the newest code; the digits are never recorded."""
    code = _newest_code(uow, checkout)
    facts: dict[str, Any] = {"challenge_id": code.id, "document_sha256": code.bound_to, "tries": code.tries}
    if right:
        assert code.used_at is not None
        facts["used_at"] = instant(code.used_at)
    kind = ConsentKind.CODE_USED if right else ConsentKind.CODE_WRONG
    _record(uow, deps, checkout, kind, agreement.id, agreement.consumer_id, facts, witness)


def record_signed(uow: UnitOfWork, deps: Deps, checkout: Checkout, agreement: Agreement) -> None:
    """Record the signature, in the transaction that makes the loan (law 6)."""
    assert agreement.signed_at is not None
    facts = {
        "shown_sha256": agreement.shown_sha256,
        "signed_sha256": agreement.signed_sha256 or "",
        "signed_at": instant(agreement.signed_at),
        "loan_id": agreement.loan_id,
    }
    if agreement.awaits_timestamp:
        facts["timestamp"] = "pending"
    kind = ConsentKind.AGREEMENT_SIGNED
    _record(uow, deps, checkout, kind, agreement.id, agreement.consumer_id, facts, UNSEEN)


def record_stamped(
    uow: UnitOfWork, deps: Deps, agreement: Agreement, was: Agreement, stamped_at: datetime
) -> None:
    """Record the timestamp that came later, in the transaction that stores it."""
    checkout = uow.checkouts.get(agreement.checkout_id)
    assert checkout is not None
    facts = {
        "signed_sha256": was.signed_sha256 or "",
        "stamped_sha256": agreement.signed_sha256 or "",
        "stamped_at": instant(stamped_at),
    }
    kind = ConsentKind.AGREEMENT_STAMPED
    _record(uow, deps, checkout, kind, agreement.id, agreement.consumer_id, facts, UNSEEN, actor="worker")


def _newest_code(uow: UnitOfWork, checkout: Checkout) -> Code:
    code = uow.codes.latest(checkout.id, "sign")
    assert code is not None
    return code


def _record(
    uow: UnitOfWork, deps: Deps, checkout: Checkout, kind: ConsentKind, subject: str, consumer_id: str,
    facts: Mapping[str, object], witness: Witness, *, more: Mapping[str, str] | None = None,
    at: datetime | None = None, actor: str | None = None,
) -> None:  # fmt: skip
    now = at or deps.clock.now()
    last = uow.consents.last_at(checkout.id)
    if last is not None and now < last - timedelta(seconds=CLOCK_SKEW_SECONDS):
        raise Unavailable(
            "the clock stands before what has already happened",
            code="clock_unsteady",
            hint="nothing was signed; try again in a moment",
            retry_after_seconds=5,
        )
    personal = witness.personal() | dict(more or {})
    salt = deps.ids.token()
    audit_id = deps.ids.new("aud")
    bound = {"personal": commitment(salt, canonical(personal).decode())}
    uow.audit.add(
        audit_id,
        at=now,
        actor=actor or f"consumer {consumer_id}",
        action=kind,
        subject=subject,
        merchant_id=checkout.merchant_id,
        detail={**facts, **bound},
    )
    uow.consents.add(
        audit_id,
        checkout_id=checkout.id,
        merchant_id=checkout.merchant_id,
        kind=kind,
        at=now,
        salt=salt,
        personal=personal,
    )


def evidence_bundle(deps: Deps, agreement_id: str) -> bytes:
    """Return the zip that proves a signed agreement offline; the same agreement gives the same bytes.

    Holds personal data: serve it to its consumer and to the lender only. Raises NotFound, RuleRefused
    (agreement_unsigned, evidence_incomplete, audit_altered).
    """
    place_acts(deps)
    with deps.storage.reading() as uow:
        agreement, events = _signed(uow, agreement_id)
        covered = uow.audit.head_covering(events[-1].row.sequence)
    if covered is None:
        sign_head(deps)
    with deps.storage.reading() as uow:
        proof = _proof(uow, events)
    told = [_event(event) for event in events]
    root = deps.heads.root_of(proof["head"]["certificate"])
    assert agreement.signed_pdf is not None
    terms = canonical(agreement.terms)
    return bundle.pack(
        {
            "README.txt": bundle.README.encode(),
            "bundle.json": canonical(
                {"format": bundle.FORMAT, "agreement_id": agreement.id, "root_sha256": root}
            ),
            "agreement.pdf": agreement.signed_pdf,
            "terms.json": terms,
            "disclosure.json": canonical(bundle.figures(agreement.terms)),
            "consent.json": canonical(
                {"agreement_id": agreement.id, "checkout_id": agreement.checkout_id, "events": told}
            ),
            "challenge.json": canonical(bundle.challenge(told)),
            "audit-proof.json": canonical(proof),
        }
    )


def _signed(uow: UnitOfWork, agreement_id: str) -> tuple[Agreement, list[ConsentEvent]]:
    agreement = uow.agreements.get(agreement_id)
    if agreement is None:
        raise NotFound("there is no such agreement", agreement_id=agreement_id)
    if agreement.status != AgreementStatus.SIGNED or agreement.signed_pdf is None:
        raise RuleRefused(
            "this agreement is not signed",
            code="agreement_unsigned",
            hint="only a signed agreement has evidence",
        )
    subjects = (agreement.id, agreement.checkout_id)
    events = [
        event for event in uow.consents.of_checkout(agreement.checkout_id) if event.row.subject in subjects
    ]
    last = [event for event in events if event.row.action in FINAL_HASHES][-1:]
    if not last or _final_hash(last[0]) != sha256(agreement.signed_pdf):
        raise RuleRefused(
            "the records of this signature are not complete",
            code="evidence_incomplete",
            hint="it was signed before this installation kept them; the signed PDF still verifies by itself",
        )
    return agreement, [event for event in events if event.row.sequence <= last[0].row.sequence]


def _final_hash(event: ConsentEvent) -> str:
    return str(json.loads(event.row.detail)[FINAL_HASHES[ConsentKind(event.row.action)]])


def _proof(uow: UnitOfWork, events: list[ConsentEvent]) -> dict[str, Any]:
    head = uow.audit.head_covering(events[-1].row.sequence)
    assert head is not None
    places = [event.row.sequence for event in events]
    paths = [inclusion_path(place - 1, head.size, uow.audit.subtree) for place in places]
    return {
        "head": head.to_dict(),
        "paths": [
            {"sequence": place, "path": [step.hex() for step in path]}
            for place, path in zip(places, paths, strict=True)
        ],
    }


def _event(event: ConsentEvent) -> dict[str, Any]:
    leaf = event.row.leaf()
    del leaf["commitment"]
    told = {"detail": json.loads(event.row.detail), "salt": event.row.salt}
    return leaf | told | {"personal": event.personal, "personal_salt": event.personal_salt}
