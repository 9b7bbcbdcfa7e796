"""`fenqi-server settlement`, `lender` and `statement`: how merchants are paid, and what is owed."""

import json
from pathlib import Path
from typing import Any

import click
from fenqi.finance.errors import FinanceError
from fenqi.finance.money import Money

from merchant_server.commands import installation, readable
from merchant_server.domain.statement import Statement
from merchant_server.services.settlement import statements, terms
from merchant_server.services.settlement.statement_csv import statement_csv


@click.group()
def settlement() -> None:
    """Set how merchants are paid."""


@settlement.command("set")
@click.argument("merchant_id")
@click.option("--payout-account", help="The bank's name for the account; in the sandbox sandbox_9001.")
@click.option("--payout-days", type=int, help="Workdays from a capture to its payout (T+n).")
@click.option("--minimum", help="Least amount of a payout in major units, such as 100.00.")
@click.option("--reserve-bps", type=int, help="Part of every capture that is kept back, in basis points.")
@click.option("--reserve-days", type=int, help="Days until a reserve is released.")
@click.option("--funder", help="Whose money loans are: house, merchant or lender:<id>.")
@readable
def set_terms(merchant_id: str, minimum: str | None, **given: Any) -> None:
    """Set some of a merchant's terms; what is left out stays. A new account ends a pause."""
    found = installation()
    found.require_schema()
    changes = {name: value for name, value in given.items() if value is not None}
    if minimum is not None:
        with found.deps.storage.reading() as uow:
            merchant = uow.merchants.get(merchant_id)
        try:
            changes["minimum"] = Money.parse(minimum, merchant.currency if merchant else "CNY")
        except FinanceError as wrong:
            raise click.ClickException(f"--minimum {minimum!r}: {wrong}") from wrong
    made = terms.set_terms(found.deps, merchant_id, **changes)
    account = made.payout_account or "no account: payouts wait"
    click.echo(
        f"{account}, T+{made.payout_days}, at least {made.minimum}, reserve {made.reserve_bps} bps for"
        f" {made.reserve_days} days, money of {made.funder}, next payout on {made.next_payout_on}"
    )


@settlement.command("plan")
@click.argument("merchant_id")
@click.argument("plan_id")
@click.option("--funder", help="house, merchant or lender:<id>; left out, the plan follows its merchant.")
@readable
def set_plan(merchant_id: str, plan_id: str, funder: str | None) -> None:
    """Say whose money the loans of one plan are, from the next capture on."""
    found = installation()
    found.require_schema()
    terms.set_plan_funder(found.deps, merchant_id, plan_id, funder)
    click.echo(f"{plan_id}: money of {funder or 'whoever funds the merchant'}")


@click.group()
def lender() -> None:
    """Set up lenders."""


@lender.command("create")
@click.option("--name", required=True)
@click.option("--currency", default="CNY", show_default=True)
@click.option(
    "--interest-bps", default=10_000, show_default=True, help="Its share of the interest, in basis points."
)
@click.option("--account", help="Where it is paid and money is drawn from; in the sandbox sandbox_9001.")
@readable
def create_lender(name: str, currency: str, interest_bps: int, account: str | None) -> None:
    """Make a lender and print its id."""
    found = installation()
    found.require_schema()
    made = terms.add_lender(
        found.deps, name=name, currency=currency, interest_bps=interest_bps, account=account
    )
    click.echo(made.id)


@lender.command("set")
@click.argument("lender_id")
@click.option("--account", required=True, help="Where it is paid and money is drawn from; ends a pause.")
@readable
def set_lender(lender_id: str, account: str) -> None:
    """Set the account of a lender."""
    found = installation()
    found.require_schema()
    click.echo(f"{terms.set_lender_account(found.deps, lender_id, account).id}: {account}")


@click.command()
@click.argument("owner_id")
@click.option("--from", "first", required=True, type=click.DateTime(["%Y-%m-%d"]), help="The first day.")
@click.option("--to", "last", required=True, type=click.DateTime(["%Y-%m-%d"]), help="The last day, within.")
@click.option(
    "--account",
    default="payable",
    show_default=True,
    help="payable, reserve, funded; of lenders also receivable.",
)
@click.option(
    "--format", "kind", default="text", show_default=True, type=click.Choice(["text", "json", "csv", "pdf"])
)
@click.option(
    "--language", default="zh-CN", show_default=True, type=click.Choice(["zh-CN", "en"]), help="Of the PDF."
)
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="The file to write; a PDF needs one."
)
@readable
def statement(
    owner_id: str, first: Any, last: Any, account: str, kind: str, language: str, out: Path | None
) -> None:
    """Print what a merchant (mer_…) or a lender (lnd_…) was owed from one day to another."""
    found = installation()
    found.require_schema()
    made_for = statements.lender_statement if owner_id.startswith("lnd_") else statements.merchant_statement
    made = made_for(found.deps, owner_id, first.date(), last.date(), account)
    if kind == "pdf":
        from merchant_server.providers.agreement.statement import TypstStatementPrinter

        if out is None:
            raise click.UsageError("a PDF needs --out")
        printed = TypstStatementPrinter().render_statement(
            made, language=language, printed_at=found.deps.clock.now()
        )
    else:
        written = {"json": _json, "csv": statement_csv, "text": _text}[kind](made)
        printed = written.encode()
    if out is None:
        click.echo(printed.decode(), nl=False)
    else:
        out.write_bytes(printed)
        click.echo(f"{made.first} to {made.last}: closing {made.closing} in {out}")


def _json(made: Statement) -> str:
    return json.dumps(statements.statement_resource(made), ensure_ascii=False) + "\n"


def _text(made: Statement) -> str:
    rows = [("opening", made.opening), *made.totals, ("closing", made.closing)]
    head = f"{made.owner_name}  {made.account}  {made.first} to {made.last}\n"
    return head + "".join(f"{name:<18}{amount!s:>20}\n" for name, amount in rows)
