"""`fenqi verify`: judge the evidence of a signed agreement with nothing but the bundle and the published root."""

import json
import sys
from pathlib import Path

import click

from fenqi.evidence.bundle import BYTES_MAX
from fenqi.evidence.errors import RootUnusable, VerifierMissing
from fenqi.evidence.verify import PENDING, Check, Report, verify_bundle

EXIT_CODES = {"verified": 0, "rejected": 1, "pending": 4}
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_ROOT_BYTES_MAX = 100_000


class _NotJudged(click.ClickException):
    exit_code = 2


@click.command()
@click.argument("bundle", type=_FILE)
@click.option(
    "--root", required=True, type=_FILE, envvar="FENQI_ROOT", help="The operator's root.pem (or FENQI_ROOT)."
)
@click.option(
    "--timestamp-root", type=_FILE, envvar="FENQI_TIMESTAMP_ROOT",
    help="The root of an outside timestamp authority, when the operator uses one (or FENQI_TIMESTAMP_ROOT).",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the verdict as one JSON object.")
def verify(bundle: Path, root: Path, timestamp_root: Path | None, as_json: bool) -> None:
    """Verify the evidence BUNDLE of a signed agreement, offline.

    Get root.pem from the operator and compare its fingerprint by a way of your own. Exit codes: 0 verified,
    1 rejected, 2 not judged (a file or a library is missing, or the root is no certificate), 4 nothing is wrong
    but the timestamp is still pending (ask for a newer bundle).
    """
    try:
        # One byte more than a bundle may have tells that a file is too large without reading all of it.
        report = verify_bundle(
            _read(bundle, BYTES_MAX + 1),
            _read(root, _ROOT_BYTES_MAX),
            timestamp_root_pem=_read(timestamp_root, _ROOT_BYTES_MAX) if timestamp_root else None,
        )
    except (RootUnusable, VerifierMissing) as unable:
        raise _NotJudged(str(unable)) from unable
    if as_json:
        click.echo(json.dumps(report.to_dict(), ensure_ascii=False))
    else:
        _show(report)
    sys.exit(EXIT_CODES[report.verdict])


def _read(path: Path, at_most: int) -> bytes:
    with path.open("rb") as file:
        return file.read(at_most)


def _show(report: Report) -> None:
    for check in report.checks:
        click.echo(f"{_mark(check)} {check.question}")
        if not check.passed:
            click.echo(f"       {_printable(check.reason)}")
    if report.verdict == "rejected":
        click.secho("\nRejected: do not rely on this agreement.", fg="red", bold=True)
        return
    assert report.signed_at is not None
    at = f"{report.signed_at:%Y-%m-%d %H:%M:%S} UTC"
    if report.pending:
        click.secho("\nTimestamp pending.", fg="yellow", bold=True)
        click.echo("The signature holds; when it was made is the operator's word. Ask for a newer bundle.")
        at += " (as the signer's side states)"
    else:
        click.secho("\nVerified.", fg="green", bold=True)
    click.echo(f"Agreement {_printable(report.agreement_id)}")
    click.echo(f"signed by {_printable(report.signer)} on {at}, PAdES {report.level}.")
    click.echo("This checks integrity. Its legal grade is that of the authorities behind the two roots.")


def _mark(check: Check) -> str:
    if check.passed:
        return click.style("ok     ", fg="green")
    if check.reason == PENDING:
        return click.style("PENDING", fg="yellow", bold=True)
    return click.style("WRONG  ", fg="red", bold=True)


def _printable(text: str) -> str:
    """Return text without what could steer a terminal: a bundle may come from anybody."""
    return "".join(character if character.isprintable() else "?" for character in text)
