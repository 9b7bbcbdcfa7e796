"""What an error of PostgreSQL or of its driver means to the caller."""

import psycopg
from psycopg import pq

from merchant_server.storage.engine import (
    Conflict,
    LockNotGranted,
    Retry,
    RuleBroken,
    StorageError,
    StorageUnavailable,
)

DRIVER_ERRORS = (psycopg.Error, UnicodeError)
# Resources, operator, system, connection, login, no such database, internal, read-only.
_UNAVAILABLE_STATES = ("53", "57", "58", "08", "28", "3D", "XX", "25006")
_LOCK_STATE = "55P03"
_RETRY_STATES = ("40001", "40P01")
# Where the server finds it; its words are in the server's language.
_STALE_PLAN = b"RevalidateCachedQuery"
_FIELD = pq.DiagnosticField


def typed(error: Exception) -> StorageError:
    """Return the storage error that says what a driver error means."""
    if not isinstance(error, psycopg.Error):
        return StorageError(f"a text parameter is not valid Unicode: {error}")
    lost = isinstance(error, psycopg.OperationalError | psycopg.InterfaceError) and not error.sqlstate
    text = error.diag.message_primary or str(error)
    return _meaning(error.sqlstate or "", text, error.diag.constraint_name or "", lost=lost)


def refusal(result: pq.abc.PGresult, *, lost: bool) -> StorageError:
    """Return the storage error that says what a refused statement's result means; `lost` with its connection."""

    def field(name: pq.DiagnosticField) -> str:
        return (result.error_field(name) or b"").decode(errors="replace")

    text = field(_FIELD.MESSAGE_PRIMARY) or result.get_error_message()
    state = field(_FIELD.SQLSTATE)
    if is_stale_plan(result):
        return Retry(f"prepared for an older schema: {text}")
    return _meaning(state, text, field(_FIELD.CONSTRAINT_NAME), lost=lost and not state)


def is_stale_plan(result: pq.abc.PGresult) -> bool:
    """Say whether a statement was refused because a table has another column since it was prepared."""
    return result.error_field(_FIELD.SOURCE_FUNCTION) == _STALE_PLAN


def _meaning(state: str, words: str, constraint: str, *, lost: bool) -> StorageError:
    text = " ".join(words.split())
    if state == "23505":
        return Conflict(f"already taken: {constraint}", constraint=constraint)
    if state.startswith("23") or state == "P0001":
        return RuleBroken(text, constraint=constraint)
    if state in _RETRY_STATES:
        return Retry(f"another transaction was first: {text}")
    if state == _LOCK_STATE:
        return LockNotGranted(f"PostgreSQL cannot serve now: {text}")
    if lost or state.startswith(_UNAVAILABLE_STATES):
        return StorageUnavailable(f"PostgreSQL cannot serve now: {text}")
    return StorageError(f"PostgreSQL refused a statement: {text}")
