"""Lists that fetch their next page by themselves. Knows nothing about what they hold."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Generic, TypeVar

from fenqi.api.transport import Transport
from fenqi.errors import InvalidArgument, NotFenqi

T = TypeVar("T")
LIMIT_MAX = 100


class Page(Generic[T]):
    """One page of a list. Iterating goes on through all later pages; `data` is this page alone.

    Attributes: data (tuple), has_more, next_cursor.
    """

    def __init__(
        self,
        transport: Transport,
        path: str,
        query: Mapping[str, Any],
        read: Callable[[Mapping[str, Any]], T],
        *,
        cursor_name: str = "cursor",
    ) -> None:
        body = transport.call("GET", path, query=query).body
        rows = body.get("data")
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise NotFenqi("The answer is no list of resources.", hint="Check base_url.")
        self.data: tuple[T, ...] = tuple(read(row) for row in rows)
        cursor = body.get("next_cursor")
        self.next_cursor: str | None = cursor if isinstance(cursor, str) else None
        self.has_more: bool = body.get("has_more") is True and self.next_cursor is not None
        self._transport, self._path, self._query = transport, path, dict(query)
        self._read, self._cursor_name = read, cursor_name

    def __repr__(self) -> str:
        return f"Page({len(self.data)} of {self._path}, has_more={self.has_more})"

    def next_page(self) -> "Page[T] | None":
        """Fetch the page after this one, or return None at the end. Raises NotFenqi for a stuck cursor."""
        if not self.has_more:
            return None
        if self.next_cursor == self._query.get(self._cursor_name):
            raise NotFenqi(
                "The list gave the same cursor twice, so it would never end.", hint="Check the server."
            )
        query = self._query | {self._cursor_name: self.next_cursor}
        return Page(self._transport, self._path, query, self._read, cursor_name=self._cursor_name)

    def __iter__(self) -> Iterator[T]:
        page: Page[T] | None = self
        while page is not None:
            yield from page.data
            page = page.next_page()


def checked_limit(limit: int | None) -> int | None:
    """Return the limit when it is None or 1 to 100. Raises InvalidArgument."""
    if limit is not None and (type(limit) is not int or not 1 <= limit <= LIMIT_MAX):
        raise InvalidArgument(f"Expected a whole number from 1 to {LIMIT_MAX}.", field="limit")
    return limit
