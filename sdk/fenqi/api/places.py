"""`client.stores` and `client.tills`: where a merchant sells."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from fenqi.api.intent import fresh_key, path_id
from fenqi.api.pages import Page, checked_limit
from fenqi.api.reading import RAW, known, load
from fenqi.api.transport import Transport
from fenqi.wire import StoreSchema, TillSchema

_STORE, _TILL = StoreSchema(), TillSchema()


@dataclass(frozen=True, slots=True)
class Store:
    """One place where a merchant sells. status: open or closed; nothing new is sold in a closed one."""

    id: str
    name: str
    status: str
    raw: Mapping[str, Any] = RAW

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Self:
        """Read a store's JSON. Raises NotFenqi when it has not the shape of one."""
        return cls(**known(cls, load(_STORE, raw)), raw=raw)


@dataclass(frozen=True, slots=True)
class Till:
    """One device at a counter of a store. status: open or closed; nothing new is sold at a closed one."""

    id: str
    store_id: str
    name: str
    status: str
    raw: Mapping[str, Any] = RAW

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Self:
        """Read a till's JSON. Raises NotFenqi when it has not the shape of one."""
        return cls(**known(cls, load(_TILL, raw)), raw=raw)


class Stores:
    """Stores of the merchant whose key the client holds."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def create(self, *, name: str, idempotency_key: str | None = None) -> Store:
        """Make a store. Every call makes another one, unless you give the same idempotency_key again."""
        key = idempotency_key or fresh_key()
        return Store.from_dict(
            self._transport.call("POST", "/v1/stores", body={"name": name}, idempotency_key=key).body
        )

    def retrieve(self, store_id: str) -> Store:
        """Return a store. Raises NotFoundError."""
        return Store.from_dict(
            self._transport.call("GET", f"/v1/stores/{path_id(store_id, 'store_id')}").body
        )

    def update(self, store_id: str, *, name: str | None = None, status: str | None = None) -> Store:
        """Rename a store, close it or open it again; what is left out stays as it is. Raises NotFoundError."""
        path = f"/v1/stores/{path_id(store_id, 'store_id')}"
        return Store.from_dict(
            self._transport.call("PATCH", path, body=changes(name=name, status=status)).body
        )

    def list(
        self, *, status: str | None = None, limit: int | None = None, cursor: str | None = None
    ) -> Page[Store]:
        """Return stores, oldest first; iterating the page goes on through all later pages."""
        query = {"status": status, "limit": checked_limit(limit), "cursor": cursor}
        return Page(self._transport, "/v1/stores", query, Store.from_dict)


class Tills:
    """Tills of the merchant whose key the client holds."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def create(self, *, store_id: str, name: str, idempotency_key: str | None = None) -> Till:
        """Make a till in a store. Every call makes another one, unless you give the same idempotency_key again."""
        body = {"store_id": store_id, "name": name}
        key = idempotency_key or fresh_key()
        return Till.from_dict(self._transport.call("POST", "/v1/tills", body=body, idempotency_key=key).body)

    def retrieve(self, till_id: str) -> Till:
        """Return a till. Raises NotFoundError."""
        return Till.from_dict(self._transport.call("GET", f"/v1/tills/{path_id(till_id, 'till_id')}").body)

    def update(self, till_id: str, *, name: str | None = None, status: str | None = None) -> Till:
        """Rename a till, close it or open it again; what is left out stays as it is. Raises NotFoundError."""
        path = f"/v1/tills/{path_id(till_id, 'till_id')}"
        return Till.from_dict(
            self._transport.call("PATCH", path, body=changes(name=name, status=status)).body
        )

    def list(
        self,
        *,
        store_id: str | None = None,
        status: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Page[Till]:
        """Return tills, oldest first; iterating the page goes on through all later pages."""
        query = {"store_id": store_id, "status": status, "limit": checked_limit(limit), "cursor": cursor}
        return Page(self._transport, "/v1/tills", query, Till.from_dict)


def changes(**named: Any) -> dict[str, Any]:
    """Return what is to change: all that was given."""
    return {name: value for name, value in named.items() if value is not None}
