"""A callback that the bank did not sign, now and for these bytes, is refused before it is read."""

import base64
import hashlib
import hmac
import json
import random
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fenqi.finance.money import Money

from merchant_server.ports import BankCallback, CallbackForged, CallbackMalformed
from merchant_server.providers.bank import HttpBank
from merchant_server.providers.bank_callbacks import authenticate_callback, public_key_id
from merchant_server.providers.sandbox.callbacks import signed_headers

NOW = datetime(2026, 11, 21, 8, 30, tzinfo=UTC)
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
NEXT_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
STRANGER = Ed25519PrivateKey.from_private_bytes(bytes(range(2, 34)))
RING = {public_key_id(key.public_key()): key.public_key() for key in (KEY, NEXT_KEY)}
EVENT = "bev_0123456789abcdef"
FIELDS = {
    "gateway_account": "sandbox_gateway_1",
    "mode": "test",
    "kind": "deduction.succeeded",
    "reference": "ded_000001",
    "mandate_reference": "mnd_000001",
    "status": "succeeded",
    "code": "",
    "amount": {"minor": 35531, "currency": "CNY"},
    "occurred_at": "2026-11-21T08:29:59.500000+00:00",
}
BODY = json.dumps(FIELDS).encode()


def headers_of(
    body: bytes = BODY, key: Ed25519PrivateKey = KEY, at: datetime = NOW, **changes: str
) -> dict[str, str]:
    made = signed_headers(key, EVENT, body, at)
    return {**made, **{f"bank-{name.replace('_', '-')}": value for name, value in changes.items()}}


BANK = HttpBank(base_url="http://bank.invalid", api_key="k", gateway_account="g", keys=RING)


def authenticate(body: bytes, headers: dict[str, str], now: datetime = NOW) -> BankCallback:
    return BANK.authenticate(body, headers, now)


class TestGenuine:
    """What the bank signed is read, whole."""

    def test_every_field_arrives(self) -> None:
        callback = authenticate_callback(BODY, headers_of(), NOW, RING)
        assert callback.event_id == EVENT
        assert callback.amount == Money(35531, "CNY")
        assert (callback.kind, callback.status, callback.code) == ("deduction.succeeded", "succeeded", "")
        assert (callback.reference, callback.mandate_reference) == ("ded_000001", "mnd_000001")
        assert callback.occurred_at == datetime(2026, 11, 21, 8, 29, 59, 500_000, tzinfo=UTC)

    def test_header_names_may_have_any_case(self) -> None:
        authenticate(BODY, {name.title(): value for name, value in headers_of().items()})
        authenticate(BODY, {name.upper(): value for name, value in headers_of().items()})

    def test_both_keys_of_a_rotation_are_good_and_a_removed_one_is_not(self) -> None:
        assert authenticate(BODY, headers_of(key=KEY)) == authenticate(BODY, headers_of(key=NEXT_KEY))
        only_new = {public_key_id(NEXT_KEY.public_key()): NEXT_KEY.public_key()}
        with pytest.raises(CallbackForged, match="key ring"):
            authenticate_callback(BODY, headers_of(key=KEY), NOW, only_new)

    @pytest.mark.parametrize("seconds", [-300, -299, 0, 299, 300])
    def test_five_minutes_of_clock_difference_are_tolerated_both_ways(self, seconds: int) -> None:
        authenticate(BODY, headers_of(at=NOW + timedelta(seconds=seconds)))


class TestForged:
    """Nothing but the bank's own key over these very bytes is good."""

    @pytest.mark.parametrize("seconds", [-86400 * 365, -86400, -301, 301, 86400, 86400 * 365 * 74])
    def test_a_stale_or_early_callback_is_refused_both_ways(self, seconds: int) -> None:
        with pytest.raises(CallbackForged, match="timestamp"):
            authenticate(BODY, headers_of(at=NOW + timedelta(seconds=seconds)))

    def test_a_timestamp_moved_into_the_window_breaks_the_signature(self) -> None:
        old = headers_of(at=NOW - timedelta(days=1))
        with pytest.raises(CallbackForged, match="signature"):
            authenticate(BODY, {**old, "bank-timestamp": str(int(NOW.timestamp()))})

    @pytest.mark.parametrize("name", ["key-id", "timestamp", "event-id", "signature"])
    def test_a_missing_header_is_named(self, name: str) -> None:
        headers = headers_of()
        del headers[f"bank-{name}"]
        with pytest.raises(CallbackForged, match=f"bank-{name}"):
            authenticate(BODY, headers)

    def test_no_headers_at_all_is_refused(self) -> None:
        with pytest.raises(CallbackForged):
            authenticate(BODY, {})

    def test_a_strangers_key_under_the_banks_key_id_is_refused(self) -> None:
        with pytest.raises(CallbackForged, match="signature"):
            authenticate(BODY, headers_of(key=STRANGER, key_id=public_key_id(KEY.public_key())))

    def test_a_strangers_key_under_its_own_id_is_refused(self) -> None:
        with pytest.raises(CallbackForged, match="key ring"):
            authenticate(BODY, headers_of(key=STRANGER))

    def test_one_known_keys_signature_under_the_other_known_id_is_refused(self) -> None:
        with pytest.raises(CallbackForged, match="signature"):
            authenticate(BODY, headers_of(key=KEY, key_id=public_key_id(NEXT_KEY.public_key())))

    @pytest.mark.parametrize("algorithm", ["none", "HS256", "hmac-sha256", "RS256", "ed25519"])
    def test_the_message_cannot_choose_the_algorithm(self, algorithm: str) -> None:
        # The classic confusion: the public key, which everybody has, used as an HMAC secret.
        timestamp = str(int(NOW.timestamp()))
        signed = f"{EVENT}.{timestamp}.".encode() + BODY
        mac = hmac.new(KEY.public_key().public_bytes_raw(), signed, hashlib.sha256).digest()
        for signature in (mac, mac + mac, b"", b"\x00" * 64):
            headers = headers_of(
                signature=base64.b64encode(signature).decode(), signature_algorithm=algorithm
            )
            with pytest.raises(CallbackForged):
                authenticate(BODY, headers)

    @pytest.mark.parametrize("length", [0, 1, 31, 32, 63])
    def test_a_truncated_signature_is_refused(self, length: int) -> None:
        whole = base64.b64decode(headers_of()["bank-signature"])
        with pytest.raises(CallbackForged):
            authenticate(BODY, headers_of(signature=base64.b64encode(whole[:length]).decode()))

    @pytest.mark.parametrize(
        "spoil",
        [
            lambda text: text.rstrip("="),
            lambda text: text + "=",
            lambda text: text + "\n",
            lambda text: " " + text,
            lambda text: text.replace("+", "-").replace("/", "_") + "A",
            lambda text: "v1," + text,
            lambda text: text + " " + text,
            lambda text: "签名",
            # The last character's four spare bits: another text, the same 64 bytes.
            lambda text: text[:-3] + {"A": "B", "Q": "R", "g": "h", "w": "x"}[text[-3]] + "==",
        ],
    )
    def test_only_one_spelling_of_the_signature_is_good(self, spoil: object) -> None:
        assert callable(spoil)
        with pytest.raises(CallbackForged):
            authenticate(BODY, headers_of(signature=spoil(headers_of()["bank-signature"])))

    @pytest.mark.parametrize(
        "timestamp",
        [
            "",
            "0",
            "-1",
            "+1795249800",
            "01795249800",
            "1795249800.0",
            "１７９５２４９８００",
            "NaN",
            "9" * 400,
        ],
    )
    def test_a_timestamp_that_is_no_plain_number_is_refused(self, timestamp: str) -> None:
        with pytest.raises(CallbackForged):
            authenticate(BODY, headers_of(timestamp=timestamp))

    def test_bytes_cannot_be_moved_between_header_and_body(self) -> None:
        timestamp = str(int(NOW.timestamp()))
        inner = f"{EVENT}.{timestamp}."
        moved = {**headers_of(), "bank-event-id": f"{inner}x"}
        with pytest.raises(CallbackForged, match="malformed"):
            authenticate(BODY, moved)

    def test_a_body_reserialised_by_a_proxy_is_refused(self) -> None:
        with pytest.raises(CallbackForged, match="signature"):
            authenticate(json.dumps(FIELDS, separators=(",", ":")).encode(), headers_of())

    def test_a_huge_body_is_refused_unread(self) -> None:
        huge = b" " * 70_000 + BODY
        with pytest.raises(CallbackForged, match="too long"):
            authenticate(huge, headers_of(body=huge))

    def test_five_thousand_mutants_are_all_refused(self) -> None:
        """Flip, drop, insert or swap bytes of the body and of each header: not one is accepted."""
        random_source = random.Random(20261121)
        names = ("bank-key-id", "bank-timestamp", "bank-event-id", "bank-signature")
        tried = 0
        while tried < 5_000:
            body, headers = BODY, headers_of()
            part = random_source.choice((*names, "body", "body"))
            before = body if part == "body" else headers[part].encode("latin-1")
            after = _mutated(before, random_source)
            if after == before:
                continue
            if part == "body":
                body = after
            else:
                headers[part] = after.decode("latin-1")
            tried += 1
            with pytest.raises(CallbackForged):
                authenticate_callback(body, headers, NOW, RING)


def _mutated(raw: bytes, source: random.Random) -> bytes:
    changed = bytearray(raw)
    for _ in range(source.choice((1, 1, 1, 2, 5))):
        at = source.randrange(len(changed)) if changed else 0
        kind = source.randrange(5)
        if kind == 0 and changed:
            changed[at] ^= 1 << source.randrange(8)
        elif kind == 1 and changed:
            del changed[at]
        elif kind == 2:
            changed.insert(at, source.randrange(256))
        elif kind == 3 and changed:
            other = source.randrange(len(changed))
            changed[at], changed[other] = changed[other], changed[at]
        else:
            del changed[at:]
    return bytes(changed)


class TestMalformed:
    """Signed by the bank, and still not a callback: told apart from a forgery, and never applied."""

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"null",
            b"[]",
            b"{}",
            b"<xml><return_code>SUCCESS</return_code></xml>",
            b"\xef\xbb\xbf" + BODY,
            BODY.decode().encode("utf-16"),
            BODY.replace(b"35531", b"355.31"),
            BODY.replace(b"35531", b"3.5531e4"),
            BODY.replace(b"35531", b"NaN"),
            BODY.replace(b"35531", b"Infinity"),
            BODY.replace(b"35531", b"1e400"),
            BODY.replace(b"35531", b"true"),
            BODY.replace(b"35531", b'"35531"'),
            BODY.replace(b"35531", b"0"),
            BODY.replace(b"35531", b"-35531"),
            BODY.replace(b"35531", b"9" * 30),
            BODY.replace(b"35531", b"9" * 5000),
            BODY.replace(b'"CNY"', b'"XXQ"'),
            BODY.replace(b'"CNY"', b'"cny"'),
            BODY.replace(b'"mode": "test"', b'"mode": "test", "mode": "live"'),
            BODY.replace(b'"mode": "test"', b'"mode": "test", "extra": 1'),
            BODY.replace(b'"mode": "test", ', b""),
            BODY.replace(b'"mode": "test"', b'"mode": null'),
            BODY.replace(b'"mode": "test"', b'"mode": "te\\u0000st"'),
            BODY.replace(b'"mode": "test"', b'"mode": "\\ud800"'),
            BODY.replace(b'"succeeded"', b'"failed"'),
            BODY.replace(b"deduction.succeeded", b"deduction.paid"),
            BODY.replace(b"+00:00", b""),
            BODY.replace(b"+00:00", b"+08:00"),
            BODY.replace(b"2026-11-21T", b"2026-13-41T"),
            BODY + b" trailing",
            b"[" * 5_000,
        ],
    )
    def test_an_authentic_body_that_is_no_callback_is_malformed(self, body: bytes) -> None:
        with pytest.raises(CallbackMalformed):
            authenticate(body, headers_of(body=body))
