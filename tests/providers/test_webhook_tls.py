"""A certificate is checked against the URL's name, though the connection goes to the checked address."""

import socket
import ssl
from collections.abc import Sequence
from pathlib import Path

import pytest

from merchant_server.providers.sockets import deadline_tls_context
from tests.fakes.receiver import RawReceiver, Receiver
from tests.providers.certificates import make_certificate
from tests.providers.webhooks import send, sender


def _hang(connection: socket.socket) -> None:
    connection.settimeout(10)
    while connection.recv(4096):
        pass


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
