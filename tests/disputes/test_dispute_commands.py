"""`fenqi-server dispute`: open for a consumer, list, show and decide, each answer one line that says what happened."""

import pytest
from click.testing import CliRunner, Result

from merchant_server.commands import dispute as commands
from tests.disputes.disputing import REVIEWER, RULING, contest, give_evidence, with_reviewer
from tests.installation import Installation

OTHER = "Zhao Min"


@pytest.fixture
def house(sqlite_installation: Installation, monkeypatch: pytest.MonkeyPatch) -> Installation:
    with_reviewer(sqlite_installation)
    with_reviewer(sqlite_installation, OTHER, "110101199003079251")
    monkeypatch.setattr(commands, "installation", lambda: sqlite_installation)
    return sqlite_installation


def run(*arguments: str) -> Result:
    return CliRunner().invoke(commands.dispute, arguments)


def test_a_dispute_is_opened_shown_and_decided_by_another(house: Installation) -> None:
    loan_id = str(house.sell(plan="p6").loan_id)
    told = ("--reason", "damaged", "--text", "Came broken.", "--amount", "1000.00")
    opened = run("open", loan_id, "--by", REVIEWER, *told)
    assert opened.exit_code == 0 and "is open about CNY 1000.00" in opened.output
    dispute_id = opened.output.split()[0]
    assert dispute_id in run("list").output
    assert run("show", dispute_id, "--by", REVIEWER).exit_code == 1
    give_evidence(house, dispute_id)
    early = run("decide", dispute_id, "lost", "--by", OTHER, "--reason", RULING)
    assert early.exit_code == 1 and "cannot become lost" in early.output
    contest(house, dispute_id)
    shown = run("show", dispute_id, "--by", OTHER).output
    assert "consumer: Came broken." in shown and "merchant: Signed for on Monday." in shown
    done = run("decide", dispute_id, "lost", "--by", OTHER, "--reason", RULING)
    assert done.exit_code == 0 and "is lost, refunded by rfd_" in done.output
    assert dispute_id not in run("list").output


@pytest.mark.parametrize(
    "arguments", [("show", "dsp_none"), ("decide", "dsp_none", "won", "--reason", RULING)]
)
def test_an_unknown_dispute_is_said_in_one_line(house: Installation, arguments: tuple[str, ...]) -> None:
    refused = run(*arguments, "--by", REVIEWER)
    assert refused.exit_code == 1 and "there is no such dispute" in refused.output
