"""`fenqi apr`: yearly rates from flows typed on the line or read from CSV. Parses and prints; computes no rate."""

import csv
import json
import re
from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import IO, Any, NamedTuple

import click

from fenqi.cli.tables import percent
from fenqi.finance import apr as yearly_rate
from fenqi.finance.dates import Period, parse_period, shift
from fenqi.finance.money import Money

_RULES = ("irr", "reg_z", "eu_aprc")
_PAYMENT = re.compile(r"([0-9.]+)(?:x([0-9]{1,3}))?", re.ASCII)
_FLOW = re.compile(r"([0-9.]+)@([0-9+/.-]+)(?:x([0-9]{1,3}))?", re.ASCII)
_TIME = re.compile(r"(?:([0-9]{1,4})\+)?([0-9]{1,6}/[0-9]{1,6}|[0-9]{1,4}(?:\.[0-9]{1,9})?)", re.ASCII)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_FLOW_FORM = "AMOUNT@TIME[xTIMES], TIME being periods from the first advance (2, 1/2, 1+19/30) or a date"
_COLUMNS = ("kind", "amount", "time")


class Flow(NamedTuple):
    """One amount that moves: an advance to the consumer or a payment back, at a time in periods or on a date."""

    is_advance: bool
    amount: Money
    time: Fraction | date


@click.group(invoke_without_command=True)
@click.option("--amount", help="What the consumer receives, in major units.")
@click.option("--currency", default="CNY", show_default=True, help="ISO 4217 code.")
@click.option("--payment", "payments", multiple=True, help="AMOUNT[xTIMES], in order; repeatable.")
@click.option(
    "--per-year", type=click.IntRange(1, 366), default=12, show_default=True, help="Payments a year."
)
@click.option("--rule", type=click.Choice(_RULES), default="irr", show_default=True)
@click.pass_context
def apr(
    context: click.Context,
    amount: str | None,
    currency: str,
    payments: tuple[str, ...],
    per_year: int,
    rule: str,
) -> None:
    """Compute the yearly rate of a loan that is paid back at even steps.

    irr: nominal yearly rate (China). reg_z: APR, 12 CFR 1026 App. J. eu_aprc: Directive (EU) 2023/2225 Annex III.
    For several advances, odd periods or dates use the commands below.
    """
    if context.invoked_subcommand is not None:
        if amount is not None or payments:
            name = context.invoked_subcommand
            raise click.UsageError(
                f"Give --amount and --payment without {name}, or {name} with its own flows."
            )
        return
    if amount is None or not payments:
        raise click.UsageError("Missing option '--amount' or '--payment'; or name irr, reg-z or eu.")
    flows = [Flow(True, Money.parse(amount, currency), Fraction(0))]
    paid = enumerate(_spread(payments), 1)
    flows += [Flow(False, Money.parse(text, currency), Fraction(period)) for period, text in paid]
    by_rule = {"irr": _irr, "reg_z": _reg_z, "eu_aprc": _eu_aprc}
    click.echo(percent(by_rule[rule](flows, Fraction(per_year))))


def _spread(payments: tuple[str, ...]) -> list[str]:
    amounts: list[str] = []
    for text in payments:
        match = _PAYMENT.fullmatch(text)
        if match is None:
            raise click.BadParameter(f"{text!r}: expected AMOUNT or AMOUNTxTIMES", param_hint="--payment")
        amounts += [match[1]] * int(match[2] or 1)
    return amounts


def _flow_options(command: Any) -> Any:
    """Add the options that every rule's own command has."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print the exact rate as JSON."),
        click.option(
            "--csv", "table", type=click.File(), help="Flows from a file, or - : kind,amount,time[,times]."
        ),
        click.option("--currency", default="CNY", show_default=True, help="ISO 4217 code."),
        click.option(
            "--period", default="month", show_default=True, help="Step between repeated flows on dates."
        ),
        click.option("--payment", "payments", multiple=True, help=f"{_FLOW_FORM}; repeatable."),
        click.option("--advance", "advances", multiple=True, help="As --payment; repeatable."),
    ):
        command = option(command)
    return command


_PER_YEAR = click.option(
    "--per-year", type=click.IntRange(1, 366), default=12, show_default=True, help="Periods a year."
)


@apr.command()
@_flow_options
@_PER_YEAR
def irr(per_year: int, as_json: bool, **given: Any) -> None:
    """Nominal yearly rate, 中国年化: the internal rate of one period times the periods in a year."""
    flows = _read(**given)
    if any(isinstance(flow.time, date) for flow in flows):
        raise click.UsageError("irr counts periods; for flows on dates use eu or reg-z.")
    _say(_irr(flows, Fraction(per_year)), "cn_irr", as_json)


@apr.command("reg-z")
@_flow_options
@_PER_YEAR
def reg_z(per_year: int, as_json: bool, **given: Any) -> None:
    """Annual percentage rate by the actuarial method, 12 CFR 1026 Appendix J. On dates, --period is the unit-period."""
    flows = _read(**given)
    start = _start(flows)
    if start is None:
        _say(_reg_z(flows, Fraction(per_year)), "reg_z", as_json)
        return
    unit = given["period"]
    sides: tuple[list[Any], list[Any]] = ([], [])
    for flow in flows:
        full, fraction = yearly_rate.unit_periods(start, _day(flow), unit)
        sides[not flow.is_advance].append((flow.amount, full, fraction))
    _say(yearly_rate.reg_z(*sides, parse_period(unit).per_year), "reg_z", as_json)


@apr.command()
@_flow_options
@_PER_YEAR
def eu(per_year: int, as_json: bool, **given: Any) -> None:
    """Annual percentage rate of charge: Directive (EU) 2023/2225 Annex III. On dates, --period counts the time."""
    flows = _read(**given)
    start = _start(flows)
    if start is None:
        _say(_eu_aprc(flows, Fraction(per_year)), "eu_aprc", as_json)
        return
    sides: tuple[list[Any], list[Any]] = ([], [])
    for flow in flows:
        years = yearly_rate.eu_years(start, _day(flow), given["period"])
        sides[not flow.is_advance].append((flow.amount, years))
    _say(yearly_rate.eu_aprc(*sides), "eu_aprc", as_json)


def _irr(flows: Iterable[Flow], per_year: Fraction) -> Decimal:
    signed = [(flow.amount if flow.is_advance else -flow.amount, _periods(flow)) for flow in flows]
    return yearly_rate.irr(signed, per_year)


def _reg_z(flows: Iterable[Flow], per_year: Fraction) -> Decimal:
    sides: tuple[list[Any], list[Any]] = ([], [])
    for flow in flows:
        full, rest = divmod(_periods(flow), 1)
        sides[not flow.is_advance].append((flow.amount, full, rest))
    return yearly_rate.reg_z(*sides, per_year)


def _eu_aprc(flows: Iterable[Flow], per_year: Fraction) -> Decimal:
    sides: tuple[list[Any], list[Any]] = ([], [])
    for flow in flows:
        sides[not flow.is_advance].append((flow.amount, _periods(flow) / per_year))
    return yearly_rate.eu_aprc(*sides)


def _read(
    advances: tuple[str, ...], payments: tuple[str, ...], period: str, currency: str, table: IO[str] | None
) -> list[Flow]:
    """Return every flow of the line and of the table, in one kind of time. Raises click's usage errors."""
    step = parse_period(period)
    flows: list[Flow] = []
    for hint, texts in (("--advance", advances), ("--payment", payments)):
        for text in texts:
            match = _FLOW.fullmatch(text)
            if match is None:
                raise click.BadParameter(f"{text!r}: expected {_FLOW_FORM}", param_hint=hint)
            parts = (match[1], match[2], match[3] or "1")
            flows += _repeated(hint == "--advance", parts, currency, step, f"{hint} {text}")
    if table is not None:
        flows += _from_csv(table, currency, step)
    if not any(flow.is_advance for flow in flows) or all(flow.is_advance for flow in flows):
        raise click.UsageError("Give at least one --advance and one --payment, or both kinds in --csv.")
    if len({isinstance(flow.time, date) for flow in flows}) > 1:
        raise click.UsageError("Give every time in periods, or every time as a date.")
    return flows


def _from_csv(table: IO[str], currency: str, step: Period) -> Iterator[Flow]:
    reader = csv.DictReader(table, skipinitialspace=True)
    missing = [column for column in _COLUMNS if column not in (reader.fieldnames or ())]
    if missing:
        raise click.BadParameter(
            f"has no column {missing[0]}; expected kind,amount,time[,times]", param_hint="--csv"
        )
    for row in reader:
        place = f"--csv line {reader.line_num}"
        if row["kind"] not in ("advance", "payment"):
            raise click.BadParameter(f"{row['kind']!r}: expected advance or payment", param_hint=place)
        parts = (row["amount"] or "", row["time"] or "", row.get("times") or "1")
        yield from _repeated(row["kind"] == "advance", parts, currency, step, place)


def _repeated(
    is_advance: bool, parts: tuple[str, str, str], currency: str, step: Period, place: str
) -> Iterator[Flow]:
    amount_text, time_text, times = parts
    if not re.fullmatch(r"[1-9][0-9]{0,2}", times, re.ASCII):
        raise click.BadParameter(f"{times!r}: expected 1 to 999 times", param_hint=place)
    amount, first = Money.parse(amount_text, currency), _time(time_text, place)
    for index in range(int(times)):
        time = shift(first, step, index) if isinstance(first, date) else first + index
        yield Flow(is_advance, amount, time)


def _time(text: str, place: str) -> Fraction | date:
    try:
        if _DATE.fullmatch(text):
            return date.fromisoformat(text)
        match = _TIME.fullmatch(text)
        if match is not None:
            return Fraction(match[2]) + int(match[1] or 0)
    except (ValueError, ZeroDivisionError):
        pass
    raise click.BadParameter(f"{text!r}: expected {_FLOW_FORM}", param_hint=place)


def _start(flows: Iterable[Flow]) -> date | None:
    """Return the day of the first advance, or None when times are periods."""
    days = [flow.time for flow in flows if flow.is_advance and isinstance(flow.time, date)]
    return min(days) if days else None


def _day(flow: Flow) -> date:
    assert isinstance(flow.time, date)
    return flow.time


def _periods(flow: Flow) -> Fraction:
    assert isinstance(flow.time, Fraction)
    return flow.time


def _say(rate: Decimal, rule: str, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"rule": rule, "annual_rate": format(rate, "f"), "percent": percent(rate)}))
    else:
        click.echo(percent(rate))
