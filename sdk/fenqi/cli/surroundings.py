"""What the commands reach the world through: a clock, a client, and who plays the consumer and the bank."""

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from fenqi.cli.config import stored

# The client brings the network's libraries along, which quote, apr, qr and verify do without.
if TYPE_CHECKING:
    from fenqi.api.resources import Checkout
    from fenqi.api.transport import Clock
    from fenqi.client import Client


class Player(Protocol):
    """Who plays the consumer and the bank; tests bring one that plays against the fake server."""

    def advance(self, checkout: "Checkout", to: str, *, account: str = "0001") -> None:
        """Go through the checkout until it has this status."""
        ...

    def fall_due(self, loan_id: str) -> None:
        """Let the loan's next installment fall due."""
        ...

    def let_days_pass(self, days: int) -> None:
        """Turn the merchant's clock, and do what falls due on the way."""
        ...

    def revoke(self, checkout: "Checkout") -> None:
        """Take the permission to deduct back, as the person who signed."""
        ...

    def dispute(self, checkout: "Checkout") -> None:
        """Object to the purchase, as the person who signed."""
        ...


def _system_clock() -> "Clock":
    from fenqi.api.transport import SystemClock

    return SystemClock()


@dataclass
class Surroundings:
    """What commands reach the world through; tests pass another clock, and a client of the fake server."""

    clock: "Clock" = field(default_factory=_system_clock)
    client: "Client | None" = None
    player: Player | None = None

    def connect(self) -> "Client":
        """Return the client: the one given, else one from FENQI_API_KEY and FENQI_BASE_URL, else from `fenqi login`.

        Raises ConfigError.
        """
        from fenqi.client import Client

        if self.client is not None:
            return self.client
        known = {} if os.environ.get("FENQI_API_KEY") else stored()
        base_url = os.environ.get("FENQI_BASE_URL") or known.get("base_url")
        return Client(api_key=known.get("api_key"), base_url=base_url, clock=self.clock)
