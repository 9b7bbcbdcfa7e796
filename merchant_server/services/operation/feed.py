"""Reading the event feed: where a cursor points, and how far a named reader has got."""

from merchant_server.domain.errors import RuleRefused
from merchant_server.domain.merchant import Caller
from merchant_server.ports import FeedMark, UnitOfWork
from merchant_server.services.deps import Deps


def start(uow: UnitOfWork, caller: Caller, cursor: str | None, reader: str | None) -> int:
    """Return the number after which to read: the cursor's, else the reader's mark, else the beginning.

    Raises RuleRefused for a cursor that is not of this feed.
    """
    if cursor is not None:
        return place(uow, caller, cursor, "after")
    mark = None if reader is None else uow.events.mark(caller.merchant_id, caller.mode, reader)
    return 0 if mark is None else mark.sequence


def newest_cursor(uow: UnitOfWork, caller: Caller) -> str:
    """Return the cursor behind the newest event: its id, 0 when nothing has happened yet."""
    return uow.events.newest_id(caller.merchant_id, caller.mode) or "0"


def place(uow: UnitOfWork, caller: Caller, cursor: str, field: str) -> int:
    """Return the number that a cursor stands for. Raises RuleRefused for one that is not of this merchant's feed."""
    if cursor.isdecimal():
        sequence, known = int(cursor), int(cursor) <= uow.events.last(caller.merchant_id, caller.mode)
    else:
        found = uow.events.sequence_of(caller.merchant_id, caller.mode, cursor)
        sequence, known = found or 0, found is not None
    if not known:
        raise RuleRefused(
            "this cursor is not of your feed: it is another merchant's, another mode's or another installation's",
            code="cursor_unknown",
            field=field,
            hint="use the id of an event that this key listed, or 0 for the beginning",
        )
    return sequence


def acknowledge(uow: UnitOfWork, deps: Deps, caller: Caller, reader: str, cursor: str) -> FeedMark:
    """Move a reader's mark to an event, never back. Raises RuleRefused for a cursor that is not of this feed."""
    mark = FeedMark(reader, place(uow, caller, cursor, "cursor"), deps.clock.now())
    return uow.events.acknowledge(caller.merchant_id, caller.mode, mark)
