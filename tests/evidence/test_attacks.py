"""What `fenqi verify` rejects: flipped bytes, other documents in the signed one's place, and edited records."""

import base64
import hashlib
import io
import json
import os
import random
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from asn1crypto import crl as asn1_crl
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding
from fenqi.evidence.bundle import NAMES, canonical, pack, unpack
from fenqi.evidence.errors import EvidenceMalformed
from fenqi.evidence.heads import why_head_fails
from fenqi.evidence.merkle import leaf_hash
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign.fields import MDPPerm, SigFieldSpec, append_signature_field
from pyhanko.sign.validation import DocumentSecurityStore

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


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_every_byte_of_every_small_file_is_bound(sale: Sale) -> None:
    """A bit by chance of each byte: base64, hexadecimal and JSON all have forms that some readers let differ.

    The long run takes every byte, the short one every seventh, beginning anew with each bundle.
    """
    chance = random.Random(SEED)
    stride = 1 if os.environ.get("FENQI_SOAK") else 7
    for name in NAMES:
        if name == "agreement.pdf":
            continue
        content = sale.parts[name]
        for place in range(chance.randrange(stride), len(content), stride):
            flipped = bytearray(content)
            flipped[place] ^= 1 << chance.randrange(8)
            assert not sale.accepts(**{name: bytes(flipped)}), f"{name} byte {place} (seed {SEED})"


def test_every_bit_of_the_heads_certificate_and_signature_is_bound(sale: Sale) -> None:
    """The frame of a certificate is under no signature: a count of unused bits at its end was once free to change."""
    head = json.loads(sale.parts["audit-proof.json"])["head"]
    message = head_message(head["size"], head["root_hash"], moment(head["at"]))
    der = x509.load_pem_x509_certificate(head["certificate"].encode()).public_bytes(Encoding.DER)

    def why(certificate: bytes, signature: bytes) -> str:
        text = base64.encodebytes(certificate).replace(b"\n", b"").decode()
        lines = [text[at : at + 64] for at in range(0, len(text), 64)]
        pem = "\n".join(["-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----", ""])
        return why_head_fails(
            message, signature, certificate_pem=pem, root_pem=sale.root_pem, at=moment(head["at"])
        )

    signature = bytes.fromhex(head["signature"])
    assert why(der, signature) == ""
    for bit in range(len(der) * 8):
        assert why(flip(der, bit), signature), f"certificate bit {bit}"
    for bit in range(len(signature) * 8):
        assert why(der, flip(signature, bit)), f"signature bit {bit}"


def test_a_certificate_that_names_unused_bits_is_another_certificate(sale: Sale) -> None:
    """The one flip that once passed, made on purpose: of many certificates some end in a zero bit."""
    key = ed25519.Ed25519PrivateKey.generate()
    message, at = b"head", sale.house.clock.now()
    found = 0
    while not found:
        certificate = sale.authority.certify_audit_key(key.public_key())
        if certificate.signature[-1] & 1:
            continue
        found, der = 1, certificate.public_bytes(Encoding.DER)
        place = len(der) - len(certificate.signature) - 1
        assert der[place] == 0
        loose = x509.load_der_x509_certificate(der[:place] + b"\1" + der[place + 1 :])
        loose.verify_directly_issued_by(sale.authority.root_certificate)
        for each, holds in ((certificate, True), (loose, False)):
            why = why_head_fails(
                message, key.sign(message), certificate_pem=each.public_bytes(Encoding.PEM).decode(),
                root_pem=sale.root_pem, at=at,
            )  # fmt: skip
            assert (why == "") is holds, why


def test_five_hundred_flipped_bytes_of_the_document_are_all_found_when_the_zip_is_made_whole_again(
    sale: Sale,
) -> None:
    chance = random.Random(SEED)
    for _ in range(500):
        bit = chance.randrange(len(sale.parts["agreement.pdf"]) * 8)
        spoiled = flip(sale.parts["agreement.pdf"], bit)
        assert not sale.judge(pack(sale.parts | {"agreement.pdf": spoiled})).verified, (
            f"bit {bit} (seed {SEED})"
        )


def test_every_byte_of_the_zip_around_the_files_is_bound(sale: Sale) -> None:
    data, inside = sale.bundle, set[int]()
    for content in sale.parts.values():
        start = data.index(content)
        inside |= set(range(start, start + len(content)))
    around = [place for place in range(len(data)) if place not in inside]
    assert 800 < len(around) < 1_200
    for place in around:
        for bit in range(8):
            with pytest.raises(EvidenceMalformed):
                unpack(flip(data, place * 8 + bit))


def flip(data: bytes, bit: int) -> bytes:
    flipped = bytearray(data)
    flipped[bit // 8] ^= 1 << bit % 8
    return bytes(flipped)


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


def replace_attachment(writer: IncrementalPdfFileWriter) -> None:
    stream = writer.root["/AF"][0].get_object()["/EF"].raw_get("/F").get_object()
    stream._data = b'{"total_cost":{"currency":"CNY","minor":0}}'
    stream._encoded_data = None
    writer.update_container(stream)


def keep_revoked(writer: IncrementalPdfFileWriter, authority: Authority) -> None:
    """Add a list of revoked certificates behind the signature, as B-LT files of other programs do."""
    revoked = authority.revoked(datetime(2027, 1, 1, tzinfo=UTC))
    assert revoked is not None
    DocumentSecurityStore.supply_dss_in_writer(writer, None, crls=[asn1_crl.CertificateList.load(revoked)])


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
        "a replaced attachment": rewritten(pdf, replace_attachment),
        "other validation data": rewritten(pdf, lambda writer: keep_revoked(writer, authority)),
    }


def test_fourteen_other_documents_are_rejected_for_themselves(sale: Sale) -> None:
    documents = other_documents(sale)
    assert len(documents) == 14
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
