"""/v1/keys"""

from typing import Any

from fenqi.wire import EmptySchema, KeyDraftSchema, KeySchema, PageQuerySchema, RollSchema, page_of
from flask import Response

from merchant_server.domain.errors import Forbidden
from merchant_server.domain.merchant import SCOPES, Caller
from merchant_server.ports import UnitOfWork
from merchant_server.services.operation import api_keys
from merchant_server.services.setup_resources import key_resource
from merchant_server.web.api.describing import IDEMPOTENT, answer, window
from merchant_server.web.bodies import ApiBlueprint, answer_once
from merchant_server.web.context import caller, deps

blp = ApiBlueprint("keys", __name__, url_prefix="/v1/keys", description="Keys that the API is called with.")


def _new(made: api_keys.NewKey) -> dict[str, Any]:
    return {**key_resource(made.key, deps().clock.now()), "secret": made.secret}


@blp.get("")
@blp.arguments(PageQuerySchema, location="query")
@blp.response(200, page_of(KeySchema))
def listing(query: dict[str, Any]) -> Response:
    """List keys of this mode, ended ones too, newest first; their secrets are known to nobody."""
    who = caller("settings")
    with deps().storage.reading() as uow:
        keys = uow.merchants.keys(who.merchant_id, who.mode)
    return window([key_resource(each, deps().clock.now()) for each in keys], query)


@blp.post("")
@blp.doc(**IDEMPOTENT)
@blp.arguments(KeyDraftSchema, required=False)
@blp.response(201, KeySchema)
def create(draft: dict[str, Any]) -> Response:
    """Make a key of this mode and show its secret once; it can do no more than the key that makes it."""
    who = caller("settings")
    scopes = _granted(who, draft["scopes"])
    if draft["kind"] == "till":
        _granted(who, ["create"])

    def made(uow: UnitOfWork) -> dict[str, Any]:
        return _new(
            api_keys.add_key(
                uow, deps(), who.merchant_id, who.mode, scopes, kind=draft["kind"], name=draft["name"],
                till_id=draft["till_id"], actor=who.key_id,
            )
        )  # fmt: skip

    return answer_once(who, 201, made)


def _granted(who: Caller, wanted: list[str] | None) -> tuple[str, ...]:
    """Return the scopes of a new key in their order. Raises Forbidden for one that the caller's key lacks."""
    for scope in wanted or ():
        if scope not in who.scopes:
            raise Forbidden(
                f"this key may not {scope}, so it cannot give that to another one",
                field="scopes",
                hint="use a key with that scope, or fenqi-server key create",
            )
    return tuple(each for each in SCOPES if each in (who.scopes if wanted is None else wanted))


@blp.get("/<key_id>")
@blp.response(200, KeySchema)
def retrieve(key_id: str) -> Response:
    """Look a key up: when it was last used, whether it ends, what it may do."""
    who = caller("settings")
    with deps().storage.reading() as uow:
        return answer(key_resource(api_keys.find_key(uow, who, key_id), deps().clock.now()))


@blp.post("/<key_id>/roll")
@blp.doc(**IDEMPOTENT)
@blp.arguments(RollSchema, required=False)
@blp.response(201, KeySchema)
def roll(body: dict[str, int], key_id: str) -> Response:
    """Make a successor with the same rights and show its secret; both are alive for overlap_seconds."""
    who = caller("settings")

    def rolled(uow: UnitOfWork) -> dict[str, Any]:
        key = api_keys.find_key(uow, who, key_id)
        _granted(who, [each for each in key.scopes if each in SCOPES])
        return _new(api_keys.roll_key(uow, deps(), key, body["overlap_seconds"], who.key_id))

    return answer_once(who, 201, rolled)


@blp.post("/<key_id>/revoke")
@blp.doc(**IDEMPOTENT)
@blp.arguments(EmptySchema, required=False)
@blp.response(200, KeySchema)
def revoke(_: dict[str, Any], key_id: str) -> Response:
    """End a key everywhere, within half a second; ending it again changes nothing."""
    who = caller("settings")

    def revoked(uow: UnitOfWork) -> dict[str, Any]:
        if api_keys.find_key(uow, who, key_id).revoked_at is None:
            api_keys.end_key_now(uow, deps(), key_id, who.key_id)
        return key_resource(api_keys.find_key(uow, who, key_id), deps().clock.now())

    return answer_once(who, 200, revoked)
