"""An in-memory sandbox window; it passes the same contract suite as the client of the sandbox program does."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from merchant_server.ports import (
    BankBooking,
    FaultDials,
    MagicValue,
    ProviderRefused,
    ProviderUnavailable,
    SentCallback,
    TextMessage,
)
from merchant_server.providers.sandbox.magic import PEOPLE, PHONES, accounts_of

COUNT_MAX = 100
DELAY_MS_MAX = 86_400_000


@dataclass
class FakeSandboxWindow:
    """Lists are oldest first, as things happen. `down = True` makes every call unavailable."""

    down: bool = False
    messages: list[TextMessage] = field(default_factory=list)
    deductions: list[BankBooking] = field(default_factory=list)
    callbacks: list[SentCallback] = field(default_factory=list)
    now_dials: FaultDials = field(default_factory=lambda: FaultDials(300, 20_000, 3_000, False, 0, 0))
    resent: list[str] = field(default_factory=list)

    def inbox(self, limit: int) -> tuple[TextMessage, ...]:
        """Return the newest texts."""
        self._up()
        return tuple(reversed(self.messages))[:limit]

    def bookings(self, limit: int) -> tuple[tuple[BankBooking, ...], tuple[SentCallback, ...]]:
        """Return the newest deductions and callbacks."""
        self._up()
        return tuple(reversed(self.deductions))[:limit], tuple(reversed(self.callbacks))[: 3 * limit]

    def dials(self) -> FaultDials:
        """Return the dials."""
        self._up()
        return self.now_dials

    def turn(self, changes: Mapping[str, int | bool]) -> FaultDials:
        """Set some dials, or refuse and set none."""
        self._up()
        for name, value in changes.items():
            most = COUNT_MAX if name.endswith("_next") else DELAY_MS_MAX
            wanted = bool if name == "hold_callbacks" else int
            if not hasattr(self.now_dials, name):
                raise ProviderRefused("sandbox", "control_unknown", "HTTP 422")
            if type(value) is not wanted or not 0 <= value <= most:
                raise ProviderRefused("sandbox", "control_invalid", "HTTP 422")
        self.now_dials = replace(self.now_dials, **changes)  # type: ignore[arg-type]
        return self.now_dials

    def resend(self, event_id: str) -> None:
        """Note that a callback is to be sent once more."""
        self._up()
        if event_id not in {callback.event_id for callback in self.callbacks}:
            raise ProviderRefused("sandbox", "callback_unknown", "HTTP 404")
        self.resent.append(event_id)

    def magic(self) -> tuple[MagicValue, ...]:
        """Return the published table."""
        self._up()
        people = (MagicValue("person", each.id_number, each.meaning, each.meaning_zh) for each in PEOPLE)
        accounts = (
            MagicValue("account", each.last_four, each.meaning, each.meaning_zh) for each in accounts_of("")
        )
        phones = (MagicValue("phone", number, kind, "") for number, kind in PHONES.items())
        return (*people, *accounts, *phones)

    def _up(self) -> None:
        if self.down:
            raise ProviderUnavailable("sandbox", "down")
