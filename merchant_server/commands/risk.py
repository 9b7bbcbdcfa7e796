"""`fenqi-server risk`: train a scorecard from a CSV, score one, and turn it into tables of a policy."""

import csv
import json
from pathlib import Path

import click

from merchant_server.commands import readable
from merchant_server.risk.protected import ProtectedAttribute
from merchant_server.risk.scorecard import Scorecard, ScorecardInvalid
from merchant_server.risk.training import Report, TrainingRefused


@click.group()
def risk() -> None:
    """Build and use scorecards."""


@risk.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--target", required=True, help="The column that says how it went.")
@click.option("--bad", required=True, help="The target's text for a bad row.")
@click.option("--exclude", multiple=True, help="A column that is no feature; repeat for more.")
@click.option(
    "--out", default="scorecard", show_default=True, type=click.Path(file_okay=False, path_type=Path)
)
@readable
def train(file: Path, target: str, bad: str, exclude: tuple[str, ...], out: Path) -> None:
    """Train a scorecard and write points, report, policy tables and plots into a folder."""
    from merchant_server.risk import plots, training

    try:
        table = training.read_table(file, target=target, bad=bad, exclude=exclude)
        report = training.train(table)
    except (TrainingRefused, ProtectedAttribute, csv.Error, UnicodeDecodeError) as refused:
        raise click.ClickException(str(refused)) from refused
    out.mkdir(parents=True, exist_ok=True)
    card = report.fit.scorecard()
    _write(out / "scorecard.json", card.to_dict())
    _write(out / "policy-tables.json", card.policy_nodes())
    _write(out / "report.json", _facts(report))
    for name, plot in plots.every(report, table.bad).items():
        (out / name).write_text(plot, encoding="utf-8")
    _print(report)
    click.echo(f"written to {out}/: scorecard.json, policy-tables.json, report.json and plots")


@risk.command()
@click.argument("scorecard", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@readable
def score(scorecard: Path, file: Path) -> None:
    """Score every row of a CSV; needs no other library."""
    try:
        card = Scorecard.from_dict(json.loads(scorecard.read_text(encoding="utf-8")))
        with file.open(newline="", encoding="utf-8-sig") as text:
            for row in csv.DictReader(text, skipinitialspace=True, strict=True):
                click.echo(card.score({name: (value or "").strip() for name, value in row.items() if name}))
    except (ScorecardInvalid, csv.Error, ValueError) as wrong:
        raise click.ClickException(str(wrong)) from wrong


def _print(report: Report) -> None:
    click.echo(f"{report.rows} rows, {report.bad_rate:.1%} bad")
    rows = (
        ("3 × 10-fold, unseen", report.validated),
        ("30 % held out", report.hold_out),
        ("70 % trained on", report.trained),
    )
    click.echo(f"{'':<22}{'AUC':>8}{'Gini':>8}{'KS':>8}")
    for label, found in rows:
        click.echo(f"{label:<22}{found.auc:>8.4f}{found.gini:>8.4f}{found.ks:>8.4f}")
    click.echo(f"PSI of the held-out rows {report.stability_index:.4f}")
    for name, value in sorted(report.information_values.items(), key=lambda each: -each[1]):
        click.echo(
            f"  IV {value:.4f}  {name}{'  (left out: tells too little)' if name in report.left_out else ''}"
        )


def _facts(report: Report) -> dict[str, object]:
    def parts(name: str) -> dict[str, str]:
        found = getattr(report, name)
        return {each: f"{getattr(found, each):.6f}" for each in ("auc", "gini", "ks")}

    return {
        "rows": report.rows,
        "bad_rate": f"{report.bad_rate:.6f}",
        "validated": {**parts("validated"), "auc_deviation": f"{report.auc_deviation:.6f}"},
        "hold_out": parts("hold_out"),
        "trained": parts("trained"),
        "stability_index": f"{report.stability_index:.6f}",
        "information_values": {name: f"{value:.6f}" for name, value in report.information_values.items()},
        "left_out": list(report.left_out),
        "bins": {
            column.name: [
                {"good": good, "bad": worse, "woe": f"{woe:.6f}"}
                for (good, worse), woe in zip(column.counts, column.woes, strict=True)
            ]
            for column in report.fit.bins
        },
    }


def _write(file: Path, content: object) -> None:
    file.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
