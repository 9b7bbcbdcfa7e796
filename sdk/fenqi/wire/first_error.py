"""What to tell a client about a refused body, from marshmallow's messages. Decides nothing about HTTP."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fenqi.wire.fields import UNKNOWN_FIELD


@dataclass(frozen=True, slots=True)
class FirstError:
    """What a problem says about a refused body. code: field_invalid | field_unknown | body_malformed."""

    code: str
    field: str | None
    detail: str


def first_error(messages: Mapping[Any, Any] | list[Any]) -> FirstError:
    """Pick one error out of marshmallow's nested messages: the first in the order of the path.

    The field is a path such as `amount.minor` or `plan_ids.0`; it is None when the whole body is meant.
    """
    path: list[str] = []
    part: Any = messages
    while not isinstance(part, str):
        if isinstance(part, Mapping) and part:
            key = min(part, key=str)
            inner = part[key]
            # A Dict field puts its messages one level deeper, under "key" or "value".
            of_dict_field = path and key in ("key", "value") and isinstance(inner, list)
            if key != "_schema" and not of_dict_field:
                path.append(str(key))
            part = inner
        elif isinstance(part, list) and part:
            part = part[0]
        else:
            part = "The value is not valid."
    field = ".".join(path) or None
    if field is None and part.startswith("Expected a JSON object"):
        return FirstError("body_malformed", None, part)
    return FirstError("field_unknown" if part == UNKNOWN_FIELD else "field_invalid", field, part)
