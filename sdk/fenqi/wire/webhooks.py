"""The JSON of webhooks and the event feed: endpoints, deliveries, replays and acknowledgements."""

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from fenqi.wire.drafts import PageQuerySchema
from fenqi.wire.fields import Answer, Request, Text, UtcTime, WebAddress, WholeNumber
from fenqi.wire.vocabulary import DELIVERY_STATUSES, ENDPOINT_STATUSES, EVENT_TYPES, SIGNATURES

REPLAY_WHAT = ("missed", "all")
_CURSOR = r"([0-9]{1,18}|evt_[0-9a-z]{26})"
LATEST = "latest"


def _events(**more: Any) -> fields.List[Any]:
    return fields.List(
        fields.String(validate=validate.OneOf(("*", *EVENT_TYPES))),
        validate=validate.Length(min=1, max=len(EVENT_TYPES) + 1),
        **more,
    )


def _cursor(pattern: str = _CURSOR, **more: Any) -> fields.String:
    return fields.String(
        validate=validate.Regexp(pattern + r"\Z", error="Expected an event's id or sequence."), **more
    )


class WebhookEndpointDraftSchema(Request):
    """POST /v1/webhook_endpoints; signature v1 is HMAC-SHA256, v1a is Ed25519."""

    url = WebAddress(required=True, minimum=1, maximum=2000)
    events = _events(load_default=lambda: ["*"])
    description = Text(maximum=200, load_default="")
    signature = fields.String(load_default="v1", validate=validate.OneOf(SIGNATURES))


class WebhookEndpointChangeSchema(Request):
    """PATCH /v1/webhook_endpoints/{id}; what is left out stays as it is."""

    url = WebAddress(minimum=1, maximum=2000)
    events = _events()
    description = Text(maximum=200)
    status = fields.String(validate=validate.OneOf(ENDPOINT_STATUSES))

    @validates_schema
    def check_change(self, data: dict[str, Any], **_: Any) -> None:
        if not data:
            raise ValidationError("Name at least one field to change.")


class WebhookEndpointSchema(Answer):
    """Where events are pushed; `secret` is shown once, when it is made. A v1a endpoint has a public key instead."""

    object = fields.Constant("webhook_endpoint")
    id = fields.String(required=True)
    url = fields.String(required=True)
    events = fields.List(fields.String(), load_default=lambda: ["*"])
    description = fields.String(load_default="")
    secret = fields.String()
    signature = fields.String(load_default="v1", metadata={"enum": SIGNATURES})
    public_key = fields.String(load_default=None, allow_none=True)
    status = fields.String(load_default="active", metadata={"enum": ENDPOINT_STATUSES})
    reason = fields.String(load_default="", metadata={"description": "Why it is disabled."})
    overlap_until = UtcTime(
        load_default=None,
        allow_none=True,
        metadata={"description": "Until then the secret before the present one signs too."},
    )
    created_at = UtcTime(required=True)


class DeliveryQuerySchema(PageQuerySchema):
    """GET /v1/webhook_endpoints/{id}/deliveries."""

    status = fields.String(load_default=None, validate=validate.OneOf(DELIVERY_STATUSES))


class DeliverySchema(Answer):
    """How the push of one event to one endpoint goes: a line of the delivery log, without bodies."""

    object = fields.Constant("delivery")
    id = fields.String(required=True)
    webhook_endpoint_id = fields.String(required=True)
    event_id = fields.String(required=True)
    event_type = fields.String(load_default="")
    status = fields.String(required=True, metadata={"enum": DELIVERY_STATUSES})
    attempts = WholeNumber(load_default=0)
    last_status = WholeNumber(
        load_default=None, allow_none=True, metadata={"description": "HTTP status; 0 when nothing answered."}
    )
    last_reason = fields.String(load_default="")
    took_ms = WholeNumber(load_default=None, allow_none=True)
    tried_at = UtcTime(load_default=None, allow_none=True)
    next_try_at = UtcTime(load_default=None, allow_none=True)
    delivered_at = UtcTime(load_default=None, allow_none=True)


class DeliveryAttemptSchema(Answer):
    """One try to push an event; when a delivery is replayed, `number` begins anew."""

    object = fields.Constant("delivery_attempt")
    id = fields.String(required=True)
    delivery_id = fields.String(required=True)
    number = WholeNumber(required=True)
    tried_at = UtcTime(required=True)
    took_ms = WholeNumber(load_default=0)
    status = WholeNumber(load_default=0, metadata={"description": "HTTP status; 0 when nothing answered."})
    reason = fields.String(load_default="", metadata={"description": "Why it failed; empty when it did not."})


class ReplaySchema(Request):
    """POST /v1/webhook_endpoints/{id}/replay: events created from `since` (inclusive) to `until` (exclusive)."""

    since = UtcTime(required=True)
    until = UtcTime(required=True)
    what = fields.String(
        load_default="missed",
        validate=validate.OneOf(REPLAY_WHAT),
        metadata={"description": "missed: dead, or never queued for it; all: delivered ones too."},
    )

    @validates_schema
    def check_order(self, data: dict[str, Any], **_: Any) -> None:
        if "since" in data and "until" in data and data["since"] >= data["until"]:
            raise ValidationError("Expected a time after since.", field_name="until")


class ReplayedSchema(Answer):
    """How many events were queued again; ask once more while there are more."""

    object = fields.Constant("replay")
    queued = WholeNumber(required=True)
    has_more = fields.Boolean(load_default=False)


class EventQuerySchema(Request):
    """GET /v1/events; `after` is a cursor: an event's id or its `sequence`, 0 for the beginning.

    With `after=latest` there is no event, and `next_cursor` is behind the newest: read on from there.
    With `reader` instead the feed goes on where that reader acknowledged last.
    """

    after = _cursor(f"({LATEST}|{_CURSOR})", load_default=None)
    reader = Text(minimum=1, maximum=64, load_default=None)
    limit = fields.Integer(load_default=20, validate=validate.Range(min=1, max=100))


class AckSchema(Request):
    """POST /v1/events/ack: everything up to and including this event is dealt with."""

    reader = Text(minimum=1, maximum=64, load_default="default")
    cursor = _cursor(required=True)


class EventMarkSchema(Answer):
    """How far a named reader of the feed has got."""

    object = fields.Constant("event_mark")
    reader = fields.String(required=True)
    sequence = WholeNumber(required=True)
    acknowledged_at = UtcTime(required=True)
