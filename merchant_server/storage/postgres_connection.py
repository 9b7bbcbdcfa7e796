"""How a PostgreSQL connection is opened, and one block's view of it: writes wait until there is a question or the end.

Decides nothing about when a transaction begins or ends: that is `postgres.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from merchant_server.storage.engine import (
    NO_PARAMS,
    Block,
    Counted,
    Params,
    Row,
    Rows,
    StorageError,
    checked,
    checked_by,
)
from merchant_server.storage.postgres_errors import typed
from merchant_server.storage.postgres_session import Answer, Session, Statement

CONNECT_SECONDS = 5
_LOST_PEER_MILLISECONDS = 30_000


def connect(url: str, *, prepare: bool) -> Session:
    """Open a connection on which every statement outside a transaction commits by itself. Raises psycopg's errors."""
    raw = psycopg.connect(
        url,
        autocommit=True,
        prepare_threshold=None,
        client_encoding="UTF8",
        connect_timeout=CONNECT_SECONDS,
        tcp_user_timeout=_LOST_PEER_MILLISECONDS,
        application_name="fenqi",
    )
    return Session(raw, prepare=prepare)


def one_by_one(url: str) -> list[str]:
    """Return one connection string for each host of a URL, in its order. Raises StorageError."""
    try:
        given = conninfo_to_dict(url)
    except psycopg.Error as error:
        raise StorageError(f"the database URL cannot be read: {typed(error)}") from error
    hosts, ports = str(given.get("host") or "").split(","), str(given.get("port") or "").split(",")
    if len(ports) == 1:
        ports *= len(hosts)
    if len(ports) != len(hosts):
        raise StorageError("the database URL has another number of ports than of hosts")
    given.pop("target_session_attrs" if len(hosts) > 1 else "", None)
    return [
        make_conninfo("", **given | {"host": host or None, "port": port or None})
        for host, port in zip(hosts, ports, strict=True)
    ]


@dataclass(frozen=True, slots=True)
class _Write:
    """A statement that is to be run, once or for many rows, and who is told how many rows it changed."""

    sql: str
    params: Params = field(default_factory=dict)
    then: Counted | None = None
    rows: Sequence[Params] | None = None

    def statements(self) -> list[Statement]:
        return [(self.sql, row) for row in (self.rows if self.rows is not None else (self.params,))]


@dataclass(slots=True)
class _Question:
    """A question that waits to be asked, and its rows once it was."""

    sql: str
    params: Params
    rows: list[Row] | None = None

    def statements(self) -> list[Statement]:
        return [(self.sql, self.params)]


class PostgresConnection(Block):
    """One block's view of a psycopg connection."""

    claim_suffix = "FOR UPDATE SKIP LOCKED"

    def __init__(self, session: Session, *, row_lock: str = "FOR UPDATE") -> None:
        super().__init__()
        self._session = session
        self.row_lock = row_lock
        self._waiting: list[_Write | _Question] = []

    def _run(self, sql: str, params: Params) -> Answer:
        self.require_usable()
        if not self._waiting:
            try:
                return self._session.ask(sql, checked(params))
            except StorageError as failure:
                raise self.fail(failure) from failure.__cause__
        self._waiting.append(_Write(sql, checked(params)))
        return self._send()

    def _send(self, *last: Statement, committing: bool = False) -> Answer:
        """Run what waits, then `last`, in one round trip; return the answer to the last statement."""
        waiting, self._waiting = self._waiting, []
        statements = [statement for each in waiting for statement in each.statements()]
        try:
            answers = self._session.ask_all([*statements, *last], committing=committing)
        except StorageError as failure:
            raise self.fail(failure) from failure.__cause__
        place = 0
        for each in waiting:
            if isinstance(each, _Question):
                each.rows = answers[place].rows
            elif each.then is not None:
                checked_by(self, each.then, answers[place].changed)
            place += len(each.rows) if isinstance(each, _Write) and each.rows is not None else 1
        return answers[-1]

    def commit(self) -> None:
        """Run what waits and commit, in one round trip unless something has to be looked at before.

        What comes behind that goes with the COMMIT, so that no lock which it takes is held while words travel.
        """
        writes = [each for each in self._waiting if isinstance(each, _Write)]
        looked_at = max((place for place, each in enumerate(writes, 1) if each.then is not None), default=0)
        if looked_at:
            self._waiting = list(writes[:looked_at])
            self._send()
        self._waiting = list(writes[looked_at:])
        done = self._send(("COMMIT", NO_PARAMS), committing=True)
        if done.word != "COMMIT":
            raise StorageError(f"PostgreSQL answered COMMIT with {done.word}: nothing was committed")

    def write(self, sql: str, params: Params = NO_PARAMS, then: Counted | None = None) -> None:
        """Keep one statement until there is a question or the end: they share a round trip."""
        self.require_usable()
        self._waiting.append(_Write(sql, checked(params), then))

    def write_all(self, sql: str, rows: Sequence[Params]) -> None:
        """Keep one statement for each of many rows."""
        self.require_usable()
        if rows:
            self._waiting.append(_Write(sql, rows=[checked(row) for row in rows]))

    def later(self, sql: str, params: Params = NO_PARAMS) -> Rows:
        """Keep a question until there is another one, or until its rows are needed: they share a round trip."""
        self.require_usable()
        question = _Question(sql, checked(params))
        self._waiting.append(question)

        def rows() -> list[Row]:
            if question.rows is None:
                self.require_usable()
                self._send()
            assert question.rows is not None
            return question.rows

        return rows

    def allow_seconds(self, seconds: int) -> None:
        """Let each further statement of this block run that long; 0 means no limit."""
        self.execute(f"SET LOCAL statement_timeout = '{int(seconds)}s'")

    def hold(self, name: str) -> None:
        """Hold a name until the block is left; safe behind a pooler, since it ends with the transaction."""
        self._run("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))", {"name": name})

    def execute(self, sql: str, params: Params = NO_PARAMS) -> int:
        """Run one statement and return the number of rows it changed."""
        return self._run(sql, params).changed

    def executemany(self, sql: str, rows: Sequence[Params]) -> None:
        """Run one statement for each of many rows, sent in one pipeline."""
        self.write_all(sql, rows)
        if self._waiting:
            self._send()

    def run_script(self, sql: str) -> None:
        """Run many statements without parameters, for migrations only."""
        self.require_usable()
        self._session.met_new_schema = True
        try:
            self._session.command(sql.encode())
        except StorageError as failure:
            raise self.fail(failure) from failure.__cause__

    def one(self, sql: str, params: Params = NO_PARAMS) -> Row | None:
        """Return the first row, or None when there is none."""
        rows = self._run(sql, params).rows
        return rows[0] if rows else None

    def all(self, sql: str, params: Params = NO_PARAMS) -> list[Row]:
        """Return every row."""
        return self._run(sql, params).rows
