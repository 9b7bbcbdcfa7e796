"""Prefixed ids that sort by time: `chk_` + 26 characters (48 bits of milliseconds, 80 random bits).

The body is a ULID (github.com/ulid/spec) in lower case, Crockford's base 32. Pure: time and randomness
are passed in.
"""

import threading
from dataclasses import dataclass
from functools import lru_cache

from fenqi.errors import InvalidArgument

MERCHANT = "mer"
STORE = "sto"
TILL = "til"
PLAN = "pln"
CHECKOUT = "chk"
CONSUMER = "con"
DECISION = "dec"
AGREEMENT = "agr"
LOAN = "loan"
MANDATE = "mnd"
DEDUCTION = "ded"
REFUND = "rfd"
DISPUTE = "dsp"
PAYOUT = "pyt"
JOURNAL_ENTRY = "je"
EVENT = "evt"
WEBHOOK_ENDPOINT = "whe"
COMPLAINT = "cmp"
KEY = "key"
DELIVERY = "dlv"
DELIVERY_ATTEMPT = "dat"
REQUEST = "req"

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = tuple(first + second for first in _ALPHABET for second in _ALPHABET)
_VALUES = {character: value for value, character in enumerate(_ALPHABET)}
_LENGTH = 26
_RANDOM_BITS = 80
_PREFIX_LENGTH_MAX = 8
RANDOM_BYTES = _RANDOM_BITS // 8
_PAIR_SHIFTS = range(10 * (_LENGTH // 2 - 1), -1, -10)


@dataclass(frozen=True, slots=True)
class ParsedId:
    """An id taken apart: its prefix and the milliseconds since 1970 (UTC) at which it was made."""

    prefix: str
    created_ms: int


def new_id(prefix: str, now_ms: int, randomness: bytes) -> str:
    """Make an id from a prefix, milliseconds since 1970 (0 to 2**48 - 1) and exactly 10 random bytes.

    Ids made in different milliseconds sort by time as text. Raises InvalidArgument.
    """
    if len(randomness) != RANDOM_BYTES:
        raise InvalidArgument(
            f"randomness must be {RANDOM_BYTES} bytes, not {len(randomness)}.", field="randomness"
        )
    return _render(prefix, now_ms, int.from_bytes(randomness, "big"))


def parse_id(text: str, *, prefix: str | None = None) -> ParsedId:
    """Take an id apart, refusing any other prefix when one is named. Raises InvalidArgument."""
    head, separator, body = text.rpartition("_")
    _check_prefix(head)
    if not separator or len(body) != _LENGTH or any(c not in _VALUES for c in body) or body[0] > "7":
        raise InvalidArgument(
            f"{text[:64]!r} is not a fenqi id: expected prefix_ and 26 characters.", field="id"
        )
    if prefix is not None and head != prefix:
        raise InvalidArgument(f"{text[:64]!r} is not an id of kind {prefix}_.", field="id")
    value = 0
    for character in body:
        value = value << 5 | _VALUES[character]
    return ParsedId(head, value >> _RANDOM_BITS)


def is_id(text: str, prefix: str) -> bool:
    """Say whether the text is a well-formed id of that prefix."""
    try:
        parse_id(text, prefix=prefix)
    except InvalidArgument:
        return False
    return True


class MonotonicIds:
    """Ids that sort in the order they were made, even within one millisecond or when the clock steps back.

    Thread-safe. Within one millisecond the random part counts up by one, so such ids are guessable
    from one another: never use an id as a secret.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last_ms = -1
        self._last_random = 0

    def new(self, prefix: str, now_ms: int, randomness: bytes) -> str:
        """Make the next id; same arguments and errors as new_id."""
        fresh = parse_id(new_id(prefix, now_ms, randomness)).created_ms
        with self._lock:
            if fresh > self._last_ms:
                self._last_ms, self._last_random = fresh, int.from_bytes(randomness, "big")
            else:
                # A full counter (once in 2**80) borrows a millisecond from the future rather than repeating.
                carry, self._last_random = divmod(self._last_random + 1, 1 << _RANDOM_BITS)
                self._last_ms += carry
            return _render(prefix, self._last_ms, self._last_random)


@lru_cache(maxsize=64)
def _check_prefix(prefix: str) -> None:
    if not (
        1 <= len(prefix) <= _PREFIX_LENGTH_MAX and prefix.isascii() and prefix.isalpha() and prefix.islower()
    ):
        raise InvalidArgument(f"{prefix[:64]!r} is not an id prefix: use 1 to 8 letters a-z.", field="prefix")


def _render(prefix: str, now_ms: int, random_value: int) -> str:
    _check_prefix(prefix)
    if not 0 <= now_ms < 1 << 48:
        raise InvalidArgument("now_ms must be milliseconds since 1970, from 0 to 2**48 - 1.", field="now_ms")
    value = now_ms << _RANDOM_BITS | random_value
    return f"{prefix}_{''.join([_PAIRS[value >> shift & 1023] for shift in _PAIR_SHIFTS])}"
