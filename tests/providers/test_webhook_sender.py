"""A delivery verifies with the reference library, and no receiver can make the sender raise, hang or wander."""

import json
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from standardwebhooks import Webhook

from merchant_server.ports import Sent
from merchant_server.providers.addresses import AddressRefused, may_connect, parse_target
from merchant_server.providers.sockets import deadline_tls_context
from merchant_server.providers.webhook_sender import HttpWebhookSender
from tests.fakes.receiver import RawReceiver, Receiver
from tests.providers.certificates import make_certificate

STANDARDS = Path(__file__).parents[2].parent / "shared" / "vectors" / "standards"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NEXT_SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
# Restated from standard-webhooks and svix-webhooks (MIT), test_sign_function and test_sign.
SIGNED = [
    (SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, '{"test": 2432232314}', "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
    (NEXT_SECRET, "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk", 1649367553, '{"email":"test@example.com","username":"test_user"}', "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw="),
]
# stripe/smokescreen TestClassifyAddr (MIT) and our own additions.
DENIED = """10.0.0.1 172.16.0.1 192.168.0.1 100.64.0.1 100.64.0.100 100.127.255.254 127.0.0.1 127.255.255.255 ::1
169.254.169.254 255.255.255.255 ff02:0:0:0:0:0:0:2 64:ff9b::ac1c:5 64:ff9b::c000:201 64:ff9b::a00:1 64:ff9b::808:808
64:ff9b::ffff:ffff 2002:c000:201::1 2002:a00:1::1 2002:808:808::1 2001:0:4136:e378:8000:63bf:3fff:fdd2
2001:0:1234:5678:9abc:def0:1234:5678 0.0.0.0 :: ::ffff:127.0.0.1 ::ffff:10.0.0.1 169.254.170.2 fe80::1 fc00::1
fd00:ec2::254 192.0.0.192 198.18.0.1 224.0.0.1 240.0.0.1 100.100.100.200 not-an-address""".split()
ALLOWED = "8.8.8.8 100.63.255.254 100.128.0.1 2001:4860:4860::8888 2606:4700:4700::1111 64:ff9c::1".split()
SANDBOX_ONLY = "10.0.0.1 172.16.0.1 192.168.0.1 127.0.0.1 127.255.255.255 ::1 fc00::1".split()
URL_FORMS = [
    "http://127.0.0.1/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0177.0.0.1/",
    "http://127.1/",
    "http://[::1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://localhost./",
    "http://user@127.0.0.1/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:6379/",
    "ftp://127.0.0.1/",
]


def sender(**changes: object) -> HttpWebhookSender:
    settings = {"version": "0.1.0", "allow_private": True, "total_timeout_seconds": 1.0, **changes}
    return HttpWebhookSender(**settings)  # type: ignore[arg-type]


def send(to: HttpWebhookSender, url: str, **changes: object) -> Sent:
    message = {
        "secret": SECRET,
        "message_id": "evt_01",
        "timestamp": datetime.now(UTC),
        "body": b'{"type":"checkout.authorized"}',
        **changes,
    }
    return to.send(url=url, **message)  # type: ignore[arg-type]


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
                send(sender(), receiver.url, secret=secret, message_id=message_id, timestamp=at, body=payload.encode())
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
        [(200, ""), (299, ""), (400, "status_400"), (410, "status_410"), (429, "status_429"), (500, "status_500")],
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
            pytest.param(_say(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n", then="hang"), 200, "", id="no body"),
            pytest.param(_endless, 200, "", id="endless body"),
            pytest.param(_reset, 0, "connection_failed", id="RST"),
            pytest.param(_say(b""), 0, "connection_failed", id="closes at once"),
            pytest.param(_say(b"\x00\xff garbage\r\n\r\n"), 0, "answer_malformed", id="no HTTP"),
            pytest.param(_say(b"HTTP/1.1 999999 OK\r\n\r\n"), 0, "answer_malformed", id="absurd status"),
            pytest.param(_say(b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 500), 0, "answer_malformed", id="500 headers"),
            pytest.param(_say(b"HTTP/1.1 200 " + b"x" * 200_000), 0, "answer_malformed", id="long status line"),
            pytest.param(_say(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nZZ\r\n"), 200, "", id="bad chunk"),
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

    def test_nobody_listening_is_a_failed_connection(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        assert send(sender(), f"http://127.0.0.1:{port}/").reason == "connection_failed"

    def test_a_second_address_is_tried_when_the_first_refuses(self) -> None:
        with Receiver((200, b"", {})) as receiver:
            to = sender(resolve=lambda host, port: ["::1", "127.0.0.1"])
            assert send(to, f"http://shop.example:{receiver.port}/").status == 200


class TestTls:
    """A certificate is checked against the URL's name, though the connection goes to the checked address."""

    def test_a_good_certificate_is_accepted_on_the_pinned_address(self, tmp_path: Path) -> None:
        server, cafile = make_certificate(tmp_path, "shop.example")
        asked: list[str] = []

        def resolve(host: str, port: int) -> Sequence[str]:
            asked.append(host)
            return ["127.0.0.1"]

        with Receiver((200, b"", {}), tls=server) as receiver:
            to = sender(resolve=resolve, tls_context=deadline_tls_context(cafile))
            sent = send(to, f"https://shop.example:{receiver.port}/hook")
            assert (sent.status, sent.reason) == (200, "")
            assert receiver.next().headers["host"] == f"shop.example:{receiver.port}"
        assert asked == ["shop.example"]

    @pytest.mark.parametrize("host", ["other.example", "127.0.0.1"])
    def test_a_certificate_for_another_name_is_refused(self, tmp_path: Path, host: str) -> None:
        server, cafile = make_certificate(tmp_path, "shop.example")
        with Receiver((200, b"", {}), tls=server) as receiver:
            to = sender(resolve=lambda *_: ["127.0.0.1"], tls_context=deadline_tls_context(cafile))
            assert send(to, f"https://{host}:{receiver.port}/").reason == "tls_failed"
            assert receiver.received.empty()

    def test_an_unknown_authority_is_refused(self, tmp_path: Path) -> None:
        server, _ = make_certificate(tmp_path, "shop.example")
        with Receiver((200, b"", {}), tls=server) as receiver:
            to = sender(resolve=lambda *_: ["127.0.0.1"])
            assert send(to, f"https://shop.example:{receiver.port}/").reason == "tls_failed"

    def test_a_receiver_without_tls_is_refused(self) -> None:
        with RawReceiver(lambda connection: connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")) as receiver:
            assert send(sender(), f"https://127.0.0.1:{receiver.port}/").reason == "tls_failed"

    def test_a_handshake_that_hangs_ends_in_time(self) -> None:
        with RawReceiver(lambda connection: _hang(connection)) as receiver:
            assert send(sender(), f"https://127.0.0.1:{receiver.port}/").reason == "timeout"

    def test_a_context_without_deadlines_is_not_taken(self) -> None:
        with pytest.raises(TypeError, match="deadline_tls_context"):
            sender(tls_context=ssl.create_default_context())


def _hang(connection: socket.socket) -> None:
    connection.settimeout(10)
    while connection.recv(4096):
        pass


class TestAddresses:
    """A webhook goes to public addresses only, however the URL is spelled."""

    @pytest.mark.parametrize("address", DENIED)
    def test_an_inner_address_is_refused(self, address: str) -> None:
        assert not may_connect(address, allow_private=False)

    @pytest.mark.parametrize("address", ALLOWED)
    def test_a_public_address_is_allowed(self, address: str) -> None:
        assert may_connect(address, allow_private=False)

    @pytest.mark.parametrize("address", DENIED + ALLOWED)
    def test_a_sandbox_adds_loopback_and_private_ranges_only(self, address: str) -> None:
        assert may_connect(address, allow_private=True) == (address in SANDBOX_ONLY + ALLOWED)

    def test_every_row_of_the_published_table_agrees(self) -> None:
        if not STANDARDS.exists():
            pytest.skip("the reference vectors are not beside this checkout")
        table = json.loads((STANDARDS / "ssrf_addresses.json").read_text("utf-8"))
        denied = [row[0] for row in table["deny"]] + table["derived_deny"]["addresses"]
        assert [address for address in denied if may_connect(address, allow_private=False)] == []
        assert [row[0] for row in table["allow"] if not may_connect(row[0], allow_private=False)] == []
        assert table["derived_url_forms_deny"] == URL_FORMS

    @pytest.mark.parametrize("url", URL_FORMS + [url.replace("http:", "https:") for url in URL_FORMS])
    def test_no_spelling_of_an_inner_url_connects(self, url: str) -> None:
        sent = send(sender(allow_private=False), url)
        assert sent.status == 0
        assert sent.reason in ("url_refused", "address_refused", "dns_failed")

    @pytest.mark.parametrize(
        "url",
        [
            "",
            "https://",
            "https:///path",
            "//shop.example/",
            "https://shop.example:0/",
            "https://shop.example:99999/",
            "https://shop.example:x/",
            "https://user:pass@shop.example/",
            "https://shop.example/\r\nx: y",
            "https://shop example/",
            "https://shop.example\\@evil.example/",
            "https://[::1/",
            "https://[fe80::1%25eth0]/",
            "https://" + "a" * 70 + ".example/",
            "https://shop.example/" + "a" * 3000,
            "javascript:alert(1)",
        ],
    )
    def test_a_url_that_is_no_plain_https_url_is_refused(self, url: str) -> None:
        with pytest.raises(AddressRefused) as refusal:
            parse_target(url, allow_private=False)
        assert refusal.value.code == "url_refused"
        assert send(sender(allow_private=False), url).reason == "url_refused"

    def test_one_inner_answer_among_public_ones_refuses_them_all(self) -> None:
        to = sender(allow_private=False, resolve=lambda *_: ["8.8.8.8", "127.0.0.1"])
        assert send(to, "https://shop.example/").reason == "address_refused"

    def test_a_name_that_changes_its_address_is_asked_once_and_judged_by_what_is_used(self) -> None:
        """DNS rebinding: public at the first question, loopback at the second; there is no second question."""
        with Receiver((200, b"", {})) as receiver:
            answers = [["127.0.0.1"], ["169.254.169.254"]]
            to = sender(resolve=lambda *_: answers.pop(0))
            assert send(to, f"http://shop.example:{receiver.port}/").status == 200
            assert len(answers) == 1
            # The next delivery asks anew and is judged anew.
            assert send(to, f"http://shop.example:{receiver.port}/").reason == "address_refused"

    def test_a_name_server_that_keeps_silent_ends_in_time(self) -> None:
        with RawReceiver(_hang) as silent:

            def resolve(host: str, port: int) -> Sequence[str]:
                with socket.create_connection(("127.0.0.1", silent.port)) as connection:
                    connection.settimeout(5)
                    connection.recv(1)
                return []

            sent = send(sender(resolve=resolve, connect_timeout_seconds=0.3), "https://shop.example/")
            assert sent.reason == "dns_timeout" and sent.seconds < 2

    def test_a_name_without_an_address_is_a_failure(self) -> None:
        def resolve(host: str, port: int) -> Sequence[str]:
            raise socket.gaierror("no such name")

        assert send(sender(resolve=resolve), "https://shop.example/").reason == "dns_failed"
