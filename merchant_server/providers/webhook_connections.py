"""Connections to webhook receivers: opened to an address that was checked, and kept open for a short while.

A kept connection is used again only for the same scheme, host and port, and only while its address is among those
that the name has now and that were judged. Knows no HTTP and no signature.
"""

import select
import socket
import ssl
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from merchant_server.providers.addresses import Target
from merchant_server.providers.sockets import DeadlineSocket, DeadlineTLSSocket

IDLE_SECONDS = 20.0
KEPT_MAX = 256
KEPT_EACH_MAX = 4
Socket = DeadlineSocket | DeadlineTLSSocket


@dataclass(frozen=True, slots=True)
class Opened:
    """A connection and the checked address that it leads to; `reused` says that it served before."""

    sock: Socket
    address: str
    reused: bool = False

    def close(self) -> None:
        """Close it."""
        self.sock.close()


class Connections:
    """Open connections by scheme, host and port. Thread-safe."""

    def __init__(self, *, connect_timeout_seconds: float, tls_context: ssl.SSLContext) -> None:
        self._connect_timeout_seconds = connect_timeout_seconds
        self._tls_context = tls_context
        self._lock = threading.Lock()
        self._kept: dict[tuple[bool, str, int], list[tuple[float, Opened]]] = {}

    def kept(self, target: Target, addresses: Sequence[str]) -> Opened | None:
        """Take a kept connection that is still alive and leads to one of `addresses`, or None."""
        while True:
            with self._lock:
                waiting = self._kept.get(_key(target))
                if not waiting:
                    return None
                until, opened = waiting.pop()
            if time.monotonic() < until and opened.address in addresses and _silent(opened.sock):
                return Opened(opened.sock, opened.address, reused=True)
            opened.close()

    def keep(self, target: Target, opened: Opened) -> None:
        """Give back a connection that may serve again."""
        with self._lock:
            waiting = self._kept.setdefault(_key(target), [])
            if len(waiting) < KEPT_EACH_MAX and sum(map(len, self._kept.values())) < KEPT_MAX:
                waiting.append((time.monotonic() + IDLE_SECONDS, opened))
                return
        opened.close()
        self.close_idle()

    def close_idle(self) -> None:
        """Close what nobody used for a while."""
        now = time.monotonic()
        with self._lock:
            over = [each for waiting in self._kept.values() for each in waiting if each[0] <= now]
            self._kept = {
                key: left
                for key, waiting in self._kept.items()
                if (left := [w for w in waiting if w[0] > now])
            }
        for _, opened in over:
            opened.close()

    def close(self) -> None:
        """Close every kept connection."""
        with self._lock:
            kept, self._kept = self._kept, {}
        for waiting in kept.values():
            for _, opened in waiting:
                opened.close()

    def __del__(self) -> None:
        self.close()

    def open(self, target: Target, addresses: Sequence[str], deadline: float) -> Opened:
        """Connect to the first address that answers. Raises OSError (TimeoutError, ssl.SSLError)."""
        failure: OSError = OSError("no address")
        for address in addresses:
            remaining = min(self._connect_timeout_seconds, deadline - time.monotonic())
            if remaining <= 0:
                raise TimeoutError
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            sock = DeadlineSocket(family, socket.SOCK_STREAM)
            try:
                sock.settimeout(remaining)
                sock.connect((address, target.port))
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                sock.deadline = deadline
                return Opened(self._secured(sock, target) if target.tls else sock, address)
            except ssl.SSLError:
                sock.close()
                raise
            except OSError as error:
                sock.close()
                failure = error
        raise failure

    def _secured(self, sock: DeadlineSocket, target: Target) -> DeadlineTLSSocket:
        deadline = sock.deadline
        secured = self._tls_context.wrap_socket(sock, server_hostname=target.host)
        assert isinstance(secured, DeadlineTLSSocket)
        secured.deadline = deadline
        return secured


def _key(target: Target) -> tuple[bool, str, int]:
    return target.tls, target.host, target.port


def _silent(sock: Socket) -> bool:
    """Say whether a waiting connection has nothing to read: a byte now is a close, or an answer nobody asked for."""
    try:
        readable, _, _ = select.select([sock], [], [], 0)
    except (OSError, ValueError):
        return False
    return not readable
