"""Posts one signed event to a merchant's endpoint (Standard Webhooks 1.0), trusting nothing it does.

It connects only to addresses that it checked, follows no redirect, and is done by its deadline. Connections are kept
open between events, and what a name resolves to is remembered for a few seconds.
"""

import ssl
import time
from collections.abc import Sequence
from datetime import datetime

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
from merchant_server.providers.webhook_answers import AnswerMalformed, read_answer
from merchant_server.providers.webhook_connections import Connections, Opened

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
        except AnswerMalformed:
            return 0, "answer_malformed", None

    def _request(self, target: Target, signed: dict[str, str], body: bytes) -> bytes:
        """Return the whole request as one piece, so that it leaves in one packet. Every value is visible ASCII."""
        head = (
            f"POST {target.path} HTTP/1.1\r\nhost: {target.host_header}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\nuser-agent: {self._user_agent}\r\n"
        )
        lines = "".join([f"{name}: {value}\r\n" for name, value in signed.items()])
        return f"{head}{lines}\r\n".encode("ascii") + body

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
            answer = read_answer(
                sock, body_bytes_max=self._answer_bytes_max, deadline=deadline, now=timestamp
            )
            reusable = answer.reusable
            return answer.status, _reason(answer.status), answer.retry_after_seconds
        finally:
            if reusable:
                self._connections.keep(target, opened)
            else:
                opened.close()


def _reason(status: int) -> str:
    if 200 <= status < 300:
        return ""
    if 300 <= status < 400:
        return "redirect_refused"
    return f"status_{status}"
