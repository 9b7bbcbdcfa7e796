"""The `fenqi` command: offers, rates and QR codes without a network; checkouts, events and a check-up with one.

Exit codes: 0 done, 1 refused, 2 wrong usage or settings, 3 no answer. Holds no rules of its own.
"""

from typing import Any

import click

from fenqi._version import __version__
from fenqi.cli.surroundings import Surroundings
from fenqi.errors import ConfigError, FenqiError, InvalidArgument, NotFenqi, TransportError
from fenqi.finance.errors import FinanceError

__all__ = ["Surroundings", "main"]


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
        "login": "login",
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
