"""The JSON of who sells where and by which key: stores, tills and API keys, as clients send it and as fenqi answers."""

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from fenqi.wire.drafts import PageQuerySchema
from fenqi.wire.fields import Answer, Request, Text, UtcTime, WholeNumber
from fenqi.wire.vocabulary import KEY_KINDS, KEY_STATUSES, MODES, PLACE_STATUSES, SCOPES

OVERLAP_SECONDS_DEFAULT = 86_400
OVERLAP_SECONDS_MAX = 30 * 86_400


def _name(**more: Any) -> Text:
    return Text(minimum=1, maximum=100, **more)


def _status() -> fields.String:
    return fields.String(validate=validate.OneOf(PLACE_STATUSES))


def _require_a_change(data: dict[str, Any]) -> None:
    if not data:
        raise ValidationError("Name at least one field to change.")


class StoreDraftSchema(Request):
    """POST /v1/stores."""

    name = _name(required=True, metadata={"example": "人民路店"})


class StoreChangeSchema(Request):
    """PATCH /v1/stores/{id}; what is left out stays as it is."""

    name = _name()
    status = _status()

    @validates_schema
    def check_change(self, data: dict[str, Any], **_: Any) -> None:
        _require_a_change(data)


class StoreSchema(Answer):
    """One place where a merchant sells; nothing new is sold in a closed one."""

    object = fields.Constant("store")
    id = fields.String(required=True)
    name = fields.String(required=True)
    status = fields.String(load_default="open", metadata={"enum": PLACE_STATUSES})


class StoreQuerySchema(PageQuerySchema):
    """GET /v1/stores."""

    status = fields.String(load_default=None, validate=validate.OneOf(PLACE_STATUSES))


class TillDraftSchema(Request):
    """POST /v1/tills."""

    store_id = Text(required=True, minimum=1, maximum=64)
    name = _name(required=True, metadata={"example": "1 号台"})


class TillChangeSchema(StoreChangeSchema):
    """PATCH /v1/tills/{id}; what is left out stays as it is."""


class TillSchema(Answer):
    """One device at a counter of a store; nothing new is sold at a closed one."""

    object = fields.Constant("till")
    id = fields.String(required=True)
    store_id = fields.String(required=True)
    name = fields.String(required=True)
    status = fields.String(load_default="open", metadata={"enum": PLACE_STATUSES})


class TillQuerySchema(StoreQuerySchema):
    """GET /v1/tills."""

    store_id = Text(minimum=1, maximum=64, load_default=None)


class KeyDraftSchema(Request):
    """POST /v1/keys; a secret key carries the scopes you name, the other kinds carry their own."""

    kind = fields.String(load_default="secret", validate=validate.OneOf(KEY_KINDS))
    name = Text(maximum=100, load_default="", metadata={"example": "web shop"})
    scopes = fields.List(
        fields.String(validate=validate.OneOf(SCOPES)),
        load_default=None,
        allow_none=True,
        validate=validate.Length(min=1, max=len(SCOPES)),
        metadata={"description": "Of a secret key; all that your own key has when left out."},
    )
    till_id = Text(
        minimum=1,
        maximum=64,
        load_default=None,
        allow_none=True,
        metadata={"description": "Of a till's key: the till that it sells at."},
    )


class RollSchema(Request):
    """POST …/roll: how long the one before stays good beside its successor."""

    overlap_seconds = WholeNumber(
        load_default=OVERLAP_SECONDS_DEFAULT, validate=validate.Range(min=0, max=OVERLAP_SECONDS_MAX)
    )


class KeySchema(Answer):
    """An API key; `secret` is shown once, in the answer that makes it. `hint` is the end of the secret."""

    object = fields.Constant("key")
    id = fields.String(required=True)
    kind = fields.String(load_default="secret", metadata={"enum": KEY_KINDS})
    mode = fields.String(load_default="test", metadata={"enum": MODES})
    name = fields.String(load_default="")
    scopes = fields.List(fields.String(), load_default=list)
    hint = fields.String(load_default="")
    secret = fields.String()
    status = fields.String(load_default="active", metadata={"enum": KEY_STATUSES})
    version = fields.String(load_default="")
    till_id = fields.String(load_default=None, allow_none=True)
    created_at = UtcTime(required=True)
    last_used_at = UtcTime(
        load_default=None, allow_none=True, metadata={"description": "To the minute; never when null."}
    )
    expires_at = UtcTime(load_default=None, allow_none=True)
    revoked_at = UtcTime(load_default=None, allow_none=True)
