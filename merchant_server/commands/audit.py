"""`fenqi-server audit` and `fenqi-server evidence`: verify and export the log, and hand out proof of a signature."""

import json
import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import click

from merchant_server.commands import installation, readable
from merchant_server.domain.errors import RuleRefused
from merchant_server.services.operation import audit as log

HEAD_LINE_BYTES_MAX = 100_000


@click.group()
def audit() -> None:
    """Verify and export the audit log."""


@audit.command()
@click.option(
    "--head", "head_files", multiple=True, type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="An earlier export, or one head: the log must still begin with it. Repeat for more.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@readable
def verify(head_files: tuple[Path, ...], as_json: bool) -> None:
    """Read the whole log; exit code 1 when an act was edited, deleted, moved, added aside or cut off."""
    found = installation()
    found.require_schema()
    heads = [log.read_head(_first_line(path)) for path in head_files]
    with suppress(RuleRefused):  # a log that does not go on is what is looked at next
        log.place_acts(found.deps)
    verified = log.verify_log(found.deps, heads)
    if as_json:
        findings = [{"kind": f.kind, "sequence": f.sequence, "detail": f.detail} for f in verified.findings]
        told = {
            "intact": verified.intact,
            "size": verified.size,
            "waiting": verified.waiting,
            "root_hash": verified.root_hash,
            "stored_heads": verified.heads,
            "exported_heads": len(heads),
            "findings": findings,
        }
        click.echo(json.dumps(told, ensure_ascii=False))
    else:
        for finding in verified.findings:
            click.echo(f"BROKEN  {finding.kind}: {finding.detail}")
        click.echo(f"{verified.size} acts, root {verified.root_hash}")
        if verified.waiting:
            click.echo(f"{verified.waiting} acts wait for their place")
        click.echo(f"compared with {verified.heads} stored and {len(heads)} exported heads")
        click.echo("intact" if verified.intact else f"{len(verified.findings)} findings")
    sys.exit(0 if verified.intact else 1)


@audit.command()
@click.option(
    "--out", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The file to write."
)
@readable
def export(out: Path) -> None:
    """Sign a head and write it with every act as JSON lines. Keep the file outside this installation."""
    found = installation()
    found.require_schema()
    lines = _write(out, (f"{line}\n".encode() for line in log.export_log(found.deps)))
    click.echo(f"{max(lines - 1, 0)} acts under a signed head in {out}")


@audit.command()
@readable
def head() -> None:
    """Sign a head over everything logged so far and print it."""
    found = installation()
    found.require_schema()
    signed = log.sign_head(found.deps)
    if signed is None:
        raise click.ClickException("the log is empty: there is nothing to sign yet")
    click.echo(json.dumps(signed.to_dict(), sort_keys=True))


@click.command()
@click.argument("agreement_id")
@click.option(
    "--out", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The file to write."
)
@readable
def evidence(agreement_id: str, out: Path) -> None:
    """Write the evidence of a signed agreement; `fenqi verify OUT --root root.pem` judges it offline."""
    from merchant_server.services.sale.evidence import evidence_bundle

    found = installation()
    found.require_schema()
    bundle = evidence_bundle(found.deps, agreement_id)
    _write(out, [bundle])
    click.echo(f"{len(bundle)} bytes of evidence in {out}; it holds personal data")


def _first_line(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.readline(HEAD_LINE_BYTES_MAX)


def _write(out: Path, pieces: Iterable[bytes]) -> int:
    """Write a file that only its owner can read, whole or not at all; return how many pieces it has."""
    draft = out.with_name(f".{out.name}.{os.getpid()}")
    count = 0
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            for count, piece in enumerate(pieces, 1):  # noqa: B007
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(out)
    finally:
        draft.unlink(missing_ok=True)
    return count
