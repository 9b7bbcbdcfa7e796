"""What funders get of repayments: each entry about a funded loan is shared once. Books only; asks nobody."""

from datetime import date

from fenqi.finance.money import Money

from merchant_server.domain.settlement_postings import share_postings
from merchant_server.services.deps import Deps
from merchant_server.services.settlement.booking import book

BATCH = 50


def share_repayments(deps: Deps) -> int:
    """Share what reached the bank for funded loans with their funders; return how many entries were looked at."""
    with deps.storage.unit_of_work() as uow:
        rows = uow.settlements.unshared(BATCH)
        for row in rows:
            principal = Money(row["principal_minor"], row["currency"])
            interest = Money(row["interest_minor"], row["currency"])
            postings = share_postings(
                row["funder"], row["merchant_id"], principal, interest, row["interest_bps"]
            )
            entry_id = book(
                uow, deps, "share", row["entry_id"], postings,
                merchant_id=row["merchant_id"], loan_id=row["loan_id"],
                occurred_on=date.fromisoformat(row["occurred_on"]),
            )  # fmt: skip
            uow.settlements.shared(row["entry_id"], row["merchant_id"], entry_id)
    return len(rows)
