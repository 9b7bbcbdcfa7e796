"""Answers to questions that many steps ask, shared by transactions between which nobody else changed anything."""

from collections.abc import Callable
from typing import Generic, TypeVar

from merchant_server.storage.engine import Connection, Row, Rows

Made = TypeVar("Made")
Key = tuple[str, ...]
REMEMBERED_MAX = 1000


class Remembered(Generic[Made]):
    """What one question found, by its parameters: asked once, and for later transactions too where these remember.

    It may be foreseen, to travel with others to a database far away. Who changes such rows has it forgotten.
    """

    def __init__(self, connection: Connection, sql: str, make: Callable[[list[Row]], Made]) -> None:
        self._db, self._sql, self._make = connection, sql, make
        self._found: dict[Key, Made] = connection.memory.setdefault(sql, {})
        # Shared by every repository of the block, so that one which changes such rows takes back what another foresaw.
        self._asked: dict[Key, Rows] = connection.foreseen.setdefault(sql, {})

    def foresee(self, **params: str) -> None:
        """Say that this will be asked for."""
        key = tuple(params.values())
        if key not in self._found and key not in self._asked:
            self._asked[key] = self._db.later(self._sql, params)

    def get(self, **params: str) -> Made:
        """Return what was made of the rows. Raises TransactionMisuse outside the block."""
        self._db.require_usable()
        key = tuple(params.values())
        if key not in self._found:
            if len(self._found) >= REMEMBERED_MAX:
                self._found.clear()
            self.foresee(**params)
            self._found[key] = self._make(self._asked.pop(key)())
        return self._found[key]

    def forget(self) -> None:
        """Ask anew from here on."""
        self._found.clear()
        self._asked.clear()
