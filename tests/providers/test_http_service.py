"""A provider that hangs, babbles, redirects or breaks off costs bounded time and gives one kind of error."""

import gzip
import socket
import time
from collections.abc import Callable

import pytest

from merchant_server.ports import ProviderUnavailable
from merchant_server.providers.http import Answer, JsonService
from tests.fakes.receiver import RawReceiver, Receiver

# 60 kB that unpack to 60 MB of well-formed JSON.
BOMB = gzip.compress(b'{"a": "' + b" " * 60_000_000 + b'"}')


def service(port: int, *, read_timeout_seconds: float = 0.4) -> JsonService:
    return JsonService(
        provider="bureau",
        base_url=f"http://127.0.0.1:{port}",
        api_key="secret-key",
        connect_timeout_seconds=0.4,
        read_timeout_seconds=read_timeout_seconds,
    )


def read_request(connection: socket.socket) -> None:
    seen = b""
    while b"}" not in seen:
        piece = connection.recv(4096)
        if not piece:
            return
        seen += piece


def hang(connection: socket.socket) -> None:
    read_request(connection)
    connection.settimeout(10)
    connection.recv(1)


def dribble(prefix: bytes) -> Callable[[socket.socket], None]:
    """Send one byte each 50 ms, for ever: each read succeeds, the whole never ends."""

    def behave(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(prefix)
        connection.settimeout(0.05)
        for _ in range(400):
            connection.sendall(b"x")
            try:
                if not connection.recv(1):
                    return
            except TimeoutError:
                continue

    return behave


def say(raw: bytes) -> Callable[[socket.socket], None]:
    def behave(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(raw)

    return behave


def head(length: int, status: str = "200 OK") -> bytes:
    return f"HTTP/1.1 {status}\r\ncontent-length: {length}\r\n\r\n".encode()


@pytest.mark.parametrize(
    "behave",
    [
        pytest.param(hang, id="hangs"),
        pytest.param(dribble(b""), id="dribbles its status line"),
        pytest.param(dribble(b"HTTP/1.1 200 OK\r\nx-long: "), id="dribbles its headers"),
        pytest.param(dribble(head(100_000)), id="dribbles its body"),
        pytest.param(say(head(10_000_000) + b"x" * 200_000), id="huge body"),
        pytest.param(say(head(100) + b"{"), id="breaks off"),
        pytest.param(say(b"garbage\r\n\r\n"), id="no HTTP"),
        pytest.param(say(head(4) + b"null"), id="null"),
        pytest.param(say(head(2) + b"[]"), id="array"),
        pytest.param(say(head(9) + b'{"a":1.5}'), id="float"),
        pytest.param(say(head(13) + b'{"a":1,"a":2}'), id="duplicate key"),
        pytest.param(say(head(0, "204 No Content")), id="no content"),
        pytest.param(say(head(2, "500 Oops") + b"{}"), id="500"),
        pytest.param(say(head(2, "429 Slow down") + b"{}"), id="429"),
        pytest.param(say(head(2, "401 Who") + b"{}"), id="401"),
        pytest.param(
            say(b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 2\r\n\r\n{}"),
            id="redirect",
        ),
        pytest.param(say(b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n\r\n" + BOMB), id="unasked gzip"),
    ],
)
def test_whatever_it_does_is_unavailable_within_bounds_and_says_nothing_personal(
    behave: Callable[[socket.socket], None],
) -> None:
    with RawReceiver(behave) as receiver:
        started = time.monotonic()
        with pytest.raises(ProviderUnavailable) as failure:
            service(receiver.port).post("bureau", "v1", "reports", body={"id_number": "110101199003077774"})
        assert time.monotonic() - started < 3
    assert failure.value.provider == "bureau"
    assert "110101199003077774" not in str(failure.value) and "secret-key" not in str(failure.value)


def test_nobody_listening_is_unavailable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = int(taken.getsockname()[1])
    with pytest.raises(ProviderUnavailable):
        service(port).get("anything")


def test_a_connection_that_broke_is_tried_once_more() -> None:
    def break_once(connection: socket.socket) -> None:
        read_request(connection)
        if receiver.connections > 1:
            connection.sendall(head(12) + b'{"good":"y"}')

    with RawReceiver(break_once) as receiver:
        assert service(receiver.port).post("x", body={}) == Answer(200, {"good": "y"})
        assert receiver.connections == 2


def test_a_connection_that_keeps_breaking_is_tried_twice_and_no_more() -> None:
    with RawReceiver(read_request) as receiver:
        with pytest.raises(ProviderUnavailable):
            service(receiver.port).post("x", body={})
        assert receiver.connections == 2


def test_a_timeout_is_never_tried_again() -> None:
    with RawReceiver(hang) as receiver:
        with pytest.raises(ProviderUnavailable, match="in time"):
            service(receiver.port).post("x", body={})
        assert receiver.connections == 1


def test_a_reference_cannot_leave_its_path_segment() -> None:
    with Receiver((200, b"{}", {})) as receiver:
        service(receiver.port).post("mandates", "../../x?y#z/ä", "cancel", body={})
        assert receiver.next().path == "/mandates/..%2F..%2Fx%3Fy%23z%2F%C3%A4/cancel"


def test_the_key_is_sent_and_the_connection_is_kept() -> None:
    connections = 0

    def count_requests(connection: socket.socket) -> None:
        nonlocal connections
        connections += 1
        for _ in range(3):
            read_request(connection)
            connection.sendall(head(2) + b"{}")

    with RawReceiver(count_requests) as receiver:
        client = service(receiver.port)
        assert [client.post("x", body={}).status for _ in range(3)] == [200, 200, 200]
    assert connections == 1
