"""Posts one signed event to a merchant's endpoint (Standard Webhooks 1.0), trusting nothing it does.

It connects only to addresses that it checked, follows no redirect, and is done by its deadline. Connections are kept
open between events, and what a name resolves to is remembered for a few seconds.
"""

import http.client
import re
import ssl
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from merchant_server.ports import Sent
from merchant_server.providers import webhook_signing
from merchant_server.providers.addresses import (
    AddressBook,
    AddressRefused,
    Resolver,
    Target,
    parse_target,
    system_resolver,
)
from merchant_server.providers.sockets import DeadlineTLSSocket, deadline_tls_context
from merchant_server.providers.webhook_connections import Connections, Opened

RETRY_AFTER_SECONDS_MAX = 86_400
_DRAIN_SECONDS = 1.0
_SECONDS = re.compile(r"[0-9]{1,9}")
_NOT_NOW = ("dns_failed", "dns_timeout")


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
        resolved_seconds: float = 5.0,
        resolve: Resolver = system_resolver,
        tls_context: ssl.SSLContext | None = None,
    ) -> None:
        self._user_agent = f"fenqi-webhooks/{version}"
        self._allow_private = allow_private
        self._total_timeout_seconds = total_timeout_seconds
        self._answer_bytes_max = answer_bytes_max
        tls_context = tls_context or deadline_tls_context()
        if tls_context.sslsocket_class is not DeadlineTLSSocket:
            raise TypeError(
                "tls_context must come from deadline_tls_context, or its sockets have no deadline"
            )
        self._book = AddressBook(
            allow_private=allow_private,
            resolve=resolve,
            timeout_seconds=min(connect_timeout_seconds, total_timeout_seconds),
            remembered_seconds=resolved_seconds,
        )
        self._connections = Connections(
            connect_timeout_seconds=connect_timeout_seconds, tls_context=tls_context
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

    def refusal(self, url: str) -> str:
        """Return why nothing would be sent to an address (url_refused, address_refused), or ""."""
        try:
            self._book.addresses(parse_target(url, allow_private=self._allow_private))
        except AddressRefused as error:
            return "" if error.code in _NOT_NOW else error.code
        return ""

    def new_secret(self, signature: str) -> str:
        """Make a signing secret: whsec_… for v1 (HMAC-SHA256), whsk_… for v1a (Ed25519)."""
        return webhook_signing.new_secret(signature)

    def _outcome(
        self, url: str, secret: str, message_id: str, timestamp: datetime, body: bytes, started: float
    ) -> tuple[int, str, int | None]:
        deadline = started + self._total_timeout_seconds
        try:
            signed = webhook_signing.signed_headers(secret, message_id, timestamp, body)
        except ValueError:
            return 0, "secret_unusable", None
        try:
            target = parse_target(url, allow_private=self._allow_private)
            addresses = self._book.addresses(target)
            request = self._request(target, signed, body)
            return self._answered(target, addresses, request, deadline, timestamp)
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

    def _request(self, target: Target, signed: dict[str, str], body: bytes) -> bytes:
        """Return the whole request as one piece, so that it leaves in one packet. Every value is visible ASCII."""
        headers = {
            "host": target.host_header,
            "content-type": "application/json",
            "content-length": str(len(body)),
            "user-agent": self._user_agent,
            **signed,
        }
        lines = [f"POST {target.path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        return "\r\n".join((*lines, "", "")).encode("ascii") + body

    def _answered(
        self,
        target: Target,
        addresses: Sequence[str],
        request: bytes,
        deadline: float,
        timestamp: datetime,
    ) -> tuple[int, str, int | None]:
        kept = self._connections.kept(target, addresses)
        if kept is not None:
            try:
                return self._exchange(kept, target, request, deadline, timestamp)
            except ConnectionError:
                # It was closed while it waited, as any receiver may: that says nothing of the receiver. Should it have
                # taken the event nevertheless, it gets it twice under one id.
                pass
        opened = self._connections.open(target, addresses, deadline)
        return self._exchange(opened, target, request, deadline, timestamp)

    def _exchange(
        self, opened: Opened, target: Target, request: bytes, deadline: float, timestamp: datetime
    ) -> tuple[int, str, int | None]:
        sock = opened.sock
        reusable = False
        try:
            sock.deadline = deadline
            sock.settimeout(max(deadline - time.monotonic(), 0.001))
            sock.sendall(request)
            response = http.client.HTTPResponse(sock, method="POST")
            try:
                response.begin()
                retry_after = _retry_after(response.getheader("retry-after"), timestamp)
                reusable = self._drained(opened, response, deadline) and not response.will_close
                return response.status, _reason(response.status), retry_after
            finally:
                response.close()
        finally:
            if reusable:
                self._connections.keep(target, Opened(sock, opened.address))
            else:
                opened.close()

    def _drained(self, opened: Opened, response: http.client.HTTPResponse, deadline: float) -> bool:
        """Read a little of the answer, so that an honest receiver sees no reset; say whether that was all of it."""
        opened.sock.deadline = min(deadline, time.monotonic() + _DRAIN_SECONDS)
        left = self._answer_bytes_max
        try:
            while left > 0 and (piece := response.read1(min(left, 8192))):
                left -= len(piece)
        except (OSError, http.client.HTTPException, ValueError):
            return False
        # A body of a known length that was read to its end leaves the response open.
        return left > 0 and (response.isclosed() or response.length == 0)


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
