"""`client.keys`: the keys that the API is called with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from fenqi.api.intent import fresh_key, path_id
from fenqi.api.pages import Page, checked_limit
from fenqi.api.places import changes
from fenqi.api.reading import RAW, known, load
from fenqi.api.transport import Transport
from fenqi.wire import KeySchema

_KEY = KeySchema()


@dataclass(frozen=True, slots=True)
class Key:
    """An API key. `secret` is there only in the answer that makes it, and stays out of repr; `hint` is its end.

    kind: secret, publishable (prices only) or till. status: active, expiring (it has a successor), expired or revoked.
    """

    id: str
    kind: str
    mode: str
    name: str
    scopes: tuple[str, ...]
    hint: str
    status: str
    version: str
    till_id: str | None
    created_at: datetime
    last_used_at: datetime | None
    expires_at: datetime | None
    revoked_at: datetime | None
    secret: str | None = field(repr=False, default=None)
    raw: Mapping[str, Any] = RAW

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Self:
        """Read a key's JSON. Raises NotFenqi when it has not the shape of one."""
        loaded = load(_KEY, raw)
        loaded["scopes"] = tuple(loaded["scopes"])
        return cls(**known(cls, loaded), raw=raw)


class Keys:
    """Keys of the merchant and mode of the client's own key, which needs the scope settings."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def create(
        self,
        *,
        kind: str = "secret",
        name: str | None = None,
        scopes: Sequence[str] | None = None,
        till_id: str | None = None,
        idempotency_key: str | None = None,
    ) -> Key:
        """Make a key; its `secret` is in this answer only. Without scopes a secret key gets those of yours."""
        body = changes(kind=kind, name=name, scopes=None if scopes is None else list(scopes), till_id=till_id)
        return self._post("/v1/keys", body, idempotency_key)

    def retrieve(self, key_id: str) -> Key:
        """Return a key: when it was last used, whether it ends. Raises NotFoundError."""
        return Key.from_dict(self._transport.call("GET", f"/v1/keys/{path_id(key_id, 'key_id')}").body)

    def list(self, *, limit: int | None = None, cursor: str | None = None) -> Page[Key]:
        """Return keys, ended ones too, newest first; iterating the page goes on through all later pages."""
        query = {"limit": checked_limit(limit), "cursor": cursor}
        return Page(self._transport, "/v1/keys", query, Key.from_dict)

    def roll(
        self, key_id: str, *, overlap_seconds: int | None = None, idempotency_key: str | None = None
    ) -> Key:
        """Make a successor and return it with its secret; both are alive for the overlap, a day by default."""
        body = changes(overlap_seconds=overlap_seconds)
        return self._post(f"/v1/keys/{path_id(key_id, 'key_id')}/roll", body, idempotency_key)

    def revoke(self, key_id: str, *, idempotency_key: str | None = None) -> Key:
        """End a key everywhere, within half a second; ending it again changes nothing. Raises NotFoundError."""
        return self._post(f"/v1/keys/{path_id(key_id, 'key_id')}/revoke", {}, idempotency_key)

    def _post(self, path: str, body: dict[str, Any], idempotency_key: str | None) -> Key:
        key = idempotency_key or fresh_key()
        return Key.from_dict(self._transport.call("POST", path, body=body, idempotency_key=key).body)
