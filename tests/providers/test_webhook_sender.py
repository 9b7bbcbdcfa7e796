"""A delivery verifies with the reference library, and no receiver can make the sender raise, hang or wander."""

import contextlib
import json
import socket
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import pytest
from standardwebhooks import Webhook

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
            pytest.param(_endless_informational, 0, "timeout", id="100 Continue for ever"),
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
