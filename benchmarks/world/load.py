"""A closed-loop HTTP load generator over plain sockets: raw latencies, and every answer's status is checked."""

import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.measuring import Round

ANSWER_SECONDS = 60


class AnswerUnexpected(Exception):
    """A server gave another status than the path promises. Attributes: status, body."""

    def __init__(self, status: int, body: bytes) -> None:
        self.status, self.body = status, body
        super().__init__(f"HTTP {status}: {body[:600]!r}")


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer."""

    status: int
    head: bytes
    body: bytes


def request(method: str, path: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    """Return the bytes of one request."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


class Connection:
    """One keep-alive connection."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=ANSWER_SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, asked: bytes) -> Answer:
        """Send a request and read its whole answer, whose length must be given in its head."""
        self._socket.sendall(asked)
        got = b""
        while b"\r\n\r\n" not in got:
            got += self._more()
        head, _, body = got.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        while len(body) < length:
            body += self._more()
        return Answer(int(head[9:12]), head, body)

    def _more(self) -> bytes:
        piece = self._socket.recv(65_536)
        if not piece:
            raise ConnectionError("the server closed the connection")
        return piece

    def close(self) -> None:
        """Close."""
        self._socket.close()


def drive(port: int, requests: Sequence[bytes], connections: int, status: int) -> Round:
    """Send the requests over so many connections at once, each waiting for its answer. Raises AnswerUnexpected."""
    start = threading.Barrier(connections + 1)
    latencies: list[float] = []
    failures: list[BaseException] = []

    def client(mine: Sequence[bytes]) -> None:
        connection = Connection(port)
        try:
            start.wait()
            latencies.extend(_each(connection, mine, status))
        except (AnswerUnexpected, OSError, threading.BrokenBarrierError) as failure:
            failures.append(failure)
        finally:
            connection.close()

    threads = [
        threading.Thread(target=client, args=(requests[first::connections],)) for first in range(connections)
    ]
    for thread in threads:
        thread.start()
    start.wait()
    started = time.perf_counter()
    for thread in threads:
        thread.join()
    elapsed = time.perf_counter() - started
    if failures:
        raise failures[0]
    return Round(latencies, median(latencies) if connections == 1 else elapsed / len(requests))


def _each(connection: Connection, requests: Sequence[bytes], status: int) -> list[float]:
    latencies = []
    for asked in requests:
        before = time.perf_counter()
        answer = connection.ask(asked)
        latencies.append(time.perf_counter() - before)
        if answer.status != status:
            raise AnswerUnexpected(answer.status, answer.body)
    return latencies
