"""A delivery verifies with the reference library, and no receiver can make the sender raise, hang or wander."""

import contextlib
import json
import socket
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from standardwebhooks import Webhook

from merchant_server.providers.webhook_signing import new_secret, signed_headers
from merchant_server.services.setup_resources import public_key
from tests.fakes.receiver import RawReceiver, Receiver
from tests.providers.webhooks import SECRET, send, sender

NEXT_SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
# Restated from standard-webhooks and svix-webhooks (MIT), test_sign_function and test_sign.
SIGNED = [
    (
        SECRET,
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        '{"test": 2432232314}',
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    ),
    (
        NEXT_SECRET,
        "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
        1649367553,
        '{"email":"test@example.com","username":"test_user"}',
        "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=",
    ),
]


class TestDelivery:
    """What arrives is signed as Standard Webhooks 1.0 says."""

    def test_the_reference_library_verifies_what_arrives(self) -> None:
        with Receiver((204, b"", {})) as receiver:
            body = '{"type":"checkout.authorized","商户":"店"}'.encode()
            sent = send(sender(), receiver.url, body=body)
            got = receiver.next()
        assert (sent.status, sent.reason, sent.retry_after_seconds) == (204, "", None)
        assert 0 < sent.seconds < 1
        assert Webhook(SECRET).verify(got.body, got.headers) == json.loads(body)
        assert got.body == body

    def test_the_headers_are_the_agreed_ones(self) -> None:
        with Receiver((200, b"ok", {})) as receiver:
            send(sender(), receiver.url + "?a=1&b=%20")
            got = receiver.next()
        names = {name.lower(): value for name, value in got.headers.items()}
        assert names["user-agent"] == "fenqi-webhooks/0.1.0"
        assert names["content-type"] == "application/json"
        assert names["host"] == f"127.0.0.1:{receiver.port}"
        assert names["webhook-id"] == "evt_01"
        assert got.path == "/hook?a=1&b=%20"

    @pytest.mark.parametrize(("secret", "message_id", "timestamp", "payload", "signature"), SIGNED)
    def test_the_published_vectors_come_out_in_any_time_zone(
        self, secret: str, message_id: str, timestamp: int, payload: str, signature: str
    ) -> None:
        with Receiver((200, b"", {})) as receiver:
            for zone in (UTC, timezone(timedelta(hours=8))):
                at = datetime.fromtimestamp(timestamp, zone)
                send(
                    sender(),
                    receiver.url,
                    secret=secret,
                    message_id=message_id,
                    timestamp=at,
                    body=payload.encode(),
                )
                names = {name.lower(): value for name, value in receiver.next().headers.items()}
                assert names["webhook-signature"] == signature
                assert names["webhook-timestamp"] == str(timestamp)

    def test_while_a_secret_is_replaced_both_verify(self) -> None:
        with Receiver((200, b"", {})) as receiver:
            send(sender(), receiver.url, secret=f"{NEXT_SECRET} {SECRET}")
            got = receiver.next()
        for secret in (SECRET, NEXT_SECRET):
            assert Webhook(secret).verify(got.body, got.headers) == {"type": "checkout.authorized"}

    @pytest.mark.parametrize("secret", ["", " ", "whsec_", "whsec_ä", "whsec_x"])
    def test_a_secret_that_cannot_sign_sends_nothing_and_says_so(self, secret: str) -> None:
        with Receiver((200, b"", {})) as receiver:
            assert send(sender(), receiver.url, secret=secret).reason == "secret_unusable"
            assert receiver.received.empty()

    def test_a_naive_timestamp_is_a_programming_mistake(self) -> None:
        with pytest.raises(TypeError, match="aware"):
            send(sender(), "http://127.0.0.1:1/", timestamp=datetime(2026, 11, 21))  # noqa: DTZ001


class TestAnswers:
    """What the receiver says is reported, never followed."""

    @pytest.mark.parametrize(
        ("status", "reason"),
        [
            (200, ""),
            (299, ""),
            (400, "status_400"),
            (410, "status_410"),
            (429, "status_429"),
            (500, "status_500"),
        ],
    )
    def test_a_status_is_reported(self, status: int, reason: str) -> None:
        with Receiver((status, b"", {})) as receiver:
            sent = send(sender(), receiver.url)
        assert (sent.status, sent.reason) == (status, reason)

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_a_redirect_is_a_failure_and_is_not_followed(self, status: int) -> None:
        with Receiver() as elsewhere, Receiver((status, b"", {"location": ""})) as receiver:
            receiver.answers = [(status, b"", {"location": elsewhere.url})]
            sent = send(sender(), receiver.url)
            assert (sent.status, sent.reason) == (status, "redirect_refused")
            assert elsewhere.received.empty()

    @pytest.mark.parametrize(
        ("text", "seconds"),
        [
            ("120", 120),
            ("0", 0),
            (" 7 ", 7),
            ("999999999", 86_400),
            ("Sat, 21 Nov 2026 08:02:00 GMT", 120),
            ("Sat, 21 Nov 2026 07:00:00 GMT", 0),
            ("Sat, 21 Nov 2099 07:00:00 GMT", 86_400),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
            ("9" * 400, None),
            ("Sat, 99 Nov 99999 08:02:00 GMT", None),
        ],
    )
    def test_retry_after_is_read_as_seconds_within_a_day(self, text: str, seconds: int | None) -> None:
        now = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
        with Receiver((503, b"", {"retry-after": text})) as receiver:
            assert send(sender(), receiver.url, timestamp=now).retry_after_seconds == seconds


def _request(connection: socket.socket) -> None:
    seen = b""
    while b"checkout.authorized" not in seen:
        piece = connection.recv(65_536)
        if not piece:
            return
        seen += piece


def _say(raw: bytes, *, then: str = "close") -> Callable[[socket.socket], None]:
    def behave(connection: socket.socket) -> None:
        _request(connection)
        connection.sendall(raw)
        if then == "hang":
            connection.settimeout(10)
            connection.recv(1)

    return behave


def _dribble(raw: bytes) -> Callable[[socket.socket], None]:
    def behave(connection: socket.socket) -> None:
        _request(connection)
        connection.sendall(raw)
        connection.settimeout(0.05)
        for _ in range(400):
            connection.sendall(b"x")
            try:
                if not connection.recv(1):
                    return
            except TimeoutError:
                continue

    return behave


def _endless(connection: socket.socket) -> None:
    _request(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        connection.sendall(b"x" * 65_536)


def _endless_informational(connection: socket.socket) -> None:
    _request(connection)
    while True:
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")


def _reset(connection: socket.socket) -> None:
    connection.recv(1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")


def _hang(connection: socket.socket) -> None:
    connection.settimeout(10)
    while connection.recv(4096):
        pass


class TestHostileReceivers:
    """A hostile receiver costs one bounded try."""

    @pytest.mark.parametrize(
        ("behave", "status", "reason"),
        [
            pytest.param(_say(b"", then="hang"), 0, "timeout", id="hangs after the request"),
            pytest.param(_dribble(b""), 0, "timeout", id="a byte at a time, status"),
            pytest.param(_dribble(b"HTTP/1.1 200 OK\r\nx: "), 0, "timeout", id="a byte at a time, headers"),
            pytest.param(_endless_informational, 0, "answer_malformed", id="100 Continue for ever"),
            pytest.param(_dribble(b"HTTP/1.1 200 OK\r\n\r\n"), 200, "", id="a byte at a time, body"),
            pytest.param(
                _say(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n", then="hang"), 200, "", id="no body"
            ),
            pytest.param(_endless, 200, "", id="endless body"),
            pytest.param(_reset, 0, "connection_failed", id="RST"),
            pytest.param(_say(b""), 0, "connection_failed", id="closes at once"),
            pytest.param(_say(b"\x00\xff garbage\r\n\r\n"), 0, "answer_malformed", id="no HTTP"),
            pytest.param(_say(b"HTTP/1.1 999999 OK\r\n\r\n"), 0, "answer_malformed", id="absurd status"),
            pytest.param(
                _say(b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 500), 0, "answer_malformed", id="500 headers"
            ),
            pytest.param(
                _say(b"HTTP/1.1 200 " + b"x" * 200_000), 0, "answer_malformed", id="long status line"
            ),
            pytest.param(
                _say(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nZZ\r\n"), 200, "", id="bad chunk"
            ),
        ],
    )
    def test_it_ends_in_time_with_a_code_and_never_raises(
        self, behave: Callable[[socket.socket], None], status: int, reason: str
    ) -> None:
        with RawReceiver(behave) as receiver:
            started = time.monotonic()
            sent = send(sender(), f"http://127.0.0.1:{receiver.port}/")
            assert time.monotonic() - started < 3
        assert (sent.status, sent.reason) == (status, reason)

    def test_a_late_hang_gets_only_what_is_left_of_the_deadline(self) -> None:
        def late(connection: socket.socket) -> None:
            _request(connection)
            connection.settimeout(0.8)
            with contextlib.suppress(TimeoutError):
                connection.recv(1)
            connection.sendall(b"HTTP/1.1 200 OK\r\n")
            _hang(connection)

        with RawReceiver(late) as receiver:
            sent = send(sender(total_timeout_seconds=1.0), f"http://127.0.0.1:{receiver.port}/")
        assert sent.reason == "timeout"
        assert 0.9 < sent.seconds < 1.5

    def test_nobody_listening_is_a_failed_connection(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        assert send(sender(), f"http://127.0.0.1:{port}/").reason == "connection_failed"

    def test_a_second_address_is_tried_when_the_first_refuses(self) -> None:
        with Receiver((200, b"", {})) as receiver:
            to = sender(resolve=lambda host, port: ["::1", "127.0.0.1"])
            assert send(to, f"http://shop.example:{receiver.port}/").status == 200


class TestKeptConnections:
    """Connections stay open between events, and no trick with one costs an event or leads elsewhere."""

    def test_events_to_one_receiver_share_a_connection(self) -> None:
        connections: set[object] = set()

        def behave(connection: socket.socket) -> None:
            connections.add(connection)
            while _request_of(connection):
                connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")

        with RawReceiver(behave) as receiver:
            to = sender()
            assert [send(to, f"http://127.0.0.1:{receiver.port}/{n}").status for n in range(5)] == [200] * 5
            assert receiver.connections == len(connections) == 1

    @pytest.mark.parametrize(
        "answer",
        [
            b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok",
            b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok",
            b"HTTP/1.1 200 OK\r\ncontent-length: 90000\r\n\r\n" + b"x" * 90_000,
        ],
        ids=["close", "HTTP 1.0", "more than is read"],
    )
    def test_a_connection_that_cannot_be_trusted_again_is_not_used_again(self, answer: bytes) -> None:
        def behave(connection: socket.socket) -> None:
            while _request_of(connection):
                connection.sendall(answer)

        with RawReceiver(behave) as receiver:
            to = sender()
            for _ in range(3):
                assert send(to, f"http://127.0.0.1:{receiver.port}/").status == 200
                time.sleep(0.02)
            assert receiver.connections == 3

    def test_a_connection_that_was_closed_while_it_waited_costs_no_try(self) -> None:
        def behave(connection: socket.socket) -> None:
            _request_of(connection)
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
            # The next request is read and then cut off, as by a receiver that restarts.
            _request_of(connection)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")

        with RawReceiver(behave) as receiver:
            to = sender()
            assert [send(to, f"http://127.0.0.1:{receiver.port}/").status for _ in range(4)] == [200] * 4


def _request_of(connection: socket.socket) -> bytes:
    """Read one request with its body; empty when the peer closed."""
    seen = b""
    while b"checkout.authorized" not in seen:
        piece = connection.recv(65_536)
        if not piece:
            return b""
        seen += piece
    return seen


# Restated from svix-webhooks (MIT), test_asymmetric_key_signing; the specification shows the same signature.
ASYMMETRIC = (
    "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==",
    "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=",
    "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg==",
)


def test_the_published_ed25519_vector_comes_out_and_two_kinds_may_sign_side_by_side() -> None:
    private, public, signature = ASYMMETRIC
    at = datetime.fromtimestamp(1614265330, UTC)
    named = ("msg_p5jXN8AQM9LWM0D4loKWxJek", at, b'{"test": 2432232314}')
    assert signed_headers(private, *named)["webhook-signature"] == signature
    assert public_key(private) == public
    both = signed_headers(f"{private} {SECRET}", *named)["webhook-signature"]
    assert both == f"{signature} {SIGNED[0][4]}"


def test_every_signing_vector_of_the_standard_comes_out() -> None:
    path = Path(__file__).parents[2].parent / "shared" / "vectors" / "standards" / "standard_webhooks.json"
    if not path.exists():
        pytest.skip("the reference vectors are not beside this checkout")
    for case in json.loads(path.read_text("utf-8"))["sign"]:
        at = datetime.fromtimestamp(case["timestamp"], UTC)
        headers = signed_headers(case["secret"], case["msg_id"], at, case["payload"].encode())
        assert headers["webhook-signature"] == case["signature"], case["id"]


@pytest.mark.parametrize("signature", ["v1", "v1a"])
def test_a_new_secret_signs_and_no_two_are_alike(signature: str) -> None:
    made = {new_secret(signature) for _ in range(5)}
    assert len(made) == 5
    for secret in made:
        headers = signed_headers(secret, "evt_1", datetime(2026, 11, 22, tzinfo=UTC), b"{}")
        assert headers["webhook-signature"].startswith(f"{signature},")
