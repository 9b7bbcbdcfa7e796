"""One byte text for one JSON value (RFC 8785), over the part of JSON that terms use: no fractions, ever."""

import json
from collections.abc import Mapping
from typing import Any

from merchant_server.providers.agreement.errors import TermsRefused

LARGEST_EXACT_INTEGER = 2**53 - 1


def canonical_json(value: Any) -> bytes:
    """Return the RFC 8785 bytes of a value made of objects, arrays, strings, integers, booleans and null.

    Raises TermsRefused for a float, an integer beyond 2**53 - 1, a lone surrogate or any other type.
    """
    return json.dumps(_sorted(value, "terms"), ensure_ascii=False, separators=(",", ":")).encode()


def _sorted(value: Any, field: str) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        if not _encodable(value):
            raise TermsRefused(field, "holds half of a surrogate pair; send well-formed text")
        return value
    if isinstance(value, int):
        if abs(value) > LARGEST_EXACT_INTEGER:
            raise TermsRefused(field, "is an integer that JSON readers would round; keep it below 2**53")
        return value
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str) or not _encodable(key):
                raise TermsRefused(field, "has a key that is not well-formed text")
        # RFC 8785 §3.2.3 sorts names by UTF-16 code units.
        names = sorted(value, key=lambda name: name.encode("utf-16-be"))
        return {name: _sorted(value[name], f"{field}.{name}") for name in names}
    if isinstance(value, list | tuple):
        return [_sorted(item, f"{field}[{index}]") for index, item in enumerate(value)]
    raise TermsRefused(field, f"is a {type(value).__name__}; send texts, integers, lists and objects only")


def _encodable(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)
