"""Verifying pushed events: the published vectors, every cause named, and nothing but the typed error."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fenqi import FenqiError, SignatureVerificationError, webhooks
from fenqi.testing import FakeServer, sign
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from .published import vectors

PUBLISHED = vectors("standards/standard_webhooks.json") or {
    "verify": [],
    "sign": [],
    "empty_secret_must_raise": [],
}
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
SENT = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
EVENT = {
    "object": "event",
    "id": "evt_1",
    "type": "checkout.captured",
    "mode": "test",
    "sequence": 7,
    "created_at": "2026-11-21T08:00:00.000000Z",
    "aggregate": {"type": "checkout", "id": "chk_1", "sequence": 6},
    "data": {"object": "other", "名": "分期"},
}
BODY = json.dumps(EVENT, ensure_ascii=False).encode()


def headers_for(body: bytes = BODY, secret: str = SECRET, sent_at: datetime = SENT) -> dict[str, str]:
    return sign(body, secret, message_id="evt_1", sent_at=sent_at)


def refused(
    body: Any = BODY, headers: Any = None, secret: Any = SECRET, **options: Any
) -> SignatureVerificationError:
    with pytest.raises(SignatureVerificationError) as caught:
        webhooks.verify(
            body, headers_for() if headers is None else headers, secret, **({"now": SENT} | options)
        )
    return caught.value


@pytest.mark.parametrize("case", PUBLISHED["verify"], ids=lambda case: case["id"])
def test_the_published_cases_are_accepted_and_refused_as_published(case: dict[str, Any]) -> None:
    def verify() -> webhooks.Event:
        return webhooks.verify(case["payload"].encode(), case["headers"], case["secret"], now=case["now"])

    if case["expect"] == "accept":
        assert verify().id == case["headers"]["webhook-id"]
    else:
        with pytest.raises(SignatureVerificationError):
            verify()


@pytest.mark.parametrize(
    "case",
    [case for case in PUBLISHED["sign"] if case["signature"].startswith("v1,")],
    ids=lambda case: case["id"],
)
def test_our_signatures_equal_the_published_ones(case: dict[str, Any]) -> None:
    sent_at = datetime.fromtimestamp(case["timestamp"], UTC)
    headers = sign(case["payload"].encode(), case["secret"], message_id=case["msg_id"], sent_at=sent_at)
    assert headers["webhook-signature"] == case["signature"]


def test_the_known_signature_of_the_specification_verifies() -> None:
    """Standard Webhooks, libraries/python/tests/test_webhooks.py, test_sign_function (MIT)."""
    event = webhooks.verify(
        b'{"test": 2432232314}',
        {
            "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "webhook-timestamp": "1614265330",
            "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        },
        SECRET,
        now=1614265330,
    )
    assert event.data == {"test": 2432232314}


def test_a_genuine_event_is_returned_typed() -> None:
    event = webhooks.verify(BODY, headers_for(), SECRET, now=SENT)
    assert (event.id, event.type, event.sequence, event.cursor) == ("evt_1", "checkout.captured", 7, "evt_1")
    assert event.aggregate.sequence == 6
    assert event.data["名"] == "分期"
    assert event.checkout is None


def test_the_library_that_wrote_the_standard_accepts_our_signature() -> None:
    body, headers = _captured(FakeServer())
    assert Webhook(FakeServer.webhook_secret).verify(body, headers)["type"] == "checkout.captured"


def _captured(server: FakeServer) -> tuple[bytes, dict[str, str]]:
    from fenqi import Money

    checkout = server.client().checkouts.create(amount=Money(399900, "CNY"), reference="o")
    server.advance(checkout.id, to="authorized")
    return server.signed_event("checkout.captured")


@pytest.mark.parametrize("body", [EVENT, "text", None, bytearray(b"{}"), memoryview(b"{}")])
def test_a_body_that_is_not_bytes_was_parsed_before_verification(body: Any) -> None:
    error = refused(body)
    assert error.reason == "body_parsed"
    assert "the body was parsed before verification" in str(error)


@pytest.mark.parametrize(
    "dumped",
    [
        json.dumps(EVENT),
        json.dumps(EVENT, separators=(",", ":")),
        json.dumps(EVENT, separators=(",", ":"), ensure_ascii=False),
    ],
)
def test_a_body_that_a_framework_wrote_again_is_recognised(dumped: str) -> None:
    error = refused(dumped.encode())
    assert error.reason == "body_parsed"
    assert "written again" in str(error)


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_a_missing_header_is_named(name: str) -> None:
    headers = headers_for()
    del headers[name]
    error = refused(headers=headers)
    assert error.reason == "header_missing"
    assert name in str(error)


@pytest.mark.parametrize(
    "signature",
    ["garbage", "v1", "v1,", "v1,a,b", "v1,%%%%", ",", " ", "v1a,AAAA", "v1,=", "v1,AAAA=" * 2000],
)
def test_a_malformed_signature_header_is_refused(signature: str) -> None:
    assert refused(headers=headers_for() | {"webhook-signature": signature}).reason == "header_malformed"


@pytest.mark.parametrize(
    "timestamp", ["hello", "1.5", "-1", " 1", "1e9", "١٦١٤٢٦٥٣٣٠", "9" * 30, "999999999999"]
)
def test_a_malformed_timestamp_is_refused(timestamp: str) -> None:
    assert refused(headers=headers_for() | {"webhook-timestamp": timestamp}).reason == "header_malformed"


def test_two_different_values_of_one_header_are_refused() -> None:
    pairs = [*headers_for().items(), ("Webhook-Id", "evt_2")]
    assert refused(headers=pairs).reason == "header_malformed"


def test_a_wrong_secret_is_told_apart_from_a_useless_one() -> None:
    assert refused(secret=OTHER).reason == "signature_mismatch"


@pytest.mark.parametrize(
    "secret", ["", "whsec_", "whsec_%%%", "whsk_6Xb/dCcH", None, 7, [], [None], ["whsec_"], {}]
)
def test_a_useless_secret_is_said_to_be_one(secret: Any) -> None:
    assert refused(secret=secret).reason == "secret_invalid"


@pytest.mark.parametrize("seconds", [-100_000, -301, 301, 94_608_000])
def test_clock_skew_is_named_in_seconds_both_ways(seconds: int) -> None:
    error = refused(now=SENT + timedelta(seconds=seconds))
    assert (error.reason, error.skew_seconds) == ("clock_skew", seconds)
    assert f"{abs(seconds)} s" in str(error)


@pytest.mark.parametrize("seconds", [-300, 0, 300])
def test_skew_within_the_tolerance_passes(seconds: int) -> None:
    assert webhooks.verify(BODY, headers_for(), SECRET, now=SENT + timedelta(seconds=seconds)).id == "evt_1"


def test_a_forged_body_is_not_excused_as_skew() -> None:
    assert refused(BODY.replace(b"7", b"8"), now=SENT + timedelta(days=1)).reason == "signature_mismatch"


def test_any_of_several_secrets_may_match_while_one_is_rotated() -> None:
    assert webhooks.verify(BODY, headers_for(), [OTHER, SECRET], now=SENT).id == "evt_1"
    both = headers_for() | {
        "webhook-signature": headers_for(secret=OTHER)["webhook-signature"]
        + " "
        + headers_for()["webhook-signature"]
    }
    assert webhooks.verify(BODY, both, SECRET, now=SENT).id == "evt_1"


@pytest.mark.parametrize("body", [b"[]", b"7", b"{", b"null", b"\xef\xbb\xbf{}", b"[" * 100_000])
def test_an_authentic_body_that_is_no_event_is_refused(body: bytes) -> None:
    assert refused(body, headers_for(body)).reason == "body_not_event"


def test_a_body_that_is_not_utf8_is_refused() -> None:
    assert refused(b"\xff\xfe").reason == "body_not_utf8"


@pytest.mark.parametrize("now", [SENT.replace(tzinfo=None), "now", True, object()])
def test_an_unusable_now_is_refused_as_such(now: Any) -> None:
    assert refused(now=now).reason == "argument_invalid"


class TestHeaderShapes:
    """Every framework's headers work as they come."""

    def test_names_in_any_case(self) -> None:
        headers = {name.upper(): value for name, value in headers_for().items()}
        assert webhooks.verify(BODY, headers, SECRET, now=SENT).id == "evt_1"

    def test_werkzeug_headers(self) -> None:
        datastructures = pytest.importorskip("werkzeug.datastructures")
        headers = datastructures.Headers(list(headers_for().items()))
        assert webhooks.verify(BODY, headers, SECRET, now=SENT).id == "evt_1"

    def test_wsgi_environment_as_in_django_meta(self) -> None:
        meta = {"HTTP_" + name.upper().replace("-", "_"): value for name, value in headers_for().items()}
        assert webhooks.verify(BODY, meta | {"wsgi.input": object()}, SECRET, now=SENT).id == "evt_1"

    def test_asgi_pairs_of_bytes(self) -> None:
        pairs = [(name.encode(), value.encode()) for name, value in headers_for().items()]
        assert webhooks.verify(BODY, pairs, SECRET, now=SENT).id == "evt_1"

    def test_lists_of_values(self) -> None:
        headers = {name: [value] for name, value in headers_for().items()}
        assert webhooks.verify(BODY, headers, SECRET, now=SENT).id == "evt_1"

    @pytest.mark.parametrize("headers", [None, 7, "text", [1, 2], [("a",)]])
    def test_anything_else_is_refused(self, headers: Any) -> None:
        with pytest.raises(SignatureVerificationError):
            webhooks.verify(BODY, headers, SECRET, now=SENT)


@given(st.data())
def test_changing_one_byte_or_header_never_verifies_and_never_leaks_another_error(
    data: st.DataObject,
) -> None:
    body, headers = bytearray(BODY), headers_for()
    if data.draw(st.booleans()):
        position = data.draw(st.integers(0, len(body) - 1))
        body[position] ^= data.draw(st.integers(1, 255))
    else:
        name = data.draw(st.sampled_from(["webhook-id", "webhook-timestamp", "webhook-signature"]))
        headers[name] = data.draw(st.text(max_size=40).filter(lambda text: text != headers[name]))
    with pytest.raises(SignatureVerificationError):
        webhooks.verify(bytes(body), headers, SECRET, now=SENT)


def test_the_error_is_one_of_ours_and_shows_no_secret() -> None:
    error = refused(secret=OTHER)
    assert isinstance(error, FenqiError)
    assert OTHER not in repr(error) + str(error)


# The example of the standard, signed by svix (its spec/standard-webhooks.md shows the same signature).
PUBLIC = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="
ED25519 = "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg=="
SIGNED = b'{"test": 2432232314}'
ED25519_HEADERS = {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": ED25519,
}
ED25519_NOW = 1614265330


def test_the_published_ed25519_vector_verifies_with_its_public_key_alone() -> None:
    event = webhooks.verify(SIGNED, ED25519_HEADERS, PUBLIC, now=ED25519_NOW)
    assert event.id == "msg_p5jXN8AQM9LWM0D4loKWxJek" and event.raw == {"test": 2432232314}


def test_a_secret_and_a_public_key_may_stand_side_by_side_while_one_replaces_the_other() -> None:
    both = [SECRET, PUBLIC]
    assert webhooks.verify(SIGNED, ED25519_HEADERS, both, now=ED25519_NOW).id
    assert webhooks.verify(BODY, headers_for(), both, now=SENT).id == "evt_1"


@pytest.mark.parametrize(
    ("changes", "body", "reason"),
    [
        ({}, b'{"test": 2432232315}', "signature_mismatch"),
        ({}, b'{"test":2432232314}', "body_parsed"),
        ({"webhook-id": "msg_other"}, SIGNED, "signature_mismatch"),
        ({"webhook-timestamp": "1614265331"}, SIGNED, "signature_mismatch"),
        ({"webhook-signature": ED25519.replace("hnO3", "hnO4")}, SIGNED, "signature_mismatch"),
        ({"webhook-signature": "v1a,AAAA"}, SIGNED, "signature_mismatch"),
        ({"webhook-signature": ED25519.replace("v1a", "v1")}, SIGNED, "header_malformed"),
    ],
)
def test_nothing_but_what_the_private_key_signed_verifies(
    changes: dict[str, str], body: bytes, reason: str
) -> None:
    got = refused(body, ED25519_HEADERS | changes, PUBLIC, now=ED25519_NOW)
    assert got.reason == reason


def test_a_public_key_that_lags_or_an_old_message_is_named() -> None:
    assert refused(SIGNED, ED25519_HEADERS, PUBLIC, now=ED25519_NOW + 301).reason == "clock_skew"


@pytest.mark.parametrize(
    "key", ["whpk_", "whpk_AAAA", PUBLIC[:-4], "whpk_%%%", PUBLIC.replace("whpk_", "whsk_")]
)
def test_a_key_that_is_none_is_named(key: str) -> None:
    got = refused(SIGNED, ED25519_HEADERS, key, now=ED25519_NOW)
    assert got.reason == "secret_invalid" and "whpk_" in got.message


def test_a_secret_where_a_public_key_belongs_says_which_is_which() -> None:
    got = refused(SIGNED, ED25519_HEADERS, SECRET, now=ED25519_NOW)
    assert got.reason == "header_malformed" and "public_key" in got.message
