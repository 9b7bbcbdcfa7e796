"""`fenqi quote`, `fenqi apr` and `fenqi qr`: no server, no key, no network."""

import csv
import json
import re
import sys
from datetime import date
from pathlib import Path
from shutil import get_terminal_size

import click

from fenqi import qr as qr_code
from fenqi.cli.plots import svg_plot, terminal_plot
from fenqi.cli.rates import apr
from fenqi.cli.surroundings import Surroundings
from fenqi.cli.tables import percent, show_table
from fenqi.finance.money import Money
from fenqi.finance.plan import METHODS, Plan
from fenqi.offers import Offer
from fenqi.offers import quote as quote_offers

__all__ = ["apr", "qr", "quote"]
_PLAN = re.compile(r"([0-9]{1,3})x([0-9.]+)(?::([a-z_]+))?")


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


@click.command()
@click.option("--amount", required=True, help="Price in major units, such as 3999.00.")
@click.option("--currency", default="CNY", show_default=True, help="ISO 4217 code.")
@click.option("--plan", "plans", required=True, multiple=True, help="INSTALLMENTSxRATE[:METHOD]; repeatable.")
@click.option("--on", callback=_read_date, help="Day of the purchase; today when left out.")
@click.option("--json", "as_json", is_flag=True, help="Print the offers as JSON.")
@click.option("--csv", "as_csv", is_flag=True, help="Print every installment as CSV.")
@click.option(
    "--svg", "svg_file", type=click.Path(dir_okay=False, path_type=Path), help="Draw into an SVG file."
)
@click.option(
    "--plot/--no-plot", default=None, help="Draw bars below each table; left out, on a terminal only."
)
@click.pass_obj
def quote(
    surroundings: Surroundings,
    amount: str,
    currency: str,
    plans: tuple[str, ...],
    on: date | None,
    as_json: bool,
    as_csv: bool,
    svg_file: Path | None,
    plot: bool | None,
) -> None:
    """Price an amount in installments, with every due date and the yearly cost."""
    if as_json and as_csv:
        raise click.UsageError("Choose --json or --csv.")
    day = on or surroundings.clock.now().date()
    offers = quote_offers(Money.parse(amount, currency), [_read_plan(text) for text in plans], on=day)
    if svg_file:
        _write(svg_file, svg_plot(offers).encode())
    if as_json:
        click.echo(json.dumps([offer.to_dict() for offer in offers], ensure_ascii=False, indent=2))
    elif as_csv:
        _write_csv(offers)
    else:
        _show_offers(offers, sys.stdout.isatty() if plot is None else plot)


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise click.FileError(str(path), error.strerror or str(error)) from error


def _write_csv(offers: tuple[Offer, ...]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(["plan", "currency", "number", "due_on", "principal", "interest", "fee", "total"])
    for offer in offers:
        for row in offer.schedule.installments:
            parts = (row.principal, row.interest, row.fee, row.total)
            fixed = [offer.plan.id, offer.amount.currency, row.number, row.due_on.isoformat()]
            writer.writerow(fixed + [part.decimal_text for part in parts])


def _show_offers(offers: tuple[Offer, ...], with_plot: bool) -> None:
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
        if with_plot:
            encoding = getattr(sys.stdout, "encoding", None) or "ascii"
            click.echo(terminal_plot(offer, columns=get_terminal_size().columns, encoding=encoding))


@click.command()
@click.argument("text")
@click.option("--svg", "svg_file", type=click.Path(dir_okay=False, path_type=Path), help="Write an SVG file.")
@click.option("--png", "png_file", type=click.Path(dir_okay=False, path_type=Path), help="Write a PNG file.")
def qr(text: str, svg_file: Path | None, png_file: Path | None) -> None:
    """Draw TEXT as a QR code: in the terminal, or into files."""
    if svg_file:
        _write(svg_file, qr_code.svg(text).encode())
    if png_file:
        _write(png_file, qr_code.png(text))
    if not svg_file and not png_file:
        click.echo(qr_code.terminal(text))
