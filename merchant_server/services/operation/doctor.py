"""The checker: reads the laws of the house from one snapshot and reports what breaks them."""

from dataclasses import dataclass
from datetime import timedelta

from fenqi.finance.money import Money

from merchant_server.domain.audit import Alarm
from merchant_server.ports import Breach
from merchant_server.services.deps import Deps

# A worker gives places every second or so; a minute says that none is running, or that the log is stuck.
AUDIT_BEHIND = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Checkup:
    """What the checker found, with the trial balance it read. `audit_waiting` acts have no place in the log yet."""

    breaches: tuple[Breach, ...]
    balances: tuple[tuple[str, Money], ...]
    pending_deliveries: int
    audit_waiting: int
    audit_behind_seconds: int
    audit_alarm: Alarm | None

    @property
    def healthy(self) -> bool:
        """Say whether no law is broken, the audit log is whole as far as known, and its places are given in time."""
        return not self.breaches and self.audit_alarm is None and not self.audit_is_behind

    @property
    def audit_is_behind(self) -> bool:
        """Say whether an act waits for its place longer than it should."""
        return self.audit_behind_seconds > AUDIT_BEHIND.total_seconds()


def check(deps: Deps) -> Checkup:
    """Read everything in one snapshot; safe while sales go on."""
    with deps.storage.reading() as uow:
        waiting, oldest = uow.audit.backlog()
        behind = deps.clock.now() - oldest if oldest else timedelta()
        return Checkup(
            tuple(uow.breaches()),
            tuple(uow.ledger.trial_balance()),
            uow.deliveries.pending(),
            waiting,
            max(int(behind.total_seconds()), 0),
            uow.audit.alarm(),
        )
