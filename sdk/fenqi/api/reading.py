"""How answers become results: load by schema, keep what the result has a field for, and the raw JSON beside it."""

from collections.abc import Mapping
from dataclasses import field, fields
from typing import Any

from marshmallow import Schema, ValidationError

from fenqi.errors import NotFenqi
from fenqi.wire import first_error

RAW: Any = field(repr=False, compare=False, default_factory=dict)


def load(schema: Schema, raw: Mapping[str, Any]) -> Any:
    """Read an answer by its schema. Raises NotFenqi when it has not that shape."""
    try:
        return schema.load(raw)
    except ValidationError as error:
        first = first_error(error.messages)
        kind = type(schema).__name__.removesuffix("Schema").lower()
        raise NotFenqi(
            f"The answer is no {kind} that this SDK understands: {first.detail}",
            field=first.field,
            hint="Check base_url, and that the server's /v1 is compatible with this SDK.",
        ) from None


def known(kind: type[Any], loaded: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a result type has fields for."""
    return {part.name: loaded[part.name] for part in fields(kind) if part.name in loaded}
