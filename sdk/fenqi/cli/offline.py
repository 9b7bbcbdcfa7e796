"""`fenqi quote`, `fenqi apr` and `fenqi qr`: no server, no key, no network."""

import csv
import json
import re
import sys
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import click

from fenqi import qr as qr_code
from fenqi.cli import Surroundings
from fenqi.cli.tables import show_table
from fenqi.finance import apr as yearly_rate
from fenqi.finance.money import Money
from fenqi.finance.plan import METHODS, Plan
from fenqi.offers import Offer
from fenqi.offers import quote as quote_offers

_PLAN = re.compile(r"([0-9]{1,3})x([0-9.]+)(?::([a-z_]+))?")
_PAYMENT = re.compile(r"([0-9.]+)(?:x([0-9]{1,3}))?")
_RULES = ("irr", "reg_z", "eu_aprc")


def _read_date(context: click.Context, parameter: click.Parameter, text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise click.BadParameter("expected a date such as 2026-11-21") from None


def _read_plan(text: str) -> Plan:
    match = _PLAN.fullmatch(text)
    if match is None or (match[3] and match[3] not in METHODS):
        raise click.BadParameter(
            f"{text!r}: expected INSTALLMENTSxRATE[:METHOD], such as 12x0.12 or 12x0.006:flat_fee "
            f"(methods: {', '.join(METHODS)})",
            param_hint="--plan",
        )
    rate = "fee_rate" if match[3] == "flat_fee" else "annual_rate"
    terms = {"id": text, "installments": int(match[1]), "method": match[3] or METHODS[0], rate: match[2]}
    return Plan.from_dict(terms)


def percent(rate: Decimal) -> str:
    """Write a fraction as a percentage with two decimals, half up: 0.126825 is 12.68 %."""
    return f"{(rate * 100).quantize(Decimal('0.01'), rounding='ROUND_HALF_UP')} %"


@click.command()
@click.option("--amount", required=True, help="Price in major units, such as 3999.00.")
@click.option("--currency", default="CNY", show_default=True, help="ISO 4217 code.")
@click.option("--plan", "plans", required=True, multiple=True, help="INSTALLMENTSxRATE[:METHOD]; repeatable.")
@click.option("--on", callback=_read_date, help="Day of the purchase; today when left out.")
@click.option("--json", "as_json", is_flag=True, help="Print the offers as JSON.")
@click.option("--csv", "as_csv", is_flag=True, help="Print every installment as CSV.")
@click.pass_obj
def quote(
    surroundings: Surroundings,
    amount: str,
    currency: str,
    plans: tuple[str, ...],
    on: date | None,
    as_json: bool,
    as_csv: bool,
) -> None:
    """Price an amount in installments, with every due date and the yearly cost."""
    if as_json and as_csv:
        raise click.UsageError("Choose --json or --csv.")
    day = on or surroundings.clock.now().date()
    offers = quote_offers(Money.parse(amount, currency), [_read_plan(text) for text in plans], on=day)
    if as_json:
        click.echo(json.dumps([offer.to_dict() for offer in offers], ensure_ascii=False, indent=2))
    elif as_csv:
        _write_csv(offers)
    else:
        _show_offers(offers)


def _write_csv(offers: tuple[Offer, ...]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(["plan", "currency", "number", "due_on", "principal", "interest", "fee", "total"])
    for offer in offers:
        for row in offer.schedule.installments:
            parts = (row.principal, row.interest, row.fee, row.total)
            fixed = [offer.plan.id, offer.amount.currency, row.number, row.due_on.isoformat()]
            writer.writerow(fixed + [part.decimal_text for part in parts])


def _show_offers(offers: tuple[Offer, ...]) -> None:
    rows = [
        (
            offer.plan.id,
            str(offer.plan.installments),
            offer.per_installment.decimal_text,
            offer.total_payable.decimal_text,
            offer.total_cost.decimal_text,
            percent(offer.annual_cost),
        )
        for offer in offers
    ]
    show_table(("plan", "installments", "each", "total payable", "total cost", "yearly cost"), rows)
    for offer in offers:
        click.echo()
        rows = [
            (
                str(row.number),
                row.due_on.isoformat(),
                row.principal.decimal_text,
                row.interest.decimal_text,
                row.fee.decimal_text,
                row.total.decimal_text,
            )
            for row in offer.schedule.installments
        ]
        title = f"{offer.plan.id}, {offer.amount}"
        show_table(("no.", "due on", "principal", "interest", "fee", "total"), rows, title=title)


@click.command()
@click.option("--amount", required=True, help="What the consumer receives, in major units.")
@click.option("--currency", default="CNY", show_default=True, help="ISO 4217 code.")
@click.option(
    "--payment", "payments", required=True, multiple=True, help="AMOUNT[xTIMES], in order; repeatable."
)
@click.option(
    "--per-year", type=click.IntRange(1, 366), default=12, show_default=True, help="Payments a year."
)
@click.option("--rule", type=click.Choice(_RULES), default="irr", show_default=True)
def apr(amount: str, currency: str, payments: tuple[str, ...], per_year: int, rule: str) -> None:
    """Compute the yearly rate of a loan that is paid back at even steps.

    irr: nominal yearly rate (China). reg_z: APR, 12 CFR 1026 App. J. eu_aprc: Directive (EU) 2023/2225 Annex III.
    """
    received = Money.parse(amount, currency)
    paid = [Money.parse(text, currency) for text in _spread(payments)]
    if rule == "irr":
        flows = [(received, 0), *((-each, period) for period, each in enumerate(paid, 1))]
        rate = yearly_rate.irr(flows, per_year)
    elif rule == "reg_z":
        due = [(each, period, Fraction(0)) for period, each in enumerate(paid, 1)]
        rate = yearly_rate.reg_z([(received, 0, Fraction(0))], due, per_year)
    else:
        due_years = [(each, Fraction(period, per_year)) for period, each in enumerate(paid, 1)]
        rate = yearly_rate.eu_aprc([(received, Fraction(0))], due_years)
    click.echo(percent(rate))


def _spread(payments: tuple[str, ...]) -> list[str]:
    amounts: list[str] = []
    for text in payments:
        match = _PAYMENT.fullmatch(text)
        if match is None:
            raise click.BadParameter(f"{text!r}: expected AMOUNT or AMOUNTxTIMES", param_hint="--payment")
        amounts += [match[1]] * int(match[2] or 1)
    return amounts


@click.command()
@click.argument("text")
@click.option("--svg", "svg_file", type=click.Path(dir_okay=False, path_type=Path), help="Write an SVG file.")
@click.option("--png", "png_file", type=click.Path(dir_okay=False, path_type=Path), help="Write a PNG file.")
def qr(text: str, svg_file: Path | None, png_file: Path | None) -> None:
    """Draw TEXT as a QR code: in the terminal, or into files."""
    try:
        if svg_file:
            svg_file.write_text(qr_code.svg(text), encoding="utf-8")
        if png_file:
            png_file.write_bytes(qr_code.png(text))
    except OSError as error:
        raise click.FileError(str(svg_file or png_file), error.strerror or str(error)) from error
    if not svg_file and not png_file:
        click.echo(qr_code.terminal(text))
