"""`fenqi till`: the key of a till that sells without network, its sales, and their reconciliation."""

import json
from pathlib import Path

import click

from fenqi import qr
from fenqi.cli.surroundings import Surroundings
from fenqi.finance.money import Money
from fenqi.till import OfflineSale, SecretKeys, Till

_FOLDER = click.Path(file_okay=False, path_type=Path)


@click.group()
def till() -> None:
    """Sell without network. FOLDER holds till.key, grant.json and sales.sqlite."""


@till.command()
@click.argument("folder", type=_FOLDER)
def key(folder: Path) -> None:
    """Make the till's key in FOLDER, once, and print its public half for `fenqi-server till key add`."""
    folder.mkdir(parents=True, exist_ok=True)
    click.echo(str(SecretKeys.open(folder / "till.key").public))


@till.command()
@click.argument("folder", type=_FOLDER)
@click.option("--amount", required=True, help="Price in major units, such as 860.00.")
@click.option("--reference", required=True, help="Your order number.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def sell(surroundings: Surroundings, folder: Path, amount: str, reference: str, as_json: bool) -> None:
    """Sign a sale and draw its code; no network is used."""
    counter = Till.open(folder, clock=surroundings.clock)
    sale = counter.sell(Money.parse(amount, counter.grant.currency), reference=reference)
    if not as_json:
        click.echo(qr.terminal(sale.url))
    _show(sale, as_json=as_json)


@till.command()
@click.argument("folder", type=_FOLDER)
@click.argument("sale_id")
@click.argument("shown")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def confirm(surroundings: Surroundings, folder: Path, sale_id: str, shown: str, as_json: bool) -> None:
    """Check the eight digits, or the receipt (FQR1…), that the customer's phone shows; no network is used."""
    counter = Till.open(folder, clock=surroundings.clock)
    receipt = shown.upper().startswith("FQR")
    sale = counter.confirm_receipt(shown) if receipt else counter.confirm(sale_id, shown)
    _show(sale, as_json=as_json)


@till.command()
@click.argument("folder", type=_FOLDER)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a sale.")
@click.pass_obj
def reconcile(surroundings: Surroundings, folder: Path, as_json: bool) -> None:
    """Ask the server about every unfinished sale; exit 1 when one needs a person."""
    ended = Till.open(folder, clock=surroundings.clock).reconcile(surroundings.connect())
    for outcome in ("settled", "lapsed", "open", "signed_after_cancel", "unknown"):
        for sale in getattr(ended, outcome):
            _show(sale, as_json=as_json, outcome=outcome)
    if ended.signed_after_cancel or ended.unknown:
        raise click.exceptions.Exit(1)


def _show(sale: OfflineSale, *, as_json: bool, outcome: str = "") -> None:
    if as_json:
        told = {"id": sale.id, "status": sale.status.value, "reference": sale.reference, "url": sale.url}
        told |= {"outcome": outcome} if outcome else {}
        click.echo(json.dumps(told | {"amount": sale.amount.to_dict()}))
    else:
        click.echo(f"{sale.id}  {outcome or sale.status.value}  {sale.amount}  {sale.reference}")
