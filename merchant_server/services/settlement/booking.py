"""Journal entries of the settlement, in the caller's transaction. Decides nothing."""

from datetime import date

from merchant_server.domain.ledger import Entry, Posting
from merchant_server.ports import UnitOfWork
from merchant_server.services.deps import Deps


def book(
    uow: UnitOfWork,
    deps: Deps,
    kind: str,
    source_id: str,
    postings: tuple[Posting, ...],
    *,
    merchant_id: str,
    loan_id: str | None = None,
    occurred_on: date,
) -> str | None:
    """Store an entry and return its id, or None when there is nothing to move. Conflict when booked before."""
    if not postings:
        return None
    entry_id = deps.ids.new("je")
    entry = Entry(kind, source_id, merchant_id, loan_id, occurred_on, deps.clock.now(), postings)
    uow.ledger.book(entry_id, entry)
    return entry_id
