"""Reads what a webhook receiver answers, as little of it as is needed: status, Retry-After, whether it stays usable.

The status decides; a body is read only so that an honest receiver sees no reset and the connection can serve again.
Everything is bounded: the head, the body, and the time. Writes nothing.
"""

import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from merchant_server.providers.webhook_connections import Socket

RETRY_AFTER_SECONDS_MAX = 86_400
HEAD_BYTES_MAX = 16_384
HEADERS_MAX = 100
_INTERIM_MAX = 5
_DRAIN_SECONDS = 1.0
_PIECE_BYTES = 16_384
_SWITCHING, _NO_CONTENT, _NOT_MODIFIED = 101, 204, 304
_STATUS = re.compile(rb"HTTP/1\.([0-9]) ([1-9][0-9]{2})(?: [^\r\n]*)?")
_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")
_LINE_END = re.compile(rb"\r?\n")
_SECONDS = re.compile(r"[0-9]{1,9}")
_LENGTH = re.compile(rb"[0-9]{1,12}")
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n]*)?\r\n")


class AnswerMalformed(Exception):
    """What came is not HTTP/1, or its head is larger than any honest one."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a receiver said. `reusable` says that the whole answer was read and the connection may serve again."""

    status: int
    retry_after_seconds: int | None
    reusable: bool


def read_answer(sock: Socket, *, body_bytes_max: int, deadline: float, now: datetime) -> Answer:
    """Read one answer to a POST by `deadline` (a reading of time.monotonic).

    Raises AnswerMalformed, ConnectionError when the peer closed before it said anything, TimeoutError, OSError.
    """
    incoming = _Incoming(sock)
    for _ in range(_INTERIM_MAX):
        minor, status, headers = _head(incoming)
        if status >= 200 or status == _SWITCHING:
            break
    else:
        raise AnswerMalformed("nothing but interim answers")
    sock.deadline = min(deadline, time.monotonic() + _DRAIN_SECONDS)
    closes = minor == b"0" or b"close" in headers.get(b"connection", b"").lower() or status == _SWITCHING
    try:
        whole = _drained(incoming, status, headers, body_bytes_max)
    except OSError:
        whole = False
    retry_after = headers.get(b"retry-after")
    return Answer(
        status,
        None if retry_after is None else _retry_after(retry_after.decode("latin-1"), now),
        whole and not closes,
    )


class _Incoming:
    """Bytes that came and were not used yet."""

    def __init__(self, sock: Socket) -> None:
        self._sock = sock
        self._piece = memoryview(bytearray(_PIECE_BYTES))
        self.bytes = b""

    def more(self) -> bool:
        """Wait for more bytes; say False when the peer has closed."""
        count = self._sock.recv_into(self._piece)
        self.bytes += self._piece[:count]
        return count > 0


def _head(incoming: _Incoming) -> tuple[bytes, int, dict[bytes, bytes]]:
    seen = 0
    while not (end := _END_OF_HEAD.search(incoming.bytes, seen)):
        if len(incoming.bytes) > HEAD_BYTES_MAX:
            raise AnswerMalformed("the head is too long")
        seen = max(len(incoming.bytes) - 3, 0)
        if not incoming.more():
            if not incoming.bytes:
                raise ConnectionResetError("closed without an answer")
            raise AnswerMalformed("closed within the head")
    first, *lines = _LINE_END.split(incoming.bytes[: end.start()])
    incoming.bytes = incoming.bytes[end.end() :]
    status = _STATUS.fullmatch(first)
    if status is None or len(lines) > HEADERS_MAX:
        raise AnswerMalformed("this is not HTTP/1")
    headers: dict[bytes, bytes] = {}
    for line in lines:
        name, colon, value = line.partition(b":")
        # Twice the same name, or a line that is no header, and the body's end is nobody's to guess.
        known = name.lower() if colon else b"connection"
        headers[known] = value.strip() if colon and known not in headers else b"close"
    return status[1], int(status[2]), headers


def _drained(incoming: _Incoming, status: int, headers: dict[bytes, bytes], body_bytes_max: int) -> bool:
    """Read the body, or a little of it; say whether it ended where it should."""
    if status in (_NO_CONTENT, _NOT_MODIFIED):
        return not incoming.bytes
    chunked = b"transfer-encoding" in headers
    length = headers.get(b"content-length", b"")
    known = _LENGTH.fullmatch(length) is not None and not chunked
    while True:
        end = int(length) if known else _end_of_chunks(incoming.bytes) if chunked else None
        if end is not None and len(incoming.bytes) >= end:
            return len(incoming.bytes) == end
        if len(incoming.bytes) >= body_bytes_max or not incoming.more():
            return False


def _end_of_chunks(body: bytes) -> int | None:
    """Return where a chunked body ends, or None while it has not. Trailers are passed over."""
    at = 0
    while size := _CHUNK_SIZE.match(body, at):
        at = size.end()
        if int(size[1], 16) == 0:
            end = body.find(b"\r\n", at) if body[at : at + 2] == b"\r\n" else body.find(b"\r\n\r\n", at)
            return None if end < 0 else end + (2 if end == at else 4)
        at += int(size[1], 16) + 2
    return None


def _retry_after(text: str, now: datetime) -> int | None:
    """Read Retry-After (RFC 9110 section 10.2.3) as seconds within a day; nonsense is None."""
    if _SECONDS.fullmatch(text.strip()):
        return min(int(text), RETRY_AFTER_SECONDS_MAX)
    try:
        at = parsedate_to_datetime(text)
        seconds = int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() - now.timestamp())
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(seconds, 0), RETRY_AFTER_SECONDS_MAX)
