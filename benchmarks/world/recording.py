"""Records what the services ask of the storage layer, and the SQL that comes of it, to play either again.

So a floor runs exactly the product's statements, whatever they become, and the storage layer is timed by itself.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from merchant_server.storage.engine import NO_PARAMS, Connection, Counted, Engine, Params, Result, Row, Rows
from merchant_server.storage.unit_of_work import SqlStorage


class Statement(NamedTuple):
    """One statement as it ran, and by which of a connection's methods; `params` is a list of rows for many."""

    sql: str
    params: Any
    many: bool
    method: str


class Call(NamedTuple):
    """One call of a repository."""

    repository: str
    method: str
    positional: tuple[Any, ...]
    named: dict[str, Any]


Transaction = list[Statement]
Calls = list[Call]


class RecordingConnection:
    """A connection that keeps every statement."""

    def __init__(self, inner: Connection, statements: Transaction) -> None:
        self._inner, self._statements = inner, statements
        self.claim_suffix, self.row_lock = inner.claim_suffix, inner.row_lock
        # A floor remembers nothing of the transaction before, so each asks all its questions.
        self.memory: dict[str, Any] = {}
        self.foreseen: dict[str, dict[tuple[str, ...], Rows]] = {}
        self.remembers = False

    def require_usable(self) -> None:
        """Refuse outside the block."""
        self._inner.require_usable()

    def hold(self, name: str) -> None:
        """Hold; the floor is SQLite, which needs none."""
        self._inner.hold(name)

    def execute(self, sql: str, params: Params = NO_PARAMS) -> int:
        """Keep and run."""
        self._statements.append(Statement(sql, dict(params), False, "execute"))
        return self._inner.execute(sql, params)

    def executemany(self, sql: str, rows: Sequence[Params]) -> None:
        """Keep and run."""
        self._statements.append(Statement(sql, [dict(row) for row in rows], True, "executemany"))
        self._inner.executemany(sql, rows)

    def write(self, sql: str, params: Params = NO_PARAMS, then: Counted | None = None) -> None:
        """Keep and run."""
        self._statements.append(Statement(sql, dict(params), False, "write"))
        self._inner.write(sql, params, then)

    def write_all(self, sql: str, rows: Sequence[Params]) -> None:
        """Keep and run."""
        self._statements.append(Statement(sql, [dict(row) for row in rows], True, "write_all"))
        self._inner.write_all(sql, rows)

    def later(self, sql: str, params: Params = NO_PARAMS) -> Rows:
        """Keep and run once its rows are needed."""
        return partial(self.all, sql, params)

    def one(self, sql: str, params: Params = NO_PARAMS) -> Row | None:
        """Keep and run."""
        self._statements.append(Statement(sql, dict(params), False, "one"))
        return self._inner.one(sql, params)

    def all(self, sql: str, params: Params = NO_PARAMS) -> list[Row]:
        """Keep and run."""
        self._statements.append(Statement(sql, dict(params), False, "all"))
        return self._inner.all(sql, params)


class RecordingEngine:
    """An engine that keeps the statements of each block: `writes` and `reads`."""

    def __init__(self, inner: Engine) -> None:
        self._inner = inner
        self.dialect = inner.dialect
        self.writes: list[Transaction] = []
        self.reads: list[Transaction] = []

    @contextmanager
    def transaction(self, *, serializable: bool = False) -> Iterator[Connection]:
        """Open a transaction that is kept."""
        with self._inner.transaction(serializable=serializable) as connection:
            self.writes.append([])
            yield RecordingConnection(connection, self.writes[-1])

    def run(self, work: Callable[[Connection], Result]) -> Result:
        """Run work whose statements are kept."""
        with self.transaction() as connection:
            return work(connection)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a reading block that is kept."""
        with self._inner.reading() as connection:
            self.reads.append([])
            yield RecordingConnection(connection, self.reads[-1])

    def migrate(self, folder: Path | None = None) -> list[str]:
        """Migrate the inner engine."""
        return self._inner.migrate(folder)

    def close(self) -> None:
        """Close the inner engine."""
        self._inner.close()


class _RecordingRepository:
    def __init__(self, inner: Any, name: str, calls: Calls) -> None:
        self._inner, self._name, self._calls = inner, name, calls

    def __getattr__(self, method: str) -> Callable[..., Any]:
        def called(*positional: Any, **named: Any) -> Any:
            self._calls.append(Call(self._name, method, positional, named))
            return getattr(self._inner, method)(*positional, **named)

        return called


class _RecordingUnitOfWork:
    def __init__(self, inner: Any, calls: Calls) -> None:
        self._inner, self._calls = inner, calls

    def __getattr__(self, name: str) -> Any:
        return _RecordingRepository(getattr(self._inner, name), name, self._calls)


class RecordingStorage:
    """Storage that keeps the repository calls of each unit of work."""

    def __init__(self, inner: SqlStorage) -> None:
        self._inner = inner
        self.units: list[Calls] = []

    @contextmanager
    def unit_of_work(self) -> Iterator[Any]:
        """Open a unit of work that is kept."""
        with self._inner.unit_of_work() as uow:
            self.units.append([])
            yield _RecordingUnitOfWork(uow, self.units[-1])

    def run(self, work: Callable[[Any], Result]) -> Result:
        """Run work whose calls are kept."""
        with self.unit_of_work() as uow:
            return work(uow)

    def reading(self) -> AbstractContextManager[Any]:
        """Open a reading block, which is not kept."""
        return self._inner.reading()


def play(storage: SqlStorage, calls: Calls) -> None:
    """Make a unit of work's calls again."""
    with storage.unit_of_work() as uow:
        for repository, method, positional, named in calls:
            getattr(getattr(uow, repository), method)(*positional, **named)


def play_statements(connection: Connection, transaction: Transaction) -> None:
    """Run a transaction's statements again through the engine's own connection."""
    for sql, params, _, method in transaction:
        getattr(connection, method)(sql, params)
