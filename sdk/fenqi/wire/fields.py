"""The kinds of value in fenqi's JSON: money, times, dates, whole numbers, text. Must not import Flask.

Every message says what is expected, because it is what a merchant's developer reads in `detail`.
"""

import re
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import urlsplit

from marshmallow import EXCLUDE, RAISE, Schema, ValidationError, fields, post_load, validate

from fenqi.finance.currencies import EXPONENTS
from fenqi.finance.errors import FinanceError
from fenqi.finance.money import Money

AMOUNT_MINOR_MAX = 10**15
UNKNOWN_FIELD = "This field is not known here. Remove it, or check its spelling."
_UTC = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?)Z")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
# Control characters, line and paragraph separators, direction overrides.
_FORBIDDEN = r"\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069"
_FORBIDDEN_IN_PROSE = _FORBIDDEN.replace(r"\u0000-\u001f", r"\u0000-\u0009\u000b-\u001f")
_PORT = "(:(6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3}))?"
_ADDRESS_PATTERN = rf'^https?://[A-Za-z0-9.-]+{_PORT}([/?][!"$-\[\]-~]*)?(#[!"$-\[\]-~]*)?$'

_Messages = dict[str, str | list[Any] | dict[Any, Any]]
_REQUEST_MESSAGES = {"unknown": UNKNOWN_FIELD, "type": "Expected a JSON object."}
_WHOLE_NUMBER_MESSAGES: _Messages = {"invalid": "Expected a whole number."}
_TEXT_MESSAGES: _Messages = {
    "character": "The character {name} is not allowed in text.",
    "blank": "Expected some visible text.",
}
_ADDRESS_MESSAGES: _Messages = {
    "address": "Expected an absolute http(s) URL with a host, in ASCII, without credentials.",
}
_TIME_MESSAGES: _Messages = {"invalid": "Expected a UTC time such as 2026-11-21T08:00:00.123456Z."}
_FLAG_MESSAGES: _Messages = {"invalid": "Expected true or false."}
_DATE_MESSAGES: _Messages = {"invalid": "Expected a date such as 2026-12-21."}


class Request(Schema):
    """Base of bodies that clients send: unknown fields are refused."""

    error_messages = _REQUEST_MESSAGES

    class Meta:
        unknown = RAISE


class Answer(Schema):
    """Base of bodies that fenqi sends: unknown fields are ignored, so old clients read new servers."""

    class Meta:
        unknown = EXCLUDE


class WholeNumber(fields.Integer):
    """An integer as JSON writes it: no fraction, no boolean, no digits in quotes."""

    default_error_messages = _WHOLE_NUMBER_MESSAGES

    def _validated(self, value: Any) -> int:
        if type(value) is not int:
            raise self.make_error("invalid", input=value)
        return value


class Flag(fields.Boolean):
    """true or false as JSON writes them: no number, no text."""

    default_error_messages = _FLAG_MESSAGES

    def _deserialize(self, value: Any, *positional: Any, **arguments: Any) -> bool:
        if type(value) is not bool:
            raise self.make_error("invalid", input=value)
        return value


class Text(fields.String):
    """Text of a bounded length (in characters) without control characters, line separators, lone surrogates.

    Published as a pattern too. PostgreSQL cannot store U+0000, and a direction override could forge what
    a consumer reads.
    """

    default_error_messages = _TEXT_MESSAGES
    forbidden = _FORBIDDEN

    def __init__(self, *, minimum: int = 0, maximum: int, **arguments: Any) -> None:
        allowed, seen = f"[^{self.forbidden}]*", rf"[^{self.forbidden}\s]"
        pattern = f"^{allowed}{seen}{allowed}$" if minimum else f"^{allowed}$"
        arguments["metadata"] = {"pattern": pattern} | arguments.get("metadata", {})
        self._minimum = minimum
        self._refused = re.compile(f"[{self.forbidden}\ud800-\udfff]")
        super().__init__(validate=validate.Length(min=minimum or None, max=maximum), **arguments)

    def _deserialize(self, value: Any, *positional: Any, **arguments: Any) -> str:
        text: str = super()._deserialize(value, *positional, **arguments)
        found = self._refused.search(text)
        if found:
            raise self.make_error("character", name=f"U+{ord(found.group()):04X}")
        if self._minimum and not text.strip():
            raise self.make_error("blank")
        return text


class Prose(Text):
    """Text of several lines: line feeds are allowed, and nothing else that Text refuses."""

    forbidden = _FORBIDDEN_IN_PROSE


class WebAddress(Text):
    """An absolute http or https URL with a host and without a user name or password, in ASCII."""

    default_error_messages = _ADDRESS_MESSAGES

    def __init__(self, **arguments: Any) -> None:
        documented = {"format": "uri", "pattern": _ADDRESS_PATTERN}
        super().__init__(metadata=documented | arguments.pop("metadata", {}), **arguments)

    def _deserialize(self, value: Any, *positional: Any, **arguments: Any) -> str:
        text = super()._deserialize(value, *positional, **arguments)
        try:
            parts = urlsplit(text)
            usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            raise self.make_error("address") from None
        strange = "\\" in text or " " in text or text.count("#") > 1 or not text.isascii()
        if not usable or "@" in parts.netloc or strange:
            raise self.make_error("address")
        return text


class UtcTime(fields.AwareDateTime):
    """An instant as RFC 3339 in UTC with microseconds: 2026-11-21T08:00:00.123456Z."""

    default_error_messages = _TIME_MESSAGES

    def _serialize(self, value: datetime | None, attr: str | None, obj: Any, **arguments: Any) -> str | None:
        return None if value is None else utc_text(value)

    def _deserialize(self, value: Any, *positional: Any, **arguments: Any) -> datetime:
        match = _UTC.fullmatch(value) if isinstance(value, str) and value.isascii() else None
        try:
            return (
                datetime.fromisoformat(match.group(1)).replace(tzinfo=UTC) if match else self._refuse(value)
            )
        except ValueError:
            return self._refuse(value)

    def _refuse(self, value: Any) -> datetime:
        raise self.make_error("invalid", input=value, obj_type=self.OBJ_TYPE)


class CalendarDate(fields.Date):
    """A day: 2026-12-21."""

    default_error_messages = _DATE_MESSAGES

    def _deserialize(self, value: Any, *positional: Any, **arguments: Any) -> date:
        try:
            if isinstance(value, str) and value.isascii() and _DATE.fullmatch(value):
                return date.fromisoformat(value)
        except ValueError:
            pass
        raise self.make_error("invalid", input=value, obj_type=self.OBJ_TYPE)


class MoneySchema(Request):
    """An amount: whole minor units and an ISO 4217 code. Loads to fenqi.Money and dumps from it."""

    minor = WholeNumber(
        required=True,
        validate=validate.Range(min=-AMOUNT_MINOR_MAX, max=AMOUNT_MINOR_MAX),
        metadata={"description": "Amount in minor units, such as cents.", "example": 399900},
    )
    currency = fields.String(
        required=True,
        validate=validate.Regexp(r"[A-Z]{3}\Z", error="Expected an ISO 4217 code such as CNY."),
        metadata={"enum": sorted(EXPONENTS), "example": "CNY"},
    )

    @post_load
    def make_money(self, data: dict[str, Any], **_: Any) -> Money:
        try:
            return Money(data["minor"], data["currency"])
        except FinanceError as error:
            field = error.field if error.field in ("minor", "currency") else "currency"
            raise ValidationError(str(error), field_name=field) from error


class MoneyField(fields.Nested):
    """Money inside another body; `minimum` and `maximum` bound its minor units; errors point at `.minor`."""

    def __init__(self, *, minimum: int | None = None, maximum: int | None = None, **arguments: Any) -> None:
        self.minimum, self.maximum = minimum, maximum
        super().__init__(MoneySchema, **arguments)

    def _deserialize(self, value: Any, *positional: Any, **arguments: Any) -> Money:
        # Answers are read tolerantly down to their smallest part.
        self.unknown = EXCLUDE if isinstance(self.parent, Answer) else RAISE
        money = _usual_money(value)
        if money is None:
            money = super()._deserialize(value, *positional, **arguments)
        if self.minimum is not None and money.minor < self.minimum:
            raise ValidationError(
                {"minor": [f"Expected at least {self.minimum} minor units, got {money.minor}."]}
            )
        if self.maximum is not None and money.minor > self.maximum:
            raise ValidationError(
                {"minor": [f"Expected at most {self.maximum} minor units, got {money.minor}."]}
            )
        return money


def _usual_money(value: Any) -> Money | None:
    """Return money in the form that nearly every body has; None for whatever MoneySchema must look at."""
    if type(value) is not dict or value.keys() != {"minor", "currency"}:
        return None
    minor, currency = value["minor"], value["currency"]
    if type(minor) is not int or type(currency) is not str or currency not in EXPONENTS:
        return None
    return Money(minor, currency) if abs(minor) <= AMOUNT_MINOR_MAX else None


def utc_text(instant: datetime) -> str:
    """Write an aware datetime as the wire does: UTC, six decimals, Z."""
    return instant.astimezone(UTC).isoformat(timespec="microseconds")[:-6] + "Z"
