"""`fenqi-server policy`: check, compare, publish by four eyes, try on stored decisions, and replay them."""

import json
import sys
from decimal import Decimal, InvalidOperation
from pathlib import Path

import click

from merchant_server.commands import installation, readable
from merchant_server.domain.decision import PolicyBroken
from merchant_server.domain.published_policy import WHOLE_BPS
from merchant_server.services.decisioning import publishing, rerunning

POLICY_FILE = click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))


@click.group()
def policy() -> None:
    """Read, change and prove the credit policy."""


@policy.command()
@POLICY_FILE
@readable
def check(file: Path) -> None:
    """Read a policy file without running it; exit code 1 with every problem and its line."""
    found = publishing.problems(installation().deps, file.read_bytes())
    for problem in found:
        click.echo(f"{file.name}: {problem}")
    if not found:
        click.echo(f"{file.name}: no problem found")
    sys.exit(1 if found else 0)


@policy.command()
@POLICY_FILE
@click.option("--against", default=None, help="A kept version; otherwise the live champion.")
@readable
def diff(file: Path, against: str | None) -> None:
    """Print what a file changes, cell by cell."""
    try:
        changes = publishing.differences(installation().deps, _read(file), against)
    except PolicyBroken as broken:
        raise click.ClickException(str(broken)) from broken
    for change in changes:
        click.echo(change)
    if not changes:
        click.echo("nothing differs")


@policy.command()
@POLICY_FILE
@click.option(
    "--by", required=True, help="Your name. The second person to publish the same file puts it to work."
)
@click.option("--name", default=None, help="What the policy is called; otherwise the file's name.")
@click.option(
    "--share", default="1", show_default=True, help="Part of the people, as a decimal: 1 is a champion,"
)
@click.option("--note", default="", help="Why, for the record.")
@readable
def publish(file: Path, by: str, name: str | None, share: str, note: str) -> None:
    """Propose a policy; run again by another person, publish it. A share below 1 makes it a challenger."""
    done = publishing.publish(
        installation().deps, file.read_bytes(), name or file.stem, by=by, share_bps=_bps(share), note=note
    )
    if done.publication is None:
        click.echo(f"{done.version} is proposed by {done.proposal.proposed_by}.")
        click.echo("A second person publishes it: the same command with their own --by.")
    else:
        click.echo(
            f"{done.version} is live as {done.publication.arm}, published by {done.publication.published_by}."
        )


@policy.command("list")
@readable
def list_versions() -> None:
    """List every kept version, and who is live."""
    deps = installation().deps
    versions, lineup = publishing.versions(deps)
    live = {each.version: each for each in (lineup.champion, lineup.challenger) if each}
    if lineup.champion is None:
        click.echo(f"{deps.policy.version:<44} champion, shipped")
    for version in versions:
        at = live.get(version.version)
        state = f"{at.arm} {Decimal(at.share_bps) / 100:f} %" if at else ""
        click.echo(f"{version.version:<44} {version.added_at:%Y-%m-%d %H:%M} {version.added_by:<16} {state}")


@policy.command()
@click.argument("version")
@readable
def show(version: str) -> None:
    """Print the text of a kept version."""
    click.echo(publishing.document_of(installation().deps, version), nl=False)


@policy.command()
@click.argument("decision_id")
@readable
def replay(decision_id: str) -> None:
    """Compute a past decision anew; exit code 1 unless every byte is equal."""
    try:
        found = rerunning.replay(installation().deps, decision_id)
    except PolicyBroken as broken:
        raise click.ClickException(str(broken)) from broken
    if found.equal:
        click.echo(f"{decision_id}: equal, {len(found.stored)} bytes, by {found.policy_version}")
        return
    click.echo(f"{decision_id}: DIFFERENT by {found.policy_version}")
    click.echo(f"stored {_without_trace(found.stored)}")
    click.echo(f"again  {_without_trace(found.again)}")
    sys.exit(1)


def _without_trace(decision: bytes) -> str:
    row = json.loads(decision)
    row.pop("trace", None)
    return json.dumps(row, ensure_ascii=False, sort_keys=True)


@policy.command("what-if")
@POLICY_FILE
@click.option(
    "--last", default=1_000, show_default=True, type=click.IntRange(1), help="How many stored decisions."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@readable
def what_if(file: Path, last: int, as_json: bool) -> None:
    """Run a candidate over stored decisions and print the change; nothing is changed."""
    try:
        found = rerunning.what_if(installation().deps, _read(file), file.stem, at_most=last)
    except PolicyBroken as broken:
        raise click.ClickException(str(broken)) from broken
    if as_json:
        click.echo(json.dumps(_json(found), ensure_ascii=False, sort_keys=True))
        return
    before, after = found.before, found.after
    click.echo(f"{before.decisions} stored decisions, and as {found.candidate} would have them")
    click.echo(f"{'':<24}{'before':>16}{'after':>16}")
    rows = [
        (f"{name}", before.outcomes.get(name, 0), after.outcomes.get(name, 0)) for name in _outcomes(found)
    ]
    rows += [(f"grade {g}", before.grades.get(g, 0), after.grades.get(g, 0)) for g in _grades(found)]
    for label, old, new in rows:
        click.echo(f"{label:<24}{old:>16}{new:>16}")
    click.echo(f"{'approval rate':<24}{before.approval_rate:>16.2%}{after.approval_rate:>16.2%}")
    click.echo(
        f"{'mean rate discount':<24}{before.rate_discount_mean:>16.2%}{after.rate_discount_mean:>16.2%}"
    )
    for currency in sorted({*before.approved_minor, *after.approved_minor}):
        for label, one, two in (
            ("approved, minor units", before.approved_minor, after.approved_minor),
            ("expected loss", before.expected_loss_minor, after.expected_loss_minor),
        ):
            click.echo(f"{f'{label} {currency}':<24}{one.get(currency, 0):>16}{two.get(currency, 0):>16}")
    for (old_outcome, new_outcome), count in sorted(found.flips.items()):
        click.echo(f"{old_outcome} becomes {new_outcome}: {count}")


def _outcomes(found: rerunning.WhatIf) -> list[str]:
    return sorted({*found.before.outcomes, *found.after.outcomes})


def _grades(found: rerunning.WhatIf) -> list[str]:
    return sorted({*found.before.grades, *found.after.grades})


def _json(found: rerunning.WhatIf) -> dict[str, object]:
    def side(one: rerunning.Side) -> dict[str, object]:
        return {
            "decisions": one.decisions,
            "outcomes": dict(one.outcomes),
            "grades": dict(one.grades),
            "approval_rate": f"{one.approval_rate:.6f}",
            "rate_discount_mean": f"{one.rate_discount_mean:.6f}",
            "approved_minor": dict(one.approved_minor),
            "expected_loss_minor": dict(one.expected_loss_minor),
        }

    return {
        "candidate": found.candidate,
        "before": side(found.before),
        "after": side(found.after),
        "flips": [{"from": a, "to": b, "count": n} for (a, b), n in sorted(found.flips.items())],
        "flipped": [{"decision_id": each, "from": a, "to": b} for each, a, b in found.flipped],
    }


def _read(file: Path) -> bytes:
    """Return a file that the policy engine can read at all; its problems are for `check`."""
    document = file.read_bytes()
    try:
        json.loads(document)
    except ValueError as wrong:
        raise click.ClickException(f"{file.name} is not JSON: {wrong}") from wrong
    return document


def _bps(share: str) -> int:
    try:
        bps = Decimal(share) * WHOLE_BPS
    except InvalidOperation:
        raise click.ClickException(f"--share {share!r}: use a decimal such as 0.1") from None
    if bps != bps.to_integral_value() or not 0 <= bps <= WHOLE_BPS:
        raise click.ClickException(f"--share {share!r}: use 0 to 1, with at most four decimals")
    return int(bps)
