"""Quotes for early settlement, and relief that two people decide on."""

from datetime import date

from fenqi.finance.money import Money

from merchant_server.domain.relief_proposal import ProposalStatus, ReliefKind, ReliefProposal
from merchant_server.domain.settlement import SettlementQuote
from merchant_server.storage.engine import Connection, Row
from merchant_server.storage.repositories.rows import (
    from_json,
    insert,
    maybe_moment,
    moment,
    moved,
    rows_from_text,
    rows_text,
    stamp,
    to_json,
)


class SettlementQuotes:
    """What settles a loan, as it was shown."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def add(self, quote: SettlementQuote) -> None:
        """Store what was shown."""
        insert(
            self._db,
            "settlement_quotes",
            {
                "id": quote.id,
                "merchant_id": quote.merchant_id,
                "mode": quote.mode,
                "loan_id": quote.loan_id,
                "settles_on": quote.on.isoformat(),
                "before": rows_text(quote.before),
                "after": rows_text(quote.after),
                "early_settlement_fee_minor": quote.early_settlement_fee.minor,
                "currency": quote.early_settlement_fee.currency,
                "created_at": stamp(quote.created_at),
                "expires_at": stamp(quote.expires_at),
            },
        )

    def get(self, quote_id: str) -> SettlementQuote | None:
        """Return the quote, or None."""
        row = self._db.one("SELECT * FROM settlement_quotes WHERE id = :id", {"id": quote_id})
        return None if row is None else _quote(row)

    def newest(self, loan_id: str) -> SettlementQuote | None:
        """Return the newest quote of a loan, or None."""
        row = self._db.one(
            "SELECT * FROM settlement_quotes WHERE loan_id = :id ORDER BY created_at DESC, id DESC LIMIT 1",
            {"id": loan_id},
        )
        return None if row is None else _quote(row)


class ReliefProposals:
    """Relief that one operator proposed, and what another one decided."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def add(self, proposal: ReliefProposal) -> None:
        """Store a proposal; Conflict while another one for the loan is open."""
        row = {name: getattr(proposal, name) for name in ReliefProposal.__dataclass_fields__}
        row |= {
            "kind": proposal.kind.value,
            "status": proposal.status.value,
            "terms": to_json(proposal.terms),
            "proposed_at": stamp(proposal.proposed_at),
        }
        insert(self._db, "relief_proposals", row)

    def get(self, proposal_id: str) -> ReliefProposal | None:
        """Return the proposal, locked for this transaction where the engine can, or None."""
        row = self._db.one(
            f"SELECT * FROM relief_proposals WHERE id = :id {self._db.row_lock}", {"id": proposal_id}
        )
        return None if row is None else _proposal(row)

    def open(self, limit: int) -> list[ReliefProposal]:
        """Return proposals that nobody decided on, oldest first."""
        rows = self._db.all(
            "SELECT * FROM relief_proposals WHERE status = 'proposed' ORDER BY proposed_at, id LIMIT :limit",
            {"limit": limit},
        )
        return [_proposal(row) for row in rows]

    def save(self, proposal: ReliefProposal) -> None:
        """Store the decision; raises TransitionConflict when somebody decided before."""
        assert proposal.decided_at is not None
        changed = self._db.execute(
            "UPDATE relief_proposals SET status = :status, decided_by = :by, decided_at = :at"
            " WHERE id = :id AND status = 'proposed'",
            {
                "status": proposal.status.value,
                "by": proposal.decided_by,
                "at": stamp(proposal.decided_at),
                "id": proposal.id,
            },
        )
        moved(self._db, changed, "proposal", proposal.id)


def _quote(row: Row) -> SettlementQuote:
    return SettlementQuote(
        id=row["id"],
        merchant_id=row["merchant_id"],
        mode=row["mode"],
        loan_id=row["loan_id"],
        on=date.fromisoformat(row["settles_on"]),
        before=rows_from_text(row["before"]),
        after=rows_from_text(row["after"]),
        early_settlement_fee=Money(row["early_settlement_fee_minor"], row["currency"]),
        created_at=moment(row["created_at"]),
        expires_at=moment(row["expires_at"]),
    )


def _proposal(row: Row) -> ReliefProposal:
    values = {name: row[name] for name in ReliefProposal.__dataclass_fields__}
    values |= {
        "kind": ReliefKind(row["kind"]),
        "status": ProposalStatus(row["status"]),
        "terms": from_json(row["terms"]),
        "proposed_at": moment(row["proposed_at"]),
        "decided_at": maybe_moment(row["decided_at"]),
    }
    return ReliefProposal(**values)
