"""The files that operators start from: well formed, without secrets, and saying what the programs understand."""

import json
import re
import shlex
from dataclasses import fields
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from merchant_server.cli import main
from merchant_server.settings import Settings
from scripts.lock import TIERS

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
UNITS = sorted(DEPLOY.glob("systemd/*.service"))
SETTINGS = {f"FENQI_{each.name.upper()}" for each in fields(Settings)} | {"FENQI_POSTGRES_PASSWORD"}
COMMANDS = set(main.list_commands(click.Context(main)))


def compose() -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
    return read


def test_every_setting_that_a_file_names_exists() -> None:
    named = {
        name
        for path in DEPLOY.rglob("*")
        if path.is_file()
        for name in re.findall(r"\bFENQI_[A-Z_]+", path.read_text("utf-8"))
    }
    assert len(named) > 8
    assert named - SETTINGS == set()


def test_compose_runs_commands_that_exist_and_waits_for_the_migration() -> None:
    services = compose()["services"]
    ours = {name: each for name, each in services.items() if each.get("image") == "fenqi"}
    assert set(services) == {"database", "migrate", "sandbox", "server", "worker"}
    assert {each["command"][0] for each in ours.values()} <= COMMANDS
    for name, each in ours.items():
        waits = each["depends_on"].get("migrate", {}).get("condition", "")
        assert name == "migrate" or waits == "service_completed_successfully"
        assert each["read_only"] and each["cap_drop"] == ["ALL"]


def test_compose_has_no_password_of_its_own_and_opens_no_port_to_the_world() -> None:
    text = (DEPLOY / "compose.yaml").read_text("utf-8")
    assert "${FENQI_POSTGRES_PASSWORD:?" in text
    ports = [port for each in compose()["services"].values() for port in each.get("ports", ())]
    assert ports and all(port.startswith("127.0.0.1:") for port in ports)


def test_the_image_is_built_in_two_stages_from_the_lock_and_runs_as_nobody_special() -> None:
    lines = (DEPLOY / "Dockerfile").read_text("utf-8").replace("\\\n", " ").splitlines()
    words = [line.split(maxsplit=1) for line in lines if line and not line.startswith("#")]
    stages = [rest for instruction, rest in words if instruction == "FROM"]
    assert len(stages) == 2
    last = next(number for number, line in reversed(list(enumerate(lines))) if line.startswith("FROM"))
    assert any(re.fullmatch(r"USER [1-9]\d*", line) for line in lines[last:])
    assert any("--require-hashes" in line and "requirements/server.txt" in line for line in lines)
    assert "server" in TIERS
    assert json.loads(lines[-1].removeprefix("CMD "))[0] in COMMANDS


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_a_unit_starts_a_command_that_exists_and_stops_it_politely(unit: Path) -> None:
    values = dict(
        line.split("=", 1) for line in unit.read_text("utf-8").splitlines() if re.match(r"[A-Z]\w+=", line)
    )
    program, command = shlex.split(values["ExecStart"])
    assert program.endswith("/fenqi-server")
    assert command in COMMANDS
    assert values["KillSignal"] == "SIGTERM"
    assert int(values["TimeoutStopSec"]) >= 20
    assert (values["User"], values["NoNewPrivileges"], values["ProtectSystem"]) == ("fenqi", "true", "strict")


def test_the_alerts_and_the_dashboard_are_well_formed_and_panels_do_not_overlap() -> None:
    alerts = yaml.safe_load((DEPLOY / "fenqi-alerts.yml").read_text("utf-8"))
    assert all(rule["annotations"]["summary"] for group in alerts["groups"] for rule in group["rules"])
    assert yaml.safe_load((DEPLOY / "prometheus.yml").read_text("utf-8"))["rule_files"] == [
        "fenqi-alerts.yml"
    ]
    taken: set[tuple[int, int]] = set()
    for panel in json.loads((DEPLOY / "grafana-dashboard.json").read_text("utf-8"))["panels"]:
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not cells & taken, panel["title"]
        assert place["x"] + place["w"] <= 24
        taken |= cells
