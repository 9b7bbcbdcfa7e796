"""`fenqi verify`: judge the evidence of a signed agreement with nothing but the bundle and the published root."""

import json
import sys
from pathlib import Path

import click

from fenqi.evidence.bundle import BYTES_MAX
from fenqi.evidence.errors import RootUnusable, VerifierMissing
from fenqi.evidence.verify import Report, verify_bundle

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_ROOT_BYTES_MAX = 100_000


class _NotJudged(click.ClickException):
    exit_code = 2


@click.command()
@click.argument("bundle", type=_FILE)
@click.option(
    "--root", required=True, type=_FILE, envvar="FENQI_ROOT", help="The operator's root.pem (or FENQI_ROOT)."
)
@click.option("--json", "as_json", is_flag=True, help="Print the verdict as one JSON object.")
def verify(bundle: Path, root: Path, as_json: bool) -> None:
    """Verify the evidence BUNDLE of a signed agreement, offline.

    Get root.pem from the operator and compare its fingerprint by a way of your own. Exit codes: 0 verified,
    1 rejected, 2 not judged (a file or a library is missing, or the root is no certificate).
    """
    try:
        # One byte more than a bundle may have tells that a file is too large without reading all of it.
        report = verify_bundle(_read(bundle, BYTES_MAX + 1), _read(root, _ROOT_BYTES_MAX))
    except (RootUnusable, VerifierMissing) as unable:
        raise _NotJudged(str(unable)) from unable
    if as_json:
        click.echo(json.dumps(report.to_dict(), ensure_ascii=False))
    else:
        _show(report)
    sys.exit(0 if report.verified else 1)


def _read(path: Path, at_most: int) -> bytes:
    with path.open("rb") as file:
        return file.read(at_most)


def _show(report: Report) -> None:
    for check in report.checks:
        mark = (
            click.style("ok    ", fg="green") if check.passed else click.style("WRONG ", fg="red", bold=True)
        )
        click.echo(f"{mark} {check.question}")
        if not check.passed:
            click.echo(f"       {_printable(check.reason)}")
    if not report.verified:
        click.secho("\nRejected: do not rely on this agreement.", fg="red", bold=True)
        return
    assert report.signed_at is not None
    click.secho("\nVerified.", fg="green", bold=True)
    click.echo(f"Agreement {_printable(report.agreement_id)}")
    click.echo(f"signed by {_printable(report.signer)} on {report.signed_at:%Y-%m-%d %H:%M:%S} UTC.")
    click.echo("The certificates are the operator's own, not those of a qualified trust service.")


def _printable(text: str) -> str:
    """Return text without what could steer a terminal: a bundle may come from anybody."""
    return "".join(character if character.isprintable() else "?" for character in text)
