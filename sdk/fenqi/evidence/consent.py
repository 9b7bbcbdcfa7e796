"""Judges what a bundle says was shown, read, agreed to and signed: each function says what is wrong, or nothing.

Works on JSON that anybody may have written: KeyError, TypeError, ValueError and LookupError mean "malformed".
"""

import hashlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from fenqi.evidence.bundle import canonical, challenge, figures
from fenqi.evidence.merkle import is_included, leaf_hash

STAMPED = "agreement.stamped"
SKEW = timedelta(seconds=2)
CODE_LIFE = timedelta(minutes=10)
CODE_TRIES_MAX = 5
TIMESTAMP_APART = timedelta(minutes=5)
HEAD_LABEL = b"fenqi audit head 1\n"
_LEAF = ("sequence", "id", "previous", "at", "actor", "action", "subject", "merchant_id")
_EVENT = frozenset((*_LEAF, "detail", "salt", "personal", "personal_salt"))

Event = dict[str, Any]


def moment(text: str) -> datetime:
    """Return the time of an event. Raises ValueError for another form."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)


def digits(text: str, count: int) -> bytes:
    """Return `count` bytes from lower-case hex; another spelling of the same bytes is refused with ValueError."""
    value = bytes.fromhex(text)
    if len(value) != count or value.hex() != text:
        raise ValueError("a hash or signature is not written in lower-case hex of its length")
    return value


def wrong_in_figures(terms: Mapping[str, Any], disclosure: Mapping[str, Any]) -> str:
    """Check that the terms add up and that the disclosed figures are theirs."""
    currency = terms["principal"]["currency"]

    def minor(value: Mapping[str, Any]) -> int:
        if value["currency"] != currency or type(value["minor"]) is not int:
            raise ValueError("an amount is in another currency or no whole number")
        return int(value["minor"])

    rows = terms["installments"]
    total = {
        name: sum(minor(row[name]) for row in rows) for name in ("principal", "interest", "fee", "total")
    }
    for row in rows:
        if minor(row["total"]) != sum(minor(row[name]) for name in ("principal", "interest", "fee")):
            return f"installment {row['number']} does not add up"
    interest, fee, principal = (minor(terms[name]) for name in ("total_interest", "total_fee", "principal"))
    if (total["principal"], total["interest"]) != (principal, interest) or total["fee"] > fee:
        return "the schedule does not add up to the agreed totals"
    if minor(terms["total_cost"]) != interest + fee:
        return "the total cost is not interest and fees"
    if minor(terms["total_payable"]) != minor(terms["down_payment"]) + principal + interest + fee:
        return "the total payable does not add up"
    if dict(disclosure) != figures(terms):
        return "disclosure.json is not what the terms say"
    return ""


def wrong_in_log(events: list[Event], proof: Mapping[str, Any]) -> str:
    """Check that every event is in the tree of the head, by its own content."""
    head = proof["head"]
    if set(proof) != {"head", "paths"} or set(head) != {
        "size",
        "root_hash",
        "at",
        "signature",
        "certificate",
    }:
        return "audit-proof.json has other members"
    if [set(entry) for entry in proof["paths"]] != [{"sequence", "path"}] * len(events):
        return "audit-proof.json has not one path an event"
    root = digits(head["root_hash"], 32)
    for event, entry in zip(events, proof["paths"], strict=True):
        if set(event) != _EVENT:
            return f"event {event.get('id')} has other members"
        if not _personal_holds(event):
            return f"the personal part of event {event['id']} is not the one that was logged"
        included = is_included(
            index=event["sequence"] - 1,
            size=head["size"],
            leaf=leaf_hash(canonical(_leaf(event))),
            path=[digits(step, 32) for step in entry["path"]],
            root=root,
        )
        if entry["sequence"] != event["sequence"] or not included:
            return f"event {event['id']} is not in the signed log"
    return ""


def head_message(head: Mapping[str, Any]) -> bytes:
    """Return the bytes that a head's signature is over."""
    return HEAD_LABEL + canonical({name: head[name] for name in ("at", "root_hash", "size")})


def _facts(events: list[Event], action: str) -> dict[str, Any]:
    for event in events:
        if event["action"] == action:
            facts: dict[str, Any] = event["detail"]
            return facts
    raise LookupError(f"there is no record of {action}")


def _leaf(event: Event) -> dict[str, Any]:
    detail = canonical(event["detail"]).decode()
    bound = hashlib.sha256(f"{event['salt']}\n{detail}".encode()).hexdigest()
    return {name: event[name] for name in _LEAF} | {"commitment": bound}


def _personal_holds(event: Event) -> bool:
    personal, salt, bound = event["personal"], event["personal_salt"], event["detail"].get("personal")
    if personal is None:
        return salt is None
    text = canonical(personal).decode()
    return bool(hashlib.sha256(f"{salt}\n{text}".encode()).hexdigest() == bound)


def wrong_in_consent(
    events: list[Event], agreement_id: str, checkout_id: str, terms: Mapping[str, Any]
) -> str:
    """Check what happened, in what order, and that the reading time was kept."""
    if any(event["subject"] not in (agreement_id, checkout_id) for event in events):
        return "an event belongs to another sale"
    places = [event["sequence"] for event in events]
    if places != sorted(set(places)):
        return "the events are not in the order of the log"
    times = [moment(event["at"]) for event in events]
    if any(later < earlier - SKEW for earlier, later in pairwise(times)):
        return "the events' times run backwards"
    acts = [event for event in events if event["action"] != STAMPED]
    if len({event["actor"] for event in acts}) != 1 or len({event["merchant_id"] for event in events}) != 1:
        return "the events name more than one consumer or merchant"
    given, shown, sent, used, signed = (
        [event for event in events if event["action"] == action]
        for action in ("consents.given", "agreement.shown", "code.sent", "code.used", "agreement.signed")
    )
    if not given or not all(
        event["detail"]["consents"] and event["detail"]["text_version"] for event in given
    ):
        return "no consent to the application is recorded"
    stamped = [event for event in events if event["action"] == STAMPED]
    if [event["subject"] for event in stamped] not in ([], [agreement_id]):
        return "an agreement is stamped once"
    if [event["subject"] for event in (*shown, *signed)] != [agreement_id] * 2 or not used:
        return "an agreement is shown once, confirmed by a code, and signed once"
    sending = [
        event for event in sent if event["detail"]["challenge_id"] == used[-1]["detail"]["challenge_id"]
    ]
    steps = [given[-1], shown[0], sending[-1], used[-1], signed[0], *stamped]
    if steps != sorted(steps, key=lambda event: event["sequence"]) or steps[-1] is not events[-1]:
        return "the steps are out of order"
    return _wrong_in_reading(shown[0], [*sent, *used, *signed], terms)


def _wrong_in_reading(shown: Event, later: list[Event], terms: Mapping[str, Any]) -> str:
    facts = shown["detail"]
    seconds = facts["reading_seconds"]
    if type(seconds) is not int or seconds != terms["disclosure"]["reading_seconds"]:
        return "the reading time is not the disclosure's"
    ready_at = moment(facts["sign_from"])
    if ready_at != moment(shown["at"]) + timedelta(seconds=seconds):
        return "the reading time is not what was recorded"
    if any(moment(event["at"]) < ready_at for event in later):
        return "the agreement was confirmed before its reading time was over"
    stated = (
        facts["language"],
        facts["template_version"],
        facts["disclosure_pack"],
        facts["disclosure_version"],
    )
    pack = terms["disclosure"]
    if stated != (terms["language"], terms["template_version"], pack["pack"], pack["version"]):
        return "what was shown is of another language, template or disclosure than the terms"
    return ""


def is_unstamped(events: list[Event]) -> bool:
    """Say whether the log tells of a signature that still waits for its timestamp."""
    waits = _facts(events, "agreement.signed").get("timestamp") == "pending"
    return waits and all(event["action"] != STAMPED for event in events)


def was_stamped_later(events: list[Event]) -> bool:
    """Say whether the log tells of a signature whose timestamp came later."""
    return any(event["action"] == STAMPED for event in events)


def wrong_in_document(pdf: bytes, events: list[Event], unstamped: Callable[[], bytes]) -> str:
    """Check that the signed file begins with the very bytes that were shown, and is the one that was logged.

    `unstamped` gives the file as it was before a timestamp that came later.
    """
    shown, signed = _facts(events, "agreement.shown"), _facts(events, "agreement.signed")
    length = shown["document_bytes"]
    if type(length) is not int or not 0 < length < len(pdf):
        return "the length of the shown document is not recorded"
    digest = hashlib.sha256(pdf[:length]).hexdigest()
    if digest != shown["document_sha256"] or digest != signed["shown_sha256"]:
        return "the document is not the one that was shown"
    if was_stamped_later(events):
        stamped = _facts(events, STAMPED)
        known = (signed["timestamp"], stamped["signed_sha256"])
        if known != ("pending", signed["signed_sha256"]):
            return "the timestamp was logged for another signature"
        if hashlib.sha256(pdf).hexdigest() != stamped["stamped_sha256"]:
            return "the document is not the one whose timestamp was logged"
        pdf = unstamped()
    if hashlib.sha256(pdf).hexdigest() != signed["signed_sha256"]:
        return "the document is not the one whose signature was logged"
    return ""


def wrong_in_challenge(stated: Mapping[str, Any], events: list[Event], terms: Mapping[str, Any]) -> str:
    """Check that the code was bound to the shown document, in time, tried seldom, and sent to the signer's number."""
    if dict(stated) != challenge(events):
        return "challenge.json is not what the events say"
    shown = _facts(events, "agreement.shown")
    sent = [event for event in events if event["action"] == "code.sent"]
    if any(event["detail"]["document_sha256"] != shown["document_sha256"] for event in sent):
        return "a code was sent for another document"
    if stated["document_sha256"] != shown["document_sha256"]:
        return "the code was bound to another document"
    created_at, used_at = moment(stated["created_at"]), moment(stated["used_at"])
    expires_at = moment(stated["expires_at"])
    if not created_at - SKEW <= used_at < expires_at or expires_at - created_at > CODE_LIFE:
        return "the code was used outside its ten minutes"
    if type(stated["tries"]) is not int or not 1 <= stated["tries"] <= CODE_TRIES_MAX:
        return "the code was tried too often"
    phone = stated["phone_masked"]
    if phone is not None and phone != terms["consumer"]["phone_masked"]:
        return "the code went to another number than the agreement names"
    return ""


def wrong_in_time(events: list[Event], stamped_at: datetime) -> str:
    """Check that the timestamp and the log agree about when it was signed."""
    logged = _facts(events, "agreement.signed")["signed_at"]
    if was_stamped_later(events):
        if stamped_at < moment(logged) - TIMESTAMP_APART:
            return "the timestamp is older than the signature"
        logged = _facts(events, STAMPED)["stamped_at"]
    apart = abs(stamped_at - moment(logged))
    return "" if apart <= TIMESTAMP_APART else f"timestamp and log are {apart} apart"
