"""The strict JSON that fenqi speaks: UTF-8, no duplicate keys, whole numbers only. Judges nothing else.

CPython's json takes NaN, Infinity, duplicate keys, lone surrogates and UTF-16; any of these lets two
readers of one body see two different amounts, so all are refused (RFC 8259 §4, §8.1, §8.2).
"""

import json
import re
from collections.abc import Iterator
from typing import Any, NoReturn

from fenqi.errors import JsonRefused

DEPTH_MAX = 32
INTEGER_MAX = 10**18
_INTEGER_DIGITS_MAX = len(str(INTEGER_MAX))

# The closing quote is optional so that every string piece matches at once and scanning stays linear.
_PIECE = re.compile(r'"(?:[^"\\]|\\.)*"?|[\[\]{}]|-?(?:[0-9][0-9.eE+-]*|Infinity)|NaN', re.DOTALL)

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_INTEGER = re.compile(r"-?[0-9]{1,19}")
_COLON = re.compile(r"[ \t\r\n]*:")


class _Refusal(Exception):
    """Carries a reason out of the parser's hooks, which know no positions; key is set for a duplicate."""

    def __init__(self, reason: str, key: str | None = None) -> None:
        self.key = key
        super().__init__(reason)


def strict_json(body: bytes) -> Any:
    """Parse a JSON body strictly.

    Refuses: anything but UTF-8, a byte order mark, duplicate keys, NaN and Infinity, numbers with a fraction
    or an exponent, integers beyond ±10**18, nesting deeper than 32, lone surrogates.
    Raises JsonRefused with the position (offset in characters, or in bytes when the bytes are not UTF-8).
    """
    if not isinstance(body, bytes):
        raise JsonRefused(f"expected bytes, got {type(body).__name__}")
    text = _decode(body)
    if text.count("[") + text.count("{") > DEPTH_MAX:
        _check_depth(text)
    try:
        value = json.loads(
            text,
            object_pairs_hook=_object,
            parse_float=_refuse_float,
            parse_constant=_refuse_constant,
            parse_int=_integer,
        )
    except json.JSONDecodeError as error:
        raise JsonRefused(error.msg[:1].lower() + error.msg[1:], error.pos) from None
    except _Refusal as error:
        position = _number_position(text) if error.key is None else _repeated_key_position(text, error.key)
        raise JsonRefused(str(error), position) from None
    if _SURROGATE.search(text):
        _check_surrogates(text)
    return value


def _decode(body: bytes) -> str:
    if body[:3] == b"\xef\xbb\xbf" or body[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise JsonRefused("a byte order mark; send plain UTF-8", 0)
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise JsonRefused("bytes that are not UTF-8", error.start) from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise _Refusal(f"the key {twice[:64]!r} appears twice in one object", twice)
    return value


def _refuse_float(text: str) -> NoReturn:
    raise _Refusal(f"the number {text[:32]} is not whole; send minor units, or rates as strings")


def _refuse_constant(text: str) -> NoReturn:
    raise _Refusal(f"{text} is not a JSON number")


def _integer(text: str) -> int:
    if len(text) > _INTEGER_DIGITS_MAX + 1 or abs(int(text)) > INTEGER_MAX:
        raise _Refusal(f"the integer {text[:24]} is beyond 10**18")
    return int(text)


def _check_depth(text: str) -> None:
    depth = 0
    for position, piece in _pieces(text):
        if piece in "[{":
            depth += 1
            if depth > DEPTH_MAX:
                raise JsonRefused(f"nested deeper than {DEPTH_MAX}", position)
        elif piece in "]}":
            depth -= 1


def _check_surrogates(text: str) -> None:
    for position, piece in _pieces(text):
        if piece[0] == '"' and "\\u" in piece:
            try:
                json.loads(piece).encode("utf-8")
            except UnicodeEncodeError:
                raise JsonRefused("a lone surrogate, which is not a character", position) from None


def _pieces(text: str) -> Iterator[tuple[int, str]]:
    for match in _PIECE.finditer(text):
        yield match.start(), match.group()


def _number_position(text: str) -> int | None:
    for position, piece in _pieces(text):
        if piece[0] in "-0123456789NI" and (not _INTEGER.fullmatch(piece) or abs(int(piece)) > INTEGER_MAX):
            return position
    return None


def _repeated_key_position(text: str, key: str) -> int | None:
    """Find where the key stands for the second time in one object; objects that are closed count alone."""
    seen_in: list[bool] = []
    for position, piece in _pieces(text):
        if piece in "{[":
            seen_in.append(False)
        elif piece in "}]":
            seen_in.pop()
        elif piece[0] == '"' and _COLON.match(text, position + len(piece)) and json.loads(piece) == key:
            if seen_in[-1]:
                return position
            seen_in[-1] = True
    return None
