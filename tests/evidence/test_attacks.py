"""What `fenqi verify` rejects: flipped bytes, other documents in the signed one's place, and edited records."""

import hashlib
import io
import json
import random
import zipfile
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from fenqi.evidence.bundle import NAMES, canonical, pack
from fenqi.evidence.merkle import leaf_hash
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign.fields import MDPPerm, SigFieldSpec, append_signature_field

from merchant_server.domain.audit import head_message, inclusion_path, over, root
from merchant_server.providers.agreement import Authority, PadesSigner
from merchant_server.services.sale.evidence import evidence_bundle
from tests.agreement.test_verifier import (
    content_of,
    expired,
    frame,
    signed_by,
    token_of,
    with_content,
    with_parts,
)
from tests.evidence.conftest import Sale, sell_watched

SEED = 20261121


def test_five_hundred_flipped_bytes_of_the_file_are_all_found(sale: Sale) -> None:
    chance = random.Random(SEED)
    places = [chance.randrange(len(sale.bundle)) for _ in range(400)]
    # The zip's own structure is a small part of the file, so it gets its share by hand.
    tail = len(sale.bundle) - 600
    places += [chance.randrange(tail, len(sale.bundle)) for _ in range(60)] + list(range(40))
    for place in places:
        flipped = bytearray(sale.bundle)
        flipped[place] ^= 1 << chance.randrange(8)
        assert not sale.judge(bytes(flipped)).verified, f"byte {place} (seed {SEED})"


def test_five_hundred_flipped_bytes_inside_the_files_are_all_found_when_the_zip_is_made_whole_again(
    sale: Sale,
) -> None:
    chance = random.Random(SEED)
    for number in range(500):
        # Half in the document, half in the records: by size the document would get nearly all.
        name = (
            "agreement.pdf"
            if number % 2
            else chance.choice([each for each in NAMES if each != "agreement.pdf"])
        )
        content = bytearray(sale.parts[name])
        place = chance.randrange(len(content))
        content[place] ^= 1 << chance.randrange(8)
        report = sale.judge(pack(sale.parts | {name: bytes(content)}))
        assert not report.verified, f"{name} byte {place} (seed {SEED})"


def rewritten(pdf: bytes, change: Callable[[IncrementalPdfFileWriter], None]) -> bytes:
    writer = IncrementalPdfFileWriter(io.BytesIO(pdf))
    change(writer)
    output = io.BytesIO()
    writer.write(output)
    return output.getvalue()


def annotate(writer: IncrementalPdfFileWriter) -> None:
    page = writer.root["/Pages"]["/Kids"][0].get_object()
    note = {"/Type": "/Annot", "/Subtype": "/Text"}
    made = generic.DictionaryObject({generic.NameObject(k): generic.NameObject(v) for k, v in note.items()})
    page["/Annots"] = generic.ArrayObject([writer.add_object(made)])
    writer.update_container(page)


def retitle(writer: IncrementalPdfFileWriter) -> None:
    writer.root["/Lang"] = generic.TextStringObject("fr")
    writer.update_root()


def add_field(writer: IncrementalPdfFileWriter) -> None:
    append_signature_field(writer, SigFieldSpec("Another"))


def other_documents(sale: Sale) -> dict[str, bytes]:
    """Return documents that an attacker, some with the installation's own keys, puts in the signed one's place."""
    pdf, authority = sale.parts["agreement.pdf"], sale.authority
    shown = json.loads(sale.parts["consent.json"])["events"][1]
    unsigned = pdf[: shown["detail"]["document_bytes"]]
    signed_at = sale.house.clock.now()
    key = authority.issue(agreement_id=sale.agreement_id, signer="王小明", signed_at=signed_at)
    again = PadesSigner(authority).sign(
        unsigned, agreement_id=sale.agreement_id, signer="王小明", signed_at=signed_at + timedelta(days=400)
    )
    start, end = frame(pdf)
    ranges = f"[0 {start} {end} {len(pdf) - end}]".encode()
    shorter = f"[0 {start} {end} {len(pdf) - end - 1}]".encode().ljust(len(ranges))
    loose = signed_by(unsigned, key, authority, docmdp_permissions=MDPPerm.FILL_FORMS)
    return {
        "an appended revision": rewritten(pdf, retitle),
        "an annotation": rewritten(pdf, annotate),
        "another form field": rewritten(pdf, add_field),
        "a second signature": signed_by(loose, key, authority, certify=False, field_name="Second"),
        "a stripped signature": unsigned,
        "a shorter ByteRange": pdf.replace(ranges, shorter),
        "an expired certificate": signed_by(unsigned, expired(authority), authority),
        "a swapped timestamp": with_parts(pdf, tokens=[token_of(again)], more_certificates=[]),
        "a missing timestamp": with_parts(pdf, tokens=[], more_certificates=[]),
        "a borrowed signature": with_content(pdf, content_of(again)),
        "a signature that permits changes": loose,
        "bytes behind the end": pdf + b"\n",
    }


def test_twelve_other_documents_are_rejected_for_themselves(sale: Sale) -> None:
    documents = other_documents(sale)
    assert len(documents) == 12
    for attack, pdf in documents.items():
        assert pdf != sale.parts["agreement.pdf"], attack
        failed = sale.failures(agreement=pdf)
        assert failed & {"document", "timestamp"}, attack
        # Whoever holds no log cannot make the new document the logged one either.
        assert "shown" in failed, attack


def test_another_roots_installation_cannot_pass(sale: Sale, tmp_path: Any) -> None:
    stranger = Authority.open(tmp_path)
    shown = json.loads(sale.parts["consent.json"])["events"][1]["detail"]["document_bytes"]
    forged = PadesSigner(stranger).sign(
        sale.parts["agreement.pdf"][:shown], agreement_id=sale.agreement_id, signer="王小明",
        signed_at=sale.house.clock.now(),
    )  # fmt: skip
    assert sale.failures(agreement=forged) >= {"document", "signer", "timestamp", "shown"}


def test_the_evidence_of_another_sale_does_not_fit(sale: Sale) -> None:
    other_id = sell_watched(sale.house, reference="order-2")
    other = Sale(sale.house, sale.authority, other_id, evidence_bundle(sale.house.deps, other_id))
    for name in (
        "agreement.pdf",
        "terms.json",
        "consent.json",
        "challenge.json",
        "audit-proof.json",
        "bundle.json",
    ):
        mixed = pack(sale.parts | {name: other.parts[name]})
        assert not sale.judge(mixed).verified, name
    everything_but_the_document = other.parts | {"agreement.pdf": sale.parts["agreement.pdf"]}
    assert not sale.judge(pack(everything_but_the_document)).verified


def test_edited_terms_and_figures_are_found(sale: Sale) -> None:
    cheaper = sale.edited("terms.json", lambda terms: terms["total_cost"].update(minor=0))
    assert sale.failures(terms=cheaper) == {"terms", "figures"}
    nicer = sale.edited("disclosure.json", lambda told: told.update(annual_cost="0.01"))
    assert sale.failures(disclosure=nicer) == {"figures"}
    silent = sale.edited("disclosure.json", lambda told: told.pop("total_cost"))
    assert sale.failures(disclosure=silent) == {"figures"}


def events_edit(change: Callable[[list[dict[str, Any]]], object]) -> Callable[[dict[str, Any]], None]:
    def edit(told: dict[str, Any]) -> None:
        change(told["events"])

    return edit


def test_edited_dropped_and_reordered_records_are_found(sale: Sale) -> None:
    edits: dict[str, Callable[[list[dict[str, Any]]], object]] = {
        "a consent that was not given": lambda events: events[0]["detail"]["consents"].append("marketing"),
        "no consent": lambda events: events.pop(0),
        "no reading": lambda events: events.pop(1),
        "a code that was never sent": lambda events: events.pop(3),
        "a code that was never used": lambda events: events.pop(4),
        "another order": lambda events: events.reverse(),
        "a record twice": lambda events: events.append(events[-1]),
        "an earlier showing": lambda events: events[1].update(at="2026-11-20T00:00:00.000000Z"),
        "a shorter reading time": lambda events: events[1]["detail"].update(reading_seconds=1),
        "another document": lambda events: events[1]["detail"].update(document_sha256="0" * 64),
        "another phone": lambda events: events[3]["personal"].update(phone_masked="*********9999"),
        "another address": lambda events: events[4]["personal"].update(address="198.51.100.1"),
        "a personal part taken away by halves": lambda events: events[4].update(personal=None),
        "another actor": lambda events: events[5].update(actor="consumer con_other"),
        "a hidden member": lambda events: events[5].update(note="x"),
        "a salt of its own": lambda events: events[5].update(salt="00" * 16),
    }
    for attack, change in edits.items():
        failed = sale.failures(consent=sale.edited("consent.json", events_edit(change)))
        assert failed & {"log", "consent"}, attack


def test_an_edited_code_record_is_found(sale: Sale) -> None:
    for change in (
        {"tries": 1_000},
        {"used_at": "2026-11-21T23:00:00.000000Z"},
        {"phone_masked": None},
        {"x": 1},
    ):
        edited = sale.edited("challenge.json", lambda told, change=change: told.update(change))  # type: ignore[misc]
        assert sale.failures(challenge=edited) == {"code"}


def own_log(events: list[dict[str, Any]], certificate: str) -> dict[str, Any]:
    """Return a proof from a log of the attacker's own, which holds these events and nothing else."""
    leaves = []
    for place, event in enumerate(events, 1):
        event["sequence"] = place
        bound = hashlib.sha256(f"{event['salt']}\n{canonical(event['detail']).decode()}".encode()).hexdigest()
        names = ("sequence", "id", "previous", "at", "actor", "action", "subject", "merchant_id")
        leaves.append(leaf_hash(canonical({name: event[name] for name in names} | {"commitment": bound})))
    whole = root(len(leaves), over(leaves)).hex()
    at = "2026-11-21T09:00:00.000000Z"
    message = b"fenqi audit head 1\n" + canonical({"at": at, "root_hash": whole, "size": len(leaves)})
    signature = ed25519.Ed25519PrivateKey.generate().sign(message).hex()
    head = {
        "size": len(leaves),
        "root_hash": whole,
        "at": at,
        "signature": signature,
        "certificate": certificate,
    }
    paths = [
        {
            "sequence": place + 1,
            "path": [step.hex() for step in inclusion_path(place, len(leaves), over(leaves))],
        }
        for place in range(len(leaves))
    ]
    return {"head": head, "paths": paths}


def test_a_log_of_the_attackers_own_is_not_signed_by_the_root(sale: Sale) -> None:
    told = json.loads(sale.parts["consent.json"])
    certificate = json.loads(sale.parts["audit-proof.json"])["head"]["certificate"]
    proof = own_log(told["events"], certificate)
    assert sale.failures(consent=canonical(told), audit_proof=canonical(proof)) == {"head"}


def test_another_spelling_of_the_same_hash_is_not_accepted(sale: Sale) -> None:
    proof = json.loads(sale.parts["audit-proof.json"])
    step = proof["paths"][0]["path"][0]
    for other in (step.upper(), " " + step, step + "00"):
        proof["paths"][0]["path"][0] = other
        assert sale.failures(audit_proof=canonical(proof)) == {"log"}
    again = json.loads(sale.parts["audit-proof.json"])
    again["head"]["signature"] = again["head"]["signature"].upper()
    assert sale.failures(audit_proof=canonical(again)) == {"head"}


def test_a_one_time_key_cannot_sign_a_head(sale: Sale) -> None:
    proof = json.loads(sale.parts["audit-proof.json"])
    head = proof["head"]
    key = sale.authority.issue(agreement_id="agr_1", signer="王", signed_at=sale.house.clock.now())
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    message = head_message(head["size"], head["root_hash"], sale.house.clock.now())
    head["signature"] = key.key.sign(message, ec.ECDSA(hashes.SHA256())).hex()
    head["certificate"] = key.certificate.public_bytes(serialization.Encoding.PEM).decode()
    assert sale.failures(audit_proof=canonical(proof)) == {"head"}


def zipped(sale: Sale, **changes: Any) -> bytes:
    """Return the same files in a zip of another make."""
    output = io.BytesIO()
    with zipfile.ZipFile(output, "w", changes.get("method", zipfile.ZIP_STORED)) as archive:
        for name in changes.get("order", NAMES):
            archive.writestr(name, sale.parts[name])
        for name, content in changes.get("more", {}).items():
            archive.writestr(name, content)
        archive.comment = changes.get("comment", b"")
    return output.getvalue()


@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
def test_a_zip_that_could_hide_something_is_rejected(sale: Sale) -> None:
    zips = {
        "compressed": zipped(sale, method=zipfile.ZIP_DEFLATED),
        "another order": zipped(sale, order=NAMES[::-1]),
        "a file more": zipped(sale, more={"virus.exe": b"MZ"}),
        "a file twice": zipped(sale, more={"terms.json": b"{}"}),
        "a path outside": zipped(sale, more={"../../etc/passwd": b""}),
        "a comment": zipped(sale, comment=b"call me"),
        "a file less": zipped(sale, order=NAMES[1:]),
        "something in front": b"#!/bin/sh\n" + sale.bundle,
        "something behind": sale.bundle + b"x",
        "half of it": sale.bundle[: len(sale.bundle) // 2],
        "nothing": b"",
        "too large": sale.bundle + bytes(5_000_000),
    }
    for attack, data in zips.items():
        report = sale.judge(data)
        assert [check.name for check in report.checks if not check.passed] == ["bundle"], attack


def test_hostile_json_gets_a_verdict_and_no_crash(sale: Sale) -> None:
    chance = random.Random(SEED)
    bodies = [b"", b"null", b"[]", b"{}", b"\xff", b'{"a":1,"a":2}', b'{"events":[]}', b"1e9", b"[" * 5_000]
    for name in ("bundle", "terms", "disclosure", "consent", "challenge", "audit_proof"):
        for body in bodies:
            assert sale.failures(**{name: body}), (name, body)
    values: list[Any] = [None, 0, -1, 2**70, "", "x", [], {}, True, "\ud7ff", [None], {"a": {}}]
    for _ in range(150):
        name = chance.choice(["consent", "challenge", "audit-proof", "disclosure", "bundle"])
        part = json.loads(sale.parts[f"{name}.json"])
        before = canonical(part)
        spot: Any = part
        while isinstance(spot, dict | list) and spot:
            key = chance.choice(list(spot) if isinstance(spot, dict) else range(len(spot)))
            inner = spot[key]
            if not isinstance(inner, dict | list) or not inner or chance.random() < 0.3:
                spot[key] = chance.choice(values)
                break
            spot = inner
        if canonical(part) != before:
            assert sale.failures(**{name.replace("-", "_"): canonical(part)}), (name, canonical(part))
