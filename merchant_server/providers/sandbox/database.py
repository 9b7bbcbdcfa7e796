"""The sandbox's own SQLite file: its tables, and one durable transaction at a time.

No name and no id number is written down: a holder is a keyed hash. The SMS inbox is the exception, for
it stands for the phones themselves.
"""

import hashlib
import hmac
import json
import secrets
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlite_utils import Database, Migrations
from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined]

OperationalError: type[Exception] = sqlite3.OperationalError

MIGRATIONS = Migrations("fenqi_sandbox")

_TABLES = (
    "CREATE TABLE installation (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT",
    "CREATE TABLE controls (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT",
    """CREATE TABLE accounts (
        token TEXT PRIMARY KEY, holder_key TEXT NOT NULL, behaviour TEXT NOT NULL, label TEXT NOT NULL
    ) STRICT""",
    """CREATE TABLE mandates (
        reference TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, account_token TEXT NOT NULL,
        cap_minor INTEGER NOT NULL CHECK (cap_minor > 0), currency TEXT NOT NULL,
        status TEXT NOT NULL CHECK (status IN ('active', 'refused', 'cancelled')),
        code TEXT NOT NULL, created_at TEXT NOT NULL
    ) STRICT""",
    """CREATE TABLE deductions (
        reference TEXT PRIMARY KEY, fingerprint TEXT NOT NULL,
        mandate_reference TEXT NOT NULL REFERENCES mandates (reference),
        amount_minor INTEGER NOT NULL CHECK (amount_minor > 0), currency TEXT NOT NULL,
        outcome TEXT NOT NULL CHECK (outcome IN ('succeeded', 'failed')), code TEXT NOT NULL,
        created_at TEXT NOT NULL, settles_at_ms INTEGER NOT NULL, reverses_at_ms INTEGER
    ) STRICT""",
    "CREATE INDEX deductions_by_mandate ON deductions (mandate_reference)",
    """CREATE TABLE callbacks (
        id INTEGER PRIMARY KEY, event_id TEXT NOT NULL, copy INTEGER NOT NULL, kind TEXT NOT NULL,
        reference TEXT NOT NULL REFERENCES deductions (reference), body TEXT NOT NULL,
        due_at_ms INTEGER NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('pending', 'delivered', 'dropped', 'dead')),
        attempts INTEGER NOT NULL DEFAULT 0, UNIQUE (event_id, copy)
    ) STRICT""",
    "CREATE INDEX callbacks_due ON callbacks (due_at_ms) WHERE state = 'pending'",
    """CREATE TABLE attempts (
        id INTEGER PRIMARY KEY, callback_id INTEGER NOT NULL REFERENCES callbacks (id),
        attempted_at TEXT NOT NULL, forged INTEGER NOT NULL, status INTEGER NOT NULL, reason TEXT NOT NULL
    ) STRICT""",
    "CREATE INDEX attempts_by_callback ON attempts (callback_id)",
    """CREATE TABLE messages (
        id INTEGER PRIMARY KEY, reference TEXT NOT NULL UNIQUE, fingerprint TEXT NOT NULL,
        phone TEXT NOT NULL, text TEXT NOT NULL, sent_at TEXT NOT NULL
    ) STRICT""",
    "CREATE INDEX messages_by_phone ON messages (phone, id)",
)


@MIGRATIONS()
def create_tables(db: Database) -> None:
    """Make every table, and the secret that holders and event ids are derived with."""
    for statement in _TABLES:
        db.execute(statement)
    db.execute("INSERT INTO installation VALUES ('salt', ?)", [secrets.token_hex(32)])


@MIGRATIONS()
def settle_merchants(db: Database) -> None:
    """Make room for payouts, for callbacks that are not what they should be, and for answers given badly once."""
    db.execute("ALTER TABLE callbacks ADD COLUMN signature TEXT NOT NULL DEFAULT 'genuine'")
    db.execute("ALTER TABLE callbacks ADD COLUMN age_seconds INTEGER NOT NULL DEFAULT 0")
    db.execute(
        """CREATE TABLE payouts (
            reference TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, account TEXT NOT NULL,
            amount_minor INTEGER NOT NULL CHECK (amount_minor > 0), currency TEXT NOT NULL,
            outcome TEXT NOT NULL CHECK (outcome IN ('paid', 'failed')), code TEXT NOT NULL,
            polls_left INTEGER NOT NULL, created_at TEXT NOT NULL, booked_at TEXT
        ) STRICT"""
    )
    db.execute("CREATE TABLE bad_answers (about TEXT PRIMARY KEY) STRICT")


@MIGRATIONS()
def create_returns(db: Database) -> None:
    """Make the table of money sent back to holders."""
    db.execute(
        "CREATE TABLE returns (reference TEXT PRIMARY KEY, fingerprint TEXT NOT NULL,"
        " mandate_reference TEXT NOT NULL REFERENCES mandates (reference),"
        " amount_minor INTEGER NOT NULL CHECK (amount_minor > 0), currency TEXT NOT NULL,"
        " outcome TEXT NOT NULL CHECK (outcome IN ('succeeded', 'failed')), code TEXT NOT NULL,"
        " created_at TEXT NOT NULL) STRICT"
    )


@MIGRATIONS()
def tell_of_transfers(db: Database) -> None:
    """Let callbacks be about more than deductions, and money sent or drawn take its time."""
    # Made anew, for a foreign key cannot be dropped; foreign keys are enforced only afterwards.
    columns = "id, event_id, copy, kind, reference, body, due_at_ms, state, attempts, signature, age_seconds"
    db.execute(
        """CREATE TABLE callbacks_of_all (
            id INTEGER PRIMARY KEY, event_id TEXT NOT NULL, copy INTEGER NOT NULL, kind TEXT NOT NULL,
            reference TEXT NOT NULL, body TEXT NOT NULL, due_at_ms INTEGER NOT NULL,
            state TEXT NOT NULL CHECK (state IN ('pending', 'delivered', 'dropped', 'dead')),
            attempts INTEGER NOT NULL DEFAULT 0, signature TEXT NOT NULL DEFAULT 'genuine',
            age_seconds INTEGER NOT NULL DEFAULT 0, UNIQUE (event_id, copy)
        ) STRICT"""
    )
    db.execute(f"INSERT INTO callbacks_of_all ({columns}) SELECT {columns} FROM callbacks")  # noqa: S608
    db.execute("DROP TABLE callbacks")
    db.execute("ALTER TABLE callbacks_of_all RENAME TO callbacks")
    db.execute("CREATE INDEX callbacks_due ON callbacks (due_at_ms) WHERE state = 'pending'")
    db.execute("ALTER TABLE payouts ADD COLUMN kind TEXT NOT NULL DEFAULT 'payout'")
    db.execute("ALTER TABLE payouts ADD COLUMN settles_at_ms INTEGER")
    db.execute("ALTER TABLE returns ADD COLUMN settles_at_ms INTEGER NOT NULL DEFAULT 0")


@MIGRATIONS()
def create_payments(db: Database) -> None:
    """Make the table of payments at the bank's own page."""
    db.execute(
        "CREATE TABLE payments (reference TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, token TEXT NOT NULL UNIQUE,"
        " amount_minor INTEGER NOT NULL CHECK (amount_minor > 0), currency TEXT NOT NULL,"
        " description TEXT NOT NULL, return_url TEXT NOT NULL, expires_at_ms INTEGER NOT NULL,"
        " paid_at_ms INTEGER) STRICT"
    )


@MIGRATIONS()
def return_payments(db: Database) -> None:
    """Let money go back to who paid at the bank's page: then there is no mandate."""
    columns = "reference, fingerprint, mandate_reference, amount_minor, currency, outcome, code, created_at"
    columns += ", settles_at_ms"
    db.execute(
        """CREATE TABLE returns_of_all (
            reference TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, mandate_reference TEXT NOT NULL,
            amount_minor INTEGER NOT NULL CHECK (amount_minor > 0), currency TEXT NOT NULL,
            outcome TEXT NOT NULL CHECK (outcome IN ('succeeded', 'failed')), code TEXT NOT NULL,
            created_at TEXT NOT NULL, settles_at_ms INTEGER NOT NULL DEFAULT 0
        ) STRICT"""
    )
    db.execute(f"INSERT INTO returns_of_all ({columns}) SELECT {columns} FROM returns")  # noqa: S608
    db.execute("DROP TABLE returns")
    db.execute("ALTER TABLE returns_of_all RENAME TO returns")


class SandboxDatabase:
    """One SQLite connection, shared by the threads of the sandbox under one lock."""

    def __init__(self, path: str) -> None:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, timeout=5.0, check_same_thread=False, isolation_level=None)
        self._db = Database(connection)
        self._lock = threading.Lock()
        # FULL: what the bank answered must outlive a power cut, or our server could never ask about it.
        for pragma in ("journal_mode=WAL", "synchronous=FULL"):
            self._db.execute(f"PRAGMA {pragma}").fetchall()
        MIGRATIONS.apply(self._db)
        self._db.execute("PRAGMA foreign_keys=ON").fetchall()
        Path(path).chmod(0o600)
        rows = self._db.execute("SELECT value FROM installation WHERE name = 'salt'").fetchall()
        self._salt = bytes.fromhex(rows[0][0])

    @contextmanager
    def transaction(self) -> Iterator["Transaction"]:
        """Open a read-write transaction; it is durable when the block has ended without an exception."""
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield Transaction(self._db)
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def keyed_hash(self, purpose: str, value: Any) -> str:
        """Return a hash that only this installation can compute, of any JSON value."""
        text = json.dumps([purpose, value], ensure_ascii=False, sort_keys=True)
        return hmac.new(self._salt, text.encode("utf-8"), hashlib.sha256).hexdigest()

    def close(self) -> None:
        """Close the file once the running transaction is over."""
        with self._lock:
            self._db.close()


class Transaction:
    """The statements of one transaction; rows are plain dicts."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def all(self, sql: str, **params: Any) -> list[dict[str, Any]]:
        """Return every row."""
        return list(self._db.query(sql, params))

    def one(self, sql: str, **params: Any) -> dict[str, Any] | None:
        """Return the first row, or None."""
        return next(iter(self.all(sql, **params)), None)

    def run(self, sql: str, **params: Any) -> int:
        """Execute a write and return how many rows it changed."""
        return int(self._db.execute(sql, params).rowcount)

    def insert(self, table: str, row: Mapping[str, Any]) -> int:
        """Insert one row of a table named in this package, and return its rowid."""
        names = ", ".join(row)
        marks = ", ".join(f":{name}" for name in row)
        sql = f"INSERT INTO {table} ({names}) VALUES ({marks})"  # noqa: S608 - both come from our own code
        return int(self._db.execute(sql, dict(row)).lastrowid or 0)
