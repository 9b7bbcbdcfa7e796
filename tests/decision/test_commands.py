"""The commands as an operator types them, against a real installation on disk."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from merchant_server.cli import main
from merchant_server.domain.decision import DecisionRecord
from merchant_server.services.decisioning import live
from tests.decision.people import id_number, random_features

SHIPPED = Path(__file__).parents[2] / "merchant_server/policy/cn-standard.json"


class Operator:
    """Somebody at a terminal of one installation."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {
            "FENQI_DATABASE_URL": f"sqlite:///{folder / 'fenqi.sqlite'}",
            "FENQI_STATE_FOLDER": str(folder / "state"),
        }

    def types(self, *words: str, typed: str = "") -> Result:
        return CliRunner().invoke(main, list(words), env=self.environment, input=typed)

    def says(self, *words: str, typed: str = "") -> str:
        done = self.types(*words, typed=typed)
        assert done.exit_code == 0, done.output
        return done.output

    def candidate(self, name: str = "candidate", **bands: str) -> Path:
        document = json.loads(SHIPPED.read_text(encoding="utf-8"))
        rules = next(each for each in document["nodes"] if each["id"] == "grade_bands")["content"]["rules"]
        for rule in rules:
            rule["score_points"] = bands.get(rule["_id"], rule["score_points"])
        file = self.folder / f"{name}.json"
        file.write_text(json.dumps(document, ensure_ascii=False, indent=1), encoding="utf-8")
        return file


@pytest.fixture
def operator(tmp_path: Path) -> Operator:
    made = Operator(tmp_path)
    made.says("migrate")
    return made


def stored_decisions(operator: Operator, count: int, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    import random
    from datetime import date

    from merchant_server.commands import installation
    from merchant_server.domain.consumer import Consumer, Person
    from merchant_server.services.operation import merchants

    for name, value in operator.environment.items():
        monkeypatch.setenv(name, value)
    deps, chance, made = installation().deps, random.Random(4), []
    now = deps.clock.now()
    merchant = merchants.create_merchant(
        deps,
        name="店",
        legal_name="店",
        category="travel",
        currency="CNY",
        time_zone="Asia/Shanghai",
        fee_bps=0,
    )
    for number in range(count):
        features = random_features(chance)
        person = Person("王小明", id_number(100 + number), "+8613800138000", date(1990, 3, 7))
        with deps.storage.unit_of_work() as uow:
            consumer = uow.consumers.find_or_add(Consumer(deps.ids.new("con"), person, now))
            made.append(deps.ids.new("dec"))
            uow.decisions.request(
                made[-1],
                merchant_id=merchant.id,
                mode="test",
                checkout_id=None,
                consumer_id=consumer.id,
                at=now,
            )
            live.keep(uow, deps.policy, now)
            record = DecisionRecord(features, {}, live.answer(deps.policy, features))
            uow.decisions.answer(made[-1], record, now)
    return made


def test_check_names_each_problem_with_its_line_and_fails(operator: Operator) -> None:
    assert "no problem found" in operator.says("policy", "check", str(SHIPPED))
    broken = operator.candidate(band_c="[396..440)")

    done = operator.types("policy", "check", str(broken))

    assert done.exit_code == 1
    line = 1 + broken.read_text(encoding="utf-8").split('"band_c"')[0].count("\n")
    assert f"line {line}: grade_bands › band_c" in done.output and "no row covers 395" in done.output


def test_two_people_publish_and_the_list_says_who_is_live(operator: Operator) -> None:
    file = operator.candidate(band_d="[350..395)", band_e="[295..350)")
    changed = operator.says("policy", "diff", str(file))
    assert "~ grade_bands › band_d › score_points: [345..395) → [350..395)" in changed

    assert "is proposed by alice" in operator.says("policy", "publish", str(file), "--by", "alice")
    again = operator.types("policy", "publish", str(file), "--by", "Alice")
    assert again.exit_code == 1 and "a second person publishes it" in again.output
    assert "is live as champion, published by bob" in operator.says(
        "policy", "publish", str(file), "--by", "bob"
    )

    listed = operator.says("policy", "list")
    (row,) = [line for line in listed.splitlines() if "candidate@" in line]
    assert "champion" in row
    assert operator.says("policy", "diff", str(file)) == "nothing differs\n"
    assert operator.says("policy", "show", row.split()[0]) == file.read_text(encoding="utf-8")


@pytest.mark.parametrize("share", ["1.5", "-0.1", "much", "0.00001"])
def test_a_share_that_makes_no_sense_is_refused(operator: Operator, share: str) -> None:
    done = operator.types("policy", "publish", str(SHIPPED), "--by", "alice", f"--share={share}")

    assert done.exit_code == 1 and "--share" in done.output


def test_replay_and_what_if_over_stored_decisions(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = stored_decisions(operator, 60, monkeypatch)

    assert f"{made[0]}: equal" in operator.says("policy", "replay", made[0])
    missing = operator.types("policy", "replay", "dec_nothing")
    assert missing.exit_code == 1 and "no such decision" in missing.output
    file = operator.candidate(band_d="[390..395)", band_e="[295..390)")
    told = operator.says("policy", "what-if", str(file))
    for word in ("60 stored decisions", "approval rate", "mean rate discount", "grade D", "expected loss"):
        assert word in told
    found = json.loads(operator.says("policy", "what-if", str(file), "--json", "--last", "10"))
    assert found["before"]["decisions"] == found["after"]["decisions"] == 10


def test_what_is_no_json_is_one_sentence(operator: Operator) -> None:
    file = operator.folder / "broken.json"
    file.write_text("{", encoding="utf-8")

    for command in ("diff", "what-if"):
        done = operator.types("policy", command, str(file))
        assert done.exit_code == 1 and "is not JSON" in done.output and "Traceback" not in done.output


@pytest.mark.parametrize("content", ["[]", "{}", '{"nodes": 5}', '{"nodes": [{"id": "x"}]}'])
def test_what_is_no_policy_is_one_sentence(operator: Operator, content: str) -> None:
    file = operator.folder / "other.json"
    file.write_text(content, encoding="utf-8")

    for command in ("check", "what-if", "diff"):
        done = operator.types("policy", command, str(file))
        empty_diff = command == "diff" and content == "{}"
        assert done.exit_code == (0 if empty_diff else 1)
        assert done.output and "Traceback" not in done.output
        assert isinstance(done.exception, SystemExit | None)


def test_reviewers_and_blocks_are_kept_from_the_terminal(operator: Operator) -> None:
    assert "Li Wei may review" in operator.says(
        "review", "add-reviewer", "Li Wei", typed="110101199003077651\n"
    )
    assert operator.says("review", "queue") == ""
    added = operator.says(
        "block", "add", "phone", "--reason", "stolen", "--by", "alice", typed="+8613800138000\n"
    )
    block_id = added.split()[-1]
    listed = operator.says("block", "list")
    assert block_id in listed and "13800138000" not in listed
    assert "is lifted" in operator.says("block", "lift", block_id, "--by", "bob")
    assert operator.says("block", "list") == ""
    again = operator.types("block", "lift", block_id, "--by", "bob")
    assert again.exit_code == 1 and "no such live block" in again.output


def test_the_list_of_settings_does_not_print_the_portals_token(operator: Operator) -> None:
    operator.environment["FENQI_PORTAL_TOKEN"] = "a-secret-of-enough-characters"
    assert "a-secret-of-enough" not in operator.says("settings")
    operator.environment["FENQI_PORTAL_TOKEN"] = "short"
    done = operator.types("settings")
    assert done.exit_code == 1 and "FENQI_PORTAL_TOKEN is too short" in done.output
