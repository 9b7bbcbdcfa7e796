"""Migrations on both databases: in order, once, whole or not at all, and compared with the code."""

import subprocess
import sys
from pathlib import Path

import pytest

from merchant_server.storage.engine import Engine, RuleBroken, SchemaMismatch, StorageError
from merchant_server.storage.migrations import check_schema, for_dialect, read_folder, split_statements

FIRST = "CREATE TABLE one (id TEXT PRIMARY KEY, n BIGINT, body BLOB DEFAULT NULL) STRICT;\n"
SECOND = """
CREATE TABLE log (id TEXT PRIMARY KEY, note TEXT NOT NULL DEFAULT 'a; BLOB;'); -- BLOB; stays
-- only: sqlite
CREATE TRIGGER log_fixed BEFORE UPDATE ON log
BEGIN SELECT RAISE(ABORT, 'log rows are never changed'); SELECT 1; END;
-- end
-- only: postgresql
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'log rows are never changed'; END $$;
CREATE TRIGGER log_fixed BEFORE UPDATE ON log FOR EACH ROW EXECUTE FUNCTION refuse_change();
-- end
INSERT INTO log (id) VALUES ('first');
"""
BROKEN = """CREATE TABLE half (id TEXT PRIMARY KEY);
INSERT INTO half (id) VALUES ('x');
INSERT INTO nowhere VALUES (1);
"""
MIGRATOR = """
import sys
from pathlib import Path
from merchant_server.storage.opening import open_engine
engine = open_engine(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
print(",".join(engine.migrate(Path(sys.argv[2]))), flush=True)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A schema folder of two migrations."""
    made = tmp_path / "schema"
    made.mkdir()
    (made / "0001_one.sql").write_text(FIRST)
    (made / "0002_log.sql").write_text(SECOND)
    return made


def test_migrations_run_in_order_and_once(fresh_engine: Engine, folder: Path) -> None:
    assert fresh_engine.migrate(folder) == ["0001_one", "0002_log"]
    assert fresh_engine.migrate(folder) == []
    (folder / "0003_more.sql").write_text("CREATE TABLE more (id TEXT PRIMARY KEY);\n")
    assert fresh_engine.migrate(folder) == ["0003_more"]
    check_schema(fresh_engine, folder)


def test_words_fences_and_triggers_mean_the_same_on_both(fresh_engine: Engine, folder: Path) -> None:
    fresh_engine.migrate(folder)
    with fresh_engine.transaction() as connection:
        insert = "INSERT INTO one (id, n, body) VALUES ('a', 3000000000, :body)"
        connection.execute(insert, {"body": b"\x00\xff"})
        assert connection.one("SELECT n, body FROM one") == {"n": 3_000_000_000, "body": b"\x00\xff"}
        assert connection.all("SELECT id, note FROM log") == [{"id": "first", "note": "a; BLOB;"}]
    with pytest.raises(RuleBroken, match="never changed"), fresh_engine.transaction() as connection:
        connection.execute("UPDATE log SET note = 'x'")
    with pytest.raises(StorageError), fresh_engine.transaction() as connection:
        connection.execute("INSERT INTO one (id, n) VALUES ('b', 'not a number')")


def test_a_failing_migration_leaves_nothing_and_stops_the_rest(fresh_engine: Engine, folder: Path) -> None:
    (folder / "0003_broken.sql").write_text(BROKEN)
    (folder / "0004_after.sql").write_text("CREATE TABLE after_it (id TEXT PRIMARY KEY);\n")
    for _ in range(2):
        with pytest.raises(StorageError, match="nowhere"):
            fresh_engine.migrate(folder)
        for table in ("half", "after_it"):
            with pytest.raises(StorageError, match=table), fresh_engine.reading() as connection:
                connection.all(f"SELECT * FROM {table}")
    with fresh_engine.reading() as connection:
        assert connection.all("SELECT id FROM log") == [{"id": "first"}]
    (folder / "0003_broken.sql").write_text(BROKEN.replace("INSERT INTO nowhere VALUES (1);\n", ""))
    assert fresh_engine.migrate(folder) == ["0003_broken", "0004_after"]


def test_processes_that_migrate_at_once_apply_each_migration_once(
    fresh_engine: Engine, fresh_url: str, folder: Path
) -> None:
    slow = "-- only: postgresql\nSELECT pg_sleep(0.3);\n-- end\n"
    (folder / "0001_one.sql").write_text(slow + FIRST)
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", MIGRATOR, fresh_url, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    applied = []
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        applied += [name for name in process.communicate(timeout=60)[0].strip().split(",") if name]
        assert process.returncode == 0
    assert sorted(applied) == ["0001_one", "0002_log"]
    check_schema(fresh_engine, folder)


def test_a_schema_behind_the_code_names_both_versions(fresh_engine: Engine, folder: Path) -> None:
    with pytest.raises(SchemaMismatch, match="migrate") as nothing:
        check_schema(fresh_engine, folder)
    assert (nothing.value.database, nothing.value.code) == ("none", "0002_log")
    fresh_engine.migrate(folder)
    (folder / "0003_more.sql").write_text("CREATE TABLE more (id TEXT PRIMARY KEY);\n")
    with pytest.raises(SchemaMismatch) as behind:
        check_schema(fresh_engine, folder)
    assert (behind.value.database, behind.value.code) == ("0002_log", "0003_more")


def test_a_schema_that_the_next_release_contracted_is_refused_and_left_alone(
    fresh_engine: Engine, folder: Path
) -> None:
    (folder / "0003_drop_one_contract.sql").write_text("DROP TABLE one;\n")
    fresh_engine.migrate(folder)
    (folder / "0003_drop_one_contract.sql").unlink()
    for act in (lambda: check_schema(fresh_engine, folder), lambda: fresh_engine.migrate(folder)):
        with pytest.raises(SchemaMismatch) as ahead:
            act()
        assert (ahead.value.database, ahead.value.code) == ("0003_drop_one_contract", "0002_log")


def test_a_schema_that_the_next_release_expanded_still_serves_and_is_left_alone(
    fresh_engine: Engine, folder: Path
) -> None:
    (folder / "0003_more.sql").write_text("CREATE TABLE more (id TEXT PRIMARY KEY);\n")
    fresh_engine.migrate(folder)
    (folder / "0003_more.sql").unlink()
    check_schema(fresh_engine, folder)
    assert fresh_engine.migrate(folder) == []
    check_schema(fresh_engine, folder)


def test_a_strange_migration_among_known_ones_is_refused(fresh_engine: Engine, folder: Path) -> None:
    fresh_engine.migrate(folder)
    (folder / "0001_one.sql").rename(folder / "0001_other.sql")
    with pytest.raises(SchemaMismatch, match="0001_one"):
        check_schema(fresh_engine, folder)


def test_the_packaged_schema_is_in_force_on_a_migrated_database(engine: Engine) -> None:
    check_schema(engine)
    assert engine.migrate() == []


@pytest.mark.parametrize("name", ["1_short.sql", "0003_Upper.sql", "0003 space.sql", "0002_same_number.sql"])
def test_a_badly_named_file_is_refused(folder: Path, name: str) -> None:
    (folder / name).write_text("SELECT 1;\n")
    with pytest.raises(StorageError):
        read_folder(folder)


@pytest.mark.parametrize(
    "text",
    [
        "-- only: oracle\n-- end\n",
        "-- only: sqlite\nSELECT 1;\n",
        "-- only: sqlite\n-- only: sqlite\n-- end\n",
    ],
)
def test_a_misplaced_fence_is_refused(text: str) -> None:
    with pytest.raises(StorageError):
        for_dialect(text, "sqlite")


def test_a_statement_without_an_end_is_refused() -> None:
    with pytest.raises(StorageError, match="CREATE TABLE b"):
        split_statements("CREATE TABLE a (id TEXT);\nCREATE TABLE b (id TEXT)\n-- a comment;\n")
