"""`fenqi-server reconcile` and `fenqi-server bank-file`: the bank's word against our requests and the books."""

import json
import sys
from pathlib import Path
from typing import Any

import click

from merchant_server.commands import installation, progress_bar, readable
from merchant_server.ports import ProviderUnavailable
from merchant_server.services.settlement.reconciling import Reconciliation
from merchant_server.services.settlement.reconciling import reconcile as compare


@click.command()
@click.argument("bank_file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--apply", "apply", is_flag=True, help="Settle what the bank moved and we have not, the normal way."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@readable
def reconcile(bank_file: Path, apply: bool, as_json: bool) -> None:
    """List every difference between a bank file, our requests and the books; exit code 1 when one is unexplained."""
    found = installation()
    found.require_schema()
    with progress_bar("settling") as progress:
        made = compare(found.deps, bank_file.read_bytes(), apply=apply, progress=progress)
    if as_json:
        click.echo(json.dumps(_told(made), ensure_ascii=False))
    else:
        for each in made.differences:
            where = f"line {each.line}" if each.line else "our books"
            mark = "explained" if each.explained else "UNEXPLAINED"
            click.echo(f"{mark:<12} {where:<10} {each.code}: {each.reference} {each.detail}")
        seen = ", read before" if made.read_before else ""
        click.echo(
            f"{made.file.covers_on}{seen}: {made.matched} lines agree, {made.applied} settled now,"
            f" {len(made.differences)} differences, {len(made.unexplained)} unexplained"
        )
    sys.exit(1 if made.unexplained else 0)


def _told(made: Reconciliation) -> dict[str, Any]:
    return {
        "covers_on": made.file.covers_on.isoformat(),
        "gateway_account": made.file.gateway_account,
        "sha256": made.digest,
        "read_before": made.read_before,
        "lines": len(made.file.lines),
        "bad_lines": len(made.file.bad_lines),
        "matched": made.matched,
        "applied": made.applied,
        "unexplained": len(made.unexplained),
        "differences": [
            {
                "code": each.code,
                "line": each.line,
                "reference": each.reference or None,
                "explained": each.explained,
                "applicable": each.applicable,
                "detail": each.detail,
            }
            for each in made.differences
        ],
    }


@click.command("bank-file")
@click.argument("day")
@click.option(
    "--out", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The file to write."
)
@readable
def bank_file(day: str, out: Path) -> None:
    """Fetch the sandbox bank's settlement file of a day (UTC), such as 2026-11-21."""
    from merchant_server.providers.bank_file import HttpBankFiles

    found = installation()
    files = HttpBankFiles(base_url=found.settings.sandbox_url, api_key=found.keys.sandbox_api)
    try:
        raw = files.fetch(day)
    except ProviderUnavailable as silent:
        raise click.ClickException(f"{silent}; is `fenqi-server sandbox` running?") from silent
    out.write_bytes(raw)
    click.echo(f"{raw.count(b'D,')} lines in {out}")
