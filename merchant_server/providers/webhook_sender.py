"""Posts one signed event to a merchant's endpoint (Standard Webhooks 1.0), trusting nothing it does.

It resolves once, connects only to the address it checked, follows no redirect, and is done by its deadline.
"""

import http.client
import re
import socket
import ssl
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from standardwebhooks import Webhook
from standardwebhooks.webhooks import EmptyWebhookSecretError

from merchant_server.ports import Sent
from merchant_server.providers.addresses import (
    AddressRefused,
    Resolver,
    Target,
    checked_addresses,
    parse_target,
    system_resolver,
)
from merchant_server.providers.sockets import DeadlineSocket, DeadlineTLSSocket, deadline_tls_context

RETRY_AFTER_SECONDS_MAX = 86_400
_DRAIN_SECONDS = 1.0
_SECONDS = re.compile(r"[0-9]{1,9}")


class HttpWebhookSender:
    """Implements ports.WebhookSender.

    `allow_private` is for sandbox installations: http, loopback and private ranges, never link-local.
    """

    def __init__(
        self,
        *,
        version: str,
        allow_private: bool = False,
        connect_timeout_seconds: float = 5.0,
        total_timeout_seconds: float = 15.0,
        answer_bytes_max: int = 65_536,
        resolve: Resolver = system_resolver,
        tls_context: ssl.SSLContext | None = None,
    ) -> None:
        self._user_agent = f"fenqi-webhooks/{version}"
        self._allow_private = allow_private
        self._connect_timeout_seconds = connect_timeout_seconds
        self._total_timeout_seconds = total_timeout_seconds
        self._answer_bytes_max = answer_bytes_max
        self._resolve = resolve
        self._tls_context = tls_context or deadline_tls_context()
        if self._tls_context.sslsocket_class is not DeadlineTLSSocket:
            raise TypeError(
                "tls_context must come from deadline_tls_context, or its sockets have no deadline"
            )

    def send(self, *, url: str, secret: str, message_id: str, timestamp: datetime, body: bytes) -> Sent:
        """Post `body` once and say what came of it; success is a 2xx status.

        `secret` may be several, separated by spaces, while one replaces another; `timestamp` is the time of
        this try. `Sent.reason` is a stable code, empty on success. Raises TypeError for a naive timestamp
        and nothing else.
        """
        if timestamp.utcoffset() is None:
            raise TypeError("timestamp must be an aware datetime: the signature is over UTC seconds")
        started = time.monotonic()
        status, reason, retry_after = self._outcome(url, secret, message_id, timestamp, body, started)
        return Sent(
            status=status, seconds=time.monotonic() - started, reason=reason, retry_after_seconds=retry_after
        )

    def _outcome(
        self, url: str, secret: str, message_id: str, timestamp: datetime, body: bytes, started: float
    ) -> tuple[int, str, int | None]:
        deadline = started + self._total_timeout_seconds
        try:
            headers = self._headers(secret, message_id, timestamp, body)
        except (ValueError, EmptyWebhookSecretError):
            return 0, "secret_unusable", None
        try:
            target = parse_target(url, allow_private=self._allow_private)
            addresses = checked_addresses(
                target,
                allow_private=self._allow_private,
                resolve=self._resolve,
                timeout_seconds=min(self._connect_timeout_seconds, self._total_timeout_seconds),
            )
            with self._connected(target, addresses, deadline) as sock:
                return self._exchange(sock, target, headers, body, deadline, timestamp)
        except AddressRefused as error:
            return 0, error.code, None
        except TimeoutError:
            return 0, "timeout", None
        except ssl.SSLError:
            return 0, "tls_failed", None
        except OSError:
            return 0, "connection_failed", None
        except (http.client.HTTPException, ValueError):
            return 0, "answer_malformed", None

    def _headers(self, secret: str, message_id: str, timestamp: datetime, body: bytes) -> dict[str, str]:
        at = timestamp.astimezone(UTC)
        text = body.decode("utf-8")
        # The reference library takes the wall-clock digits of the datetime, so it must be given UTC.
        signatures = [Webhook(one).sign(message_id, at, text) for one in secret.split()]
        if not signatures or not message_id.isascii() or "." in message_id:
            raise ValueError
        return {
            "content-type": "application/json",
            "content-length": str(len(body)),
            "user-agent": self._user_agent,
            "connection": "close",
            "webhook-id": message_id,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": " ".join(signatures),
        }

    def _connected(
        self, target: Target, addresses: Sequence[str], deadline: float
    ) -> DeadlineSocket | DeadlineTLSSocket:
        """Connect to the first checked address that answers. Raises OSError (TimeoutError, ssl.SSLError)."""
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
                sock.deadline = deadline
                return self._secured(sock, target) if target.tls else sock
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

    def _exchange(
        self,
        sock: DeadlineSocket | DeadlineTLSSocket,
        target: Target,
        headers: dict[str, str],
        body: bytes,
        deadline: float,
        timestamp: datetime,
    ) -> tuple[int, str, int | None]:
        connection = http.client.HTTPConnection(target.host, target.port)
        connection.sock = sock
        try:
            sock.settimeout(max(deadline - time.monotonic(), 0.001))
            connection.putrequest("POST", target.path, skip_host=True, skip_accept_encoding=True)
            connection.putheader("host", target.host_header)
            for name, value in headers.items():
                connection.putheader(name, value)
            connection.endheaders(body)
            response = connection.getresponse()
            retry_after = _retry_after(response.getheader("retry-after"), timestamp)
            self._drain(sock, response, deadline)
            return response.status, _reason(response.status), retry_after
        finally:
            connection.close()

    def _drain(
        self, sock: DeadlineSocket | DeadlineTLSSocket, response: http.client.HTTPResponse, deadline: float
    ) -> None:
        """Read a little of the answer, so that an honest receiver sees no reset; the status is known."""
        sock.deadline = min(deadline, time.monotonic() + _DRAIN_SECONDS)
        left = self._answer_bytes_max
        try:
            while left > 0 and (piece := response.read1(min(left, 8192))):
                left -= len(piece)
        except (OSError, http.client.HTTPException, ValueError):
            return


def _reason(status: int) -> str:
    if 200 <= status < 300:
        return ""
    if 300 <= status < 400:
        return "redirect_refused"
    return f"status_{status}"


def _retry_after(text: str | None, now: datetime) -> int | None:
    """Read Retry-After (RFC 9110 section 10.2.3) as seconds within a day; nonsense is None."""
    if text is None:
        return None
    if _SECONDS.fullmatch(text.strip()):
        return min(int(text), RETRY_AFTER_SECONDS_MAX)
    try:
        at = parsedate_to_datetime(text)
        seconds = int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() - now.timestamp())
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(seconds, 0), RETRY_AFTER_SECONDS_MAX)
