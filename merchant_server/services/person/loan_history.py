"""What happened to one of a person's loans: what was given back, how the schedule changed, what is disputed."""

from dataclasses import dataclass

from merchant_server.domain.dispute import Dispute, DisputeStatus, DisputeWords
from merchant_server.domain.loan import LoanStatus
from merchant_server.domain.refund import Refund
from merchant_server.domain.schedule_change import ScheduleChange
from merchant_server.services.deps import Deps
from merchant_server.services.person.belongings import OwnLoan, own_loan


@dataclass(frozen=True, slots=True)
class LoanHistory:
    """One loan with its refunds, changes of its schedule and disputes, each the oldest first."""

    own: OwnLoan
    refunds: tuple[Refund, ...]
    changes: tuple[ScheduleChange, ...]
    disputes: tuple[tuple[Dispute, DisputeWords], ...]

    @property
    def is_disputed(self) -> bool:
        """Say whether somebody still has to act on a dispute."""
        return any(dispute.is_live for dispute, _words in self.disputes)

    @property
    def can_dispute(self) -> bool:
        """Say whether the person may dispute the purchase: not twice at a time, nor again what the shop has won."""
        over = self.own.loan.status in (LoanStatus.REFUNDED, LoanStatus.CANCELLED)
        won = any(dispute.status == DisputeStatus.WON for dispute, _words in self.disputes)
        return not (over or won or self.is_disputed)


def loan_history(deps: Deps, consumer_id: str, loan_id: str) -> LoanHistory:
    """Return one of the person's loans with all that happened to it. Raises NotFound, also for somebody else's."""
    with deps.storage.reading() as uow:
        own = own_loan(uow, deps, consumer_id, loan_id)
        disputes = uow.disputes.of_loan(loan_id)
        return LoanHistory(
            own,
            tuple(uow.refunds.of_loan(loan_id)),
            tuple(uow.schedule_changes.of_loan(loan_id)),
            tuple((each, uow.disputes.words(each.id)) for each in disputes),
        )
