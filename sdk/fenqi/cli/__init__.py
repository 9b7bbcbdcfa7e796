"""The `fenqi` command: offers, rates and QR codes without a network; checkouts, events and a check-up with one.

Exit codes: 0 done, 1 refused, 2 wrong usage or settings, 3 no answer. Holds no rules of its own.
"""

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import click

from fenqi._version import __version__
from fenqi.errors import ConfigError, FenqiError, InvalidArgument, NotFenqi, TransportError
from fenqi.finance.errors import FinanceError

if TYPE_CHECKING:
    from fenqi.api.transport import Clock
    from fenqi.cli.staging import Player
    from fenqi.client import Client

__all__ = ["Surroundings", "main"]


def _system_clock() -> "Clock":
    from fenqi.api.transport import SystemClock

    return SystemClock()


@dataclass
class Surroundings:
    """What commands reach the world through; tests pass another clock, and a client of the fake server."""

    clock: "Clock" = field(default_factory=_system_clock)
    client: "Client | None" = None
    player: "Player | None" = None

    def connect(self) -> "Client":
        """Return the client: the one given, else one from FENQI_API_KEY and FENQI_BASE_URL, else from `fenqi login`.

        Raises ConfigError.
        """
        from fenqi.cli.config import stored
        from fenqi.client import Client

        if self.client is not None:
            return self.client
        known = {} if os.environ.get("FENQI_API_KEY") else stored()
        base_url = os.environ.get("FENQI_BASE_URL") or known.get("base_url")
        return Client(api_key=known.get("api_key"), base_url=base_url, clock=self.clock)


class _WrongUsage(click.ClickException):
    exit_code = 2


class _NoAnswer(click.ClickException):
    exit_code = 3


def _refusal(error: Exception) -> click.ClickException:
    if isinstance(error, ConfigError | InvalidArgument):
        return _WrongUsage(str(error))
    if isinstance(error, TransportError | NotFenqi):
        return _NoAnswer(str(error))
    return click.ClickException(str(error))


class _Commands(click.Group):
    """Turns typed errors into one readable sentence and an exit code, and loads commands when they are named."""

    _homes = {  # noqa: RUF012
        "apr": "offline",
        "checkouts": "online",
        "clock": "clock",
        "doctor": "checking",
        "events": "feed",
        "listen": "listening",
        "login": "config",
        "qr": "offline",
        "quote": "offline",
        "till": "till",
        "trigger": "triggering",
        "verify": "evidence",
    }

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(self._homes)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        from importlib import import_module

        home = self._homes.get(cmd_name)
        return getattr(import_module(f"fenqi.cli.{home}"), cmd_name) if home else None

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (FenqiError, FinanceError) as error:
            raise _refusal(error) from error


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="fenqi")
@click.pass_context
def main(context: click.Context) -> None:
    """Sell in installments: offers, QR codes, checkouts and events.

    quote, apr, qr and verify need no server. The others read FENQI_API_KEY and FENQI_BASE_URL, else what
    `fenqi login` kept.
    """
    context.ensure_object(Surroundings)
