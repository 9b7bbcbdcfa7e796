"""`fenqi-server copy`, `backup` and `restore` as an operator types them."""

import json
from importlib.metadata import entry_points, version
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from merchant_server.cli import main


class Operator:
    """Types commands for one installation."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.file = folder, folder / "fenqi.sqlite"
        self._environment = {
            "FENQI_DATABASE_URL": f"sqlite:///{self.file}",
            "FENQI_STATE_FOLDER": str(folder / "state"),
        }

    def types(self, *words: str, exit_code: int = 0) -> Result:
        """Run a command and require its exit code."""
        done = CliRunner().invoke(main, list(words), env=self._environment)
        assert done.exit_code == exit_code, done.output
        return done

    def merchants(self) -> int:
        """Return how many merchants the doctor would find."""
        import sqlite3

        with sqlite3.connect(self.file) as connection:
            (count,) = connection.execute("SELECT COUNT(*) FROM merchants").fetchone()
        connection.close()
        return int(count)


@pytest.fixture
def operator(tmp_path: Path) -> Operator:
    """An operator with a migrated installation and one merchant."""
    made = Operator(tmp_path)
    made.types("migrate")
    made.types("merchant", "create", "--name", "小满商店")
    return made


def test_a_backup_comes_back_and_the_worker_waits_for_a_person(operator: Operator) -> None:
    out = operator.folder / "backup.sqlite"
    told = operator.types("backup", str(out))
    assert "NOT IN IT: the keys" in told.stderr
    operator.types("merchant", "create", "--name", "later")
    assert operator.merchants() == 2

    assert "--replace" in operator.types("restore", str(out), exit_code=1).stderr
    told = operator.types("restore", "--replace", str(out))
    assert "replaced-1" in told.stdout
    assert operator.merchants() == 1

    refused = operator.types("worker", exit_code=1)
    assert "restore --reconciled" in refused.stderr
    operator.types("restore", "--reconciled")
    checkup = json.loads(operator.types("doctor", "--json").stdout)
    assert checkup["healthy"]
    assert checkup["clock_apart_seconds"] == 0


def test_restore_wants_a_backup_or_a_word(operator: Operator) -> None:
    operator.types("restore", exit_code=2)
    operator.types("restore", "--reconciled", str(operator.file), exit_code=2)


def test_a_copy_prints_what_is_equal_on_both_sides(operator: Operator) -> None:
    target = f"sqlite:///{operator.folder / 'copy.sqlite'}"
    source = f"sqlite:///{operator.file}"
    told = operator.types("copy", "--from", source, "--to", target).stdout
    assert "merchants" in told
    assert "equal on both sides" in told
    assert "empty" in operator.types("copy", "--from", source, "--to", target, exit_code=1).stderr
    assert "same database" in operator.types("copy", "--from", source, "--to", source, exit_code=1).stderr


def test_a_copy_to_a_folder_that_is_not_there_makes_none(operator: Operator) -> None:
    target = operator.folder / "typo" / "copy.sqlite"
    told = operator.types(
        "copy", "--from", f"sqlite:///{operator.file}", "--to", f"sqlite:///{target}", exit_code=1
    )
    assert "make it first" in told.stderr
    assert not target.parent.exists()


@pytest.mark.parametrize("content", [b"", b"not a database at all", b"SQLite format 3\x00"])
def test_a_file_that_is_no_backup_is_refused_in_a_sentence(operator: Operator, content: bytes) -> None:
    import hashlib

    wrong = operator.folder / "wrong.sqlite"
    wrong.write_bytes(content)
    before = operator.file.read_bytes()
    assert "cannot read" in operator.types("restore", "--replace", str(wrong), exit_code=1).stderr
    wrong.with_name("wrong.sqlite.sha256").write_text(
        f"{hashlib.sha256(content).hexdigest()}  wrong.sqlite\n"
    )
    told = operator.types("restore", "--replace", str(wrong), exit_code=1).stderr
    assert told.startswith("Error: ")
    assert operator.file.read_bytes() == before


@pytest.mark.parametrize("program", ["fenqi", "fenqi-server", "fenqi-demo"])
def test_each_program_says_its_name_and_version(program: str) -> None:
    (entry,) = entry_points(group="console_scripts", name=program)
    told = CliRunner().invoke(entry.load(), ["--version"])
    assert (told.exit_code, told.output) == (0, f"{program}, version {version('fenqi')}\n")
