"""Sockets that obey one deadline, so that a peer that sends a byte a second cannot hold a thread for ever.

A socket's own time-out starts anew with every byte. Nothing here chooses addresses or speaks HTTP.
"""

import math
import socket
import ssl
import time
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection


class _Deadline:
    """Shorten each receive to what is left until `deadline` (a reading of time.monotonic)."""

    deadline: float = math.inf

    def recv_into(self, *args: Any) -> int:
        remaining = self.deadline - time.monotonic()
        if remaining <= 0:
            raise TimeoutError("the deadline has passed")
        timeout_seconds = self.gettimeout()  # type: ignore[attr-defined]
        if timeout_seconds is None or timeout_seconds > remaining:
            self.settimeout(remaining)  # type: ignore[attr-defined]
        return super().recv_into(*args)  # type: ignore[misc, no-any-return]


class DeadlineSocket(_Deadline, socket.socket):
    """A TCP socket with a deadline."""


class DeadlineTLSSocket(_Deadline, ssl.SSLSocket):
    """A TLS socket with a deadline; an SSLContext makes it when it is the context's `sslsocket_class`."""


def deadline_tls_context(cafile: str | None = None) -> ssl.SSLContext:
    """Return a verifying client context whose sockets obey a deadline.

    `cafile` replaces the system's authorities.
    """
    context = ssl.create_default_context(cafile=cafile)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.sslsocket_class = DeadlineTLSSocket
    return context


class _DeadlineConnection:
    """Give every request on one kept-open connection its own deadline."""

    total_timeout_seconds: float = math.inf

    def _new_conn(self) -> socket.socket:
        plain = super()._new_conn()  # type: ignore[misc]
        timeout_seconds = plain.gettimeout()
        bounded = DeadlineSocket(plain.family, plain.type, plain.proto, fileno=plain.detach())
        bounded.settimeout(timeout_seconds)
        return bounded

    def getresponse(self) -> Any:
        sock = self.sock  # type: ignore[attr-defined]
        if isinstance(sock, _Deadline):
            sock.deadline = time.monotonic() + self.total_timeout_seconds
        return super().getresponse()  # type: ignore[misc]


class DeadlineAdapter(HTTPAdapter):
    """A requests adapter whose answers must be complete within `total_timeout_seconds`."""

    def __init__(self, *, total_timeout_seconds: float, pool_maxsize: int) -> None:
        shared = {"total_timeout_seconds": total_timeout_seconds}
        plain = type("_Plain", (_DeadlineConnection, HTTPConnection), shared)
        tls = type("_Tls", (_DeadlineConnection, HTTPSConnection), shared)
        self._pools = {
            "http": type("_PlainPool", (HTTPConnectionPool,), {"ConnectionCls": plain}),
            "https": type("_TlsPool", (HTTPSConnectionPool,), {"ConnectionCls": tls}),
        }
        super().__init__(pool_connections=2, pool_maxsize=pool_maxsize, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the pools, with connections and TLS sockets of this module."""
        super().init_poolmanager(*args, ssl_context=deadline_tls_context(), **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._pools
