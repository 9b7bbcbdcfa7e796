"""Old and new code on one database: a release only adds to the schema, and the code before lives with it."""

import re
from pathlib import Path

import pytest

from merchant_server.storage.catalog import tables
from merchant_server.storage.engine import LockNotGranted
from merchant_server.storage.migrations import (
    SCHEMA_FOLDER,
    check_schema,
    for_dialect,
    read_folder,
    split_statements,
)
from merchant_server.storage.opening import open_engine
from tests.databases import postgres_database
from tests.installation import Installation

# Everything up to here belongs to the first release, which is not out yet; no older code ever meets it.
FIRST_RELEASE = "0025"
EXPANDS = re.compile(
    r"CREATE (UNIQUE )?(TABLE|INDEX|TRIGGER|FUNCTION|OR REPLACE FUNCTION)\b|ALTER TABLE \w+ ADD COLUMN\b|INSERT INTO\b",
    re.I,
)


def complaint(statement: str, made: set[str]) -> str:
    """Say why a statement could hurt code of the release before; empty when it only adds."""
    bare = re.sub(r"--[^\n]*", "", statement).strip()
    if not EXPANDS.match(bare):
        return "takes something away or rewrites rows"
    column = re.match(r"ALTER TABLE (\w+) ADD COLUMN (.+)", bare.upper(), re.S)
    if column and column[1].lower() not in made and "NOT NULL" in column[2] and "DEFAULT" not in column[2]:
        return "adds a column that old code does not fill"
    if unique := re.match(r"CREATE UNIQUE INDEX \w+ ON (\w+)", bare, re.I):
        return "" if unique[1] in made else "adds a rule that old code does not know"
    if trigger := re.match(r"CREATE TRIGGER .*? ON (\w+)", bare, re.I | re.S):
        return "" if trigger[1] in made else "adds a rule that old code does not know"
    return ""


def complaints(text: str) -> list[str]:
    found = []
    for dialect in ("sqlite", "postgresql"):
        sql = for_dialect(text, dialect)
        made = set(re.findall(r"CREATE TABLE (\w+)", sql))
        statements = split_statements(sql) if "$$" not in sql else sql.split(";\n")
        found += [
            f"{each.strip()[:60]}: {complaint(each, made)}"
            for each in statements
            if each.strip() and complaint(each, made)
        ]
    return found


def test_migrations_after_the_first_release_only_add_unless_their_name_says_contract() -> None:
    later = [each for each in read_folder() if each.name[:4] > FIRST_RELEASE and not each.contracts]
    assert {each.name: complaints(each.text) for each in later if complaints(each.text)} == {}


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TABLE loans;",
        "ALTER TABLE loans DROP COLUMN plan_id;",
        "ALTER TABLE loans RENAME COLUMN plan_id TO plan;",
        "ALTER TABLE loans ADD COLUMN extra TEXT NOT NULL;",
        "CREATE UNIQUE INDEX one_loan ON loans (consumer_id);",
        "UPDATE loans SET plan_id = 'x';",
        "-- only: postgresql\nALTER TABLE loans ALTER COLUMN plan_id SET NOT NULL;\n-- end",
    ],
)
def test_a_migration_that_would_hurt_old_code_is_found(statement: str) -> None:
    assert complaints(statement + "\n")


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE more (id TEXT PRIMARY KEY);\nCREATE UNIQUE INDEX one_more ON more (id);",
        "ALTER TABLE loans ADD COLUMN extra TEXT;",
        "ALTER TABLE loans ADD COLUMN extra BIGINT NOT NULL DEFAULT 0;",
        "CREATE INDEX loans_by_plan ON loans (plan_id);",
    ],
)
def test_a_migration_that_only_adds_is_taken(statement: str) -> None:
    assert complaints(statement + "\n") == []


@pytest.fixture
def next_release(tmp_path: Path) -> Path:
    """The schema folder of a release that adds a column with a default and one without to every table, and a table."""
    folder = tmp_path / "next"
    folder.mkdir()
    for file in SCHEMA_FOLDER.glob("*.sql"):
        (folder / file.name).write_text(file.read_text("utf-8"), "utf-8")
    added = "".join(
        f"ALTER TABLE {table.name} ADD COLUMN later TEXT;\n"
        f"ALTER TABLE {table.name} ADD COLUMN later_minor BIGINT NOT NULL DEFAULT 0;\n"
        for table in tables()
    )
    (folder / "9000_next_release.sql").write_text(
        added + "CREATE TABLE later_things (id TEXT PRIMARY KEY);\n"
    )
    return folder


def test_code_of_the_release_before_sells_and_collects_on_the_schema_of_the_next(
    installation: Installation, next_release: Path
) -> None:
    """The old code has sold before, is running while the schema grows, and goes on without a restart."""
    installation.sell()
    assert installation.engine.migrate(next_release) == ["9000_next_release"]

    check_schema(installation.engine)
    checkout = installation.sell(plan="p6")
    installation.advance(months=1)
    installation.work()

    check_schema(installation.engine, next_release)
    paid = installation.rows("SELECT number FROM installments WHERE status = 'paid'")
    assert len(paid) == 2
    assert installation.rows(
        "SELECT later_minor FROM loans WHERE id = :id", id=checkout_loan(installation, checkout.id)
    ) == [{"later_minor": 0}]


def checkout_loan(house: Installation, checkout_id: str) -> str:
    (row,) = house.rows("SELECT loan_id FROM checkouts WHERE id = :id", id=checkout_id)
    return str(row["loan_id"])


def test_a_migration_gives_a_busy_table_up_soon_and_leaves_nothing(
    postgres_url: str, migrated_postgres: str, next_release: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever waits for a table lock holds up everybody behind; so the wait is short, and the whole is tried again."""
    monkeypatch.setattr("merchant_server.storage.migrations._LOCK_SECONDS", 0.1)
    monkeypatch.setattr("merchant_server.storage.migrations._LOCK_TRIES", 3)
    monkeypatch.setattr("merchant_server.storage.migrations._PAUSE_SECONDS", 0.0)
    with postgres_database(postgres_url, migrated_postgres) as url:
        engine, other = open_engine(url), open_engine(url)
        with other.transaction() as connection:
            connection.execute("LOCK TABLE loans IN ACCESS EXCLUSIVE MODE")
            with pytest.raises(LockNotGranted):
                engine.migrate(next_release)
        with engine.reading() as connection:
            assert connection.all("SELECT 1 AS found WHERE to_regclass('later_things') IS NOT NULL") == []
        check_schema(engine)
        assert engine.migrate(next_release) == ["9000_next_release"]
        engine.close()
        other.close()
