"""Statements over one PostgreSQL connection by libpq's own calls: prepared by name, and many in one round trip.

psycopg opens the connection, names libpq's calls and reads columns. Its cursors take several times the processor time
that a statement needs here, and a new checkout has fourteen, so that none passes through one.
"""

import re
import select
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import psycopg
from psycopg import pq
from psycopg.adapt import Transformer

from merchant_server.storage.engine import Params, Row, StorageError, StorageUnavailable
from merchant_server.storage.postgres_errors import DRIVER_ERRORS, is_stale_plan, refusal, typed

Statement = tuple[str, Params]
# The services ask some hundreds of different questions.
PREPARED_STATEMENTS = 500
COUNTED_STATEMENTS = 5_000
PREPARED_AFTER = 5
_TEXT, _BINARY = 0, 1
# PostgreSQL finds out what a text is for. One type for every integer: small values do not overflow a short one.
_UNKNOWN, _BYTEA, _INT8 = 0, 17, 20
_TOKENS = re.compile(
    r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|/\*.*?\*/|\$(\w*)\$.*?\$\1\$|::|:(?P<name>[A-Za-z_]\w*)",
    re.DOTALL,
)
_DONE = (pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK, pq.ExecStatus.EMPTY_QUERY)


@lru_cache(maxsize=4096)
def numbered(sql: str) -> tuple[bytes, tuple[str, ...]]:
    """Return `sql` with its `:name` parameters as $1, $2 …, and their names in that order; texts and casts stay."""
    names: dict[str, str] = {}

    def token(match: re.Match[str]) -> str:
        name = match.group("name")
        return names.setdefault(name, f"${len(names) + 1}") if name else match.group()

    return _TOKENS.sub(token, sql).encode(), tuple(names)


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one statement: its rows, how many it changed, and the server's word for it."""

    rows: list[Row]
    changed: int
    word: str


@dataclass(slots=True)
class _Sent:
    """A statement as it is sent: its text, its values, and the name that it is, or is to be, prepared under."""

    query: bytes
    values: list[bytes | None]
    types: tuple[int, ...]
    formats: list[int]
    prepared: "_Prepared | None" = None
    is_new: bool = False


@dataclass(slots=True)
class _Prepared:
    name: bytes
    columns: tuple[str, ...] | None = None


class Session:
    """One connection. Every call raises `StorageError`; after one that did, `recover` before the next block.

    `is_standby` is what its opener found out about the server: it only reads. `met_new_schema` tells that what was
    prepared, here and on older connections, may be for tables that have changed.
    """

    is_standby = False
    met_new_schema = False

    def __init__(self, raw: psycopg.Connection[Any], *, prepare: bool) -> None:
        self._raw = raw
        self._pg = raw.pgconn
        self._prepares = prepare
        self._reader = Transformer(raw)
        self._readable = select.poll()
        self._readable.register(self._pg.socket, select.POLLIN)
        self._names: dict[tuple[bytes, tuple[int, ...]], _Prepared] = {}
        self._uses: dict[tuple[bytes, tuple[int, ...]], int] = {}
        self._made = 0
        self._failed = False

    @property
    def is_usable(self) -> bool:
        """Whether it is connected, outside a transaction, and nothing is left of a failure."""
        return self._is_idle and not self._failed

    @property
    def _is_idle(self) -> bool:
        return self._pg.transaction_status == pq.TransactionStatus.IDLE

    def recover(self) -> None:
        """Leave what is open, and forget what may not have been prepared."""
        if not self._is_idle:
            self.command(b"ROLLBACK")
        if self._failed:
            if self._prepares:
                self.command(b"DEALLOCATE ALL")
                self._names.clear()
            self._failed = False

    def close(self) -> None:
        """Close the connection."""
        with suppress(psycopg.Error):
            self._raw.close()

    def command(self, words: bytes) -> str:
        """Run commands without parameters; return the server's word for the last one."""
        try:
            result = self._pg.exec_(words)
        except DRIVER_ERRORS as error:
            raise typed(error) from error
        return self._answer(result, None).word

    def ask(self, sql: str, params: Params) -> Answer:
        """Run one statement."""
        return self.ask_all([(sql, params)])[0]

    def ask_all(self, statements: Iterable[Statement], *, committing: bool = False) -> list[Answer]:
        """Run statements in one round trip; the first that is refused ends the rest.

        With a COMMIT among them (`committing`) a lost connection leaves open what became of it.
        """
        try:
            sent = [self._ready(sql, params) for sql, params in statements]
            return self._alone(sent[0]) if len(sent) == 1 and not sent[0].is_new else self._together(sent)
        except (StorageError, *DRIVER_ERRORS) as error:
            self._failed = True
            failure = error if isinstance(error, StorageError) else typed(error)
            if committing and isinstance(failure, StorageUnavailable):
                failure.maybe_committed = True
            if failure is error:
                raise
            raise failure from error

    def _ready(self, sql: str, params: Params) -> _Sent:
        query, names = numbered(sql)
        values: list[bytes | None] = []
        types, formats = [], []
        for name in names:
            try:
                value = params[name]
            except KeyError as missing:
                raise StorageError(f"the statement needs a parameter {missing}") from missing
            if type(value) is str:
                values.append(value.encode())
                types.append(_UNKNOWN)
                formats.append(_TEXT)
            elif type(value) is int:
                values.append(b"%d" % value)
                types.append(_INT8)
                formats.append(_TEXT)
            elif value is None:
                values.append(None)
                types.append(_UNKNOWN)
                formats.append(_TEXT)
            else:
                values.append(value)
                types.append(_BYTEA)
                formats.append(_BINARY)
        sent = _Sent(query, values, tuple(types), formats)
        if self._prepares:
            self._name(sent)
        return sent

    def _name(self, sent: _Sent) -> None:
        """Give a statement that is often asked its name; the one that was not asked for longest makes room."""
        key = sent.query, sent.types
        known = self._names.pop(key, None)
        if known is None:
            uses = self._uses[key] = self._uses.get(key, 0) + 1
            if uses < PREPARED_AFTER:
                if len(self._uses) > COUNTED_STATEMENTS:
                    self._uses.clear()
                return
            self._made += 1
            known, sent.is_new = _Prepared(b"fenqi_%d" % self._made), True
            if len(self._names) >= PREPARED_STATEMENTS:
                oldest = next(iter(self._names))
                self.command(b"DEALLOCATE " + self._names.pop(oldest).name)
        self._names[key] = sent.prepared = known

    def _alone(self, sent: _Sent) -> list[Answer]:
        self._send(sent)
        self._flush()
        found: list[pq.abc.PGresult] = []
        while (result := self._next()) is not None:
            found.append(result)
        if not found:
            raise psycopg.OperationalError("the connection was lost before an answer came")
        return [self._answer(found[-1], sent.prepared)]

    def _together(self, sent: Sequence[_Sent]) -> list[Answer]:
        self._pg.enter_pipeline_mode()
        for each in sent:
            if each.is_new:
                assert each.prepared is not None
                self._pg.send_prepare(each.prepared.name, each.query, each.types)
            self._send(each)
        self._pg.pipeline_sync()
        self._flush()
        results = list(self._until_the_sync())
        self._pg.exit_pipeline_mode()
        for result in results:  # what follows a refused one was only skipped
            if result.status == pq.ExecStatus.FATAL_ERROR:
                raise self._refused(result)
        if len(results) != len(sent) + sum(each.is_new for each in sent):
            raise psycopg.OperationalError("the connection was lost between two answers")
        answers = iter(results)
        found = []
        for each in sent:
            if each.is_new:
                next(answers)
            found.append(self._answer(next(answers), each.prepared))
        return found

    def _send(self, sent: _Sent) -> None:
        if sent.prepared is None:
            self._pg.send_query_params(sent.query, sent.values, sent.types, sent.formats)
        else:
            self._pg.send_query_prepared(sent.prepared.name, sent.values, sent.formats)

    def _flush(self) -> None:
        """Send it all; a server that answers meanwhile is listened to, so that neither waits for the other."""
        while self._pg.flush():
            both = select.poll()
            both.register(self._pg.socket, select.POLLIN | select.POLLOUT)
            if any(event & ~select.POLLOUT for _, event in both.poll()):
                self._pg.consume_input()

    def _next(self) -> pq.abc.PGresult | None:
        """Return the next result, waiting in a way that lets other threads run."""
        while self._pg.is_busy():
            self._readable.poll()
            self._pg.consume_input()
        return self._pg.get_result()

    def _until_the_sync(self) -> Iterator[pq.abc.PGresult]:
        nothing = 0
        while nothing < 2:  # one ends each statement; two mean that the connection is gone
            result = self._next()
            if result is None:
                nothing += 1
                continue
            nothing = 0
            if result.status == pq.ExecStatus.PIPELINE_SYNC:
                return
            yield result

    def _answer(self, result: pq.abc.PGresult, prepared: _Prepared | None) -> Answer:
        if result.status not in _DONE:
            raise self._refused(result)
        word = (result.command_status or b"").decode()
        if result.status != pq.ExecStatus.TUPLES_OK:
            return Answer([], result.command_tuples or 0, word)
        columns = prepared.columns if prepared is not None else None
        if columns is None:
            columns = tuple((result.fname(place) or b"").decode() for place in range(result.nfields))
            if prepared is not None:
                prepared.columns = columns
        self._reader.set_pgresult(result)
        rows = [
            dict(zip(columns, row, strict=True)) for row in self._reader.load_rows(0, result.ntuples, tuple)
        ]
        return Answer(rows, result.command_tuples or 0, word)

    def _refused(self, result: pq.abc.PGresult) -> StorageError:
        self._failed = True
        self.met_new_schema = self.met_new_schema or is_stale_plan(result)
        return refusal(result, lost=self._pg.status == pq.ConnStatus.BAD)
