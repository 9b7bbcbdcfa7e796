"""The checker: reads the laws of the house from one snapshot and reports what breaks them."""

from dataclasses import dataclass

from fenqi.finance.money import Money

from merchant_server.ports import Breach
from merchant_server.services.deps import Deps


@dataclass(frozen=True, slots=True)
class Checkup:
    """What the checker found, with the trial balance it read."""

    breaches: tuple[Breach, ...]
    balances: tuple[tuple[str, Money], ...]
    pending_deliveries: int

    @property
    def healthy(self) -> bool:
        """Say whether no law is broken."""
        return not self.breaches


def check(deps: Deps) -> Checkup:
    """Read everything in one snapshot; safe while sales go on."""
    with deps.storage.reading() as uow:
        return Checkup(tuple(uow.breaches()), tuple(uow.ledger.trial_balance()), uow.deliveries.pending())
