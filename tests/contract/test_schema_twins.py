"""After all migrations both databases have the same tables, columns, keys and indexes; only words for types differ."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from merchant_server.storage.engine import Connection, Engine
from merchant_server.storage.opening import open_engine
from tests.databases import postgres_database

WORDS = {"INTEGER": "whole", "BIGINT": "whole", "TEXT": "text", "BLOB": "bytes", "BYTEA": "bytes"}


def sqlite_shape(engine: Engine) -> dict[str, Any]:
    with engine.reading() as db:
        tables = [r["name"] for r in db.all("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {
            table: {
                "columns": {
                    r["name"]: (WORDS[r["type"]], bool(r["notnull"]) or bool(r["pk"]))
                    for r in db.all(f"SELECT * FROM pragma_table_info('{table}')")
                },
                "unique": sorted(unique_keys(db, table)),
                "indexes": sorted(
                    r["name"]
                    for r in db.all(f"SELECT name FROM pragma_index_list('{table}')")
                    if not r["name"].startswith("sqlite_autoindex")
                ),
                "foreign": sorted(
                    (r["from"], r["table"])
                    for r in db.all(f"SELECT * FROM pragma_foreign_key_list('{table}')")
                ),
            }
            for table in tables
            if not table.startswith(("_sqlite_migrations", "sqlite_"))
        }


def unique_keys(db: Connection, table: str) -> set[tuple[str, ...]]:
    """A lone INTEGER PRIMARY KEY is SQLite's row id and has no index of its own."""
    primary = [
        (r["pk"], r["name"]) for r in db.all(f"SELECT name, pk FROM pragma_table_info('{table}')") if r["pk"]
    ]
    indexes = [r["name"] for r in db.all(f"SELECT * FROM pragma_index_list('{table}')") if r["unique"]]
    columns = [db.all(f"SELECT name FROM pragma_index_info('{index}') ORDER BY seqno") for index in indexes]
    return {tuple(r["name"] for r in rows) for rows in columns} | {tuple(name for _, name in sorted(primary))}


def postgres_shape(engine: Engine) -> dict[str, Any]:
    with engine.reading() as db:
        columns = db.all(
            "SELECT table_name, column_name, upper(data_type) AS type, is_nullable FROM information_schema.columns"
            " WHERE table_schema = 'public' AND table_name NOT IN"
            " (SELECT table_name FROM information_schema.views WHERE table_schema = 'public')"
        )
        indexes = db.all(
            "SELECT t.relname AS table_name, i.relname AS index_name, x.indisunique AS is_unique, c.contype AS made_by,"
            " (SELECT string_agg(a.attname, ',' ORDER BY k.n) FROM unnest(x.indkey) WITH ORDINALITY k (num, n)"
            " JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.num) AS names"
            " FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid"
            " JOIN pg_namespace n ON n.oid = t.relnamespace AND n.nspname = 'public'"
            " LEFT JOIN pg_constraint c ON c.conindid = i.oid AND c.contype IN ('p', 'u')"
        )
        foreign = db.all(
            "SELECT t.relname AS table_name, f.relname AS target, a.attname AS name FROM pg_constraint c"
            " JOIN pg_class t ON t.oid = c.conrelid JOIN pg_class f ON f.oid = c.confrelid"
            " JOIN unnest(c.conkey) k (num) ON TRUE JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.num"
            " WHERE c.contype = 'f'"
        )
    tables = {r["table_name"] for r in columns} - {"_sqlite_migrations"}
    return {
        table: {
            "columns": {
                r["column_name"]: (WORDS[r["type"]], r["is_nullable"] == "NO")
                for r in columns
                if r["table_name"] == table
            },
            "unique": sorted(
                tuple(r["names"].split(",")) for r in indexes if r["table_name"] == table and r["is_unique"]
            ),
            "indexes": sorted(
                r["index_name"] for r in indexes if r["table_name"] == table and r["made_by"] is None
            ),
            "foreign": sorted((r["name"], r["target"]) for r in foreign if r["table_name"] == table),
        }
        for table in tables
    }


@pytest.fixture
def twins(migrated_sqlite: Path, tmp_path: Path, postgres_url: str, migrated_postgres: str) -> Any:
    copy = shutil.copyfile(migrated_sqlite, tmp_path / "copy.sqlite")
    sqlite = open_engine(f"sqlite:///{copy}")
    with postgres_database(postgres_url, migrated_postgres) as url:
        postgres = open_engine(url)
        yield sqlite_shape(sqlite), postgres_shape(postgres)
        postgres.close()
    sqlite.close()


def test_both_databases_have_the_same_shape(twins: tuple[dict[str, Any], dict[str, Any]]) -> None:
    sqlite, postgres = twins

    assert sorted(sqlite) == sorted(postgres)
    for table, shape in sqlite.items():
        assert shape == postgres[table], table


def test_there_is_something_to_compare(twins: tuple[dict[str, Any], dict[str, Any]]) -> None:
    sqlite, _ = twins

    assert len(sqlite) >= 25
    assert ("whole", True) in sqlite["postings"]["columns"].values()
    assert "one_live_deduction" in sqlite["deductions"]["indexes"]
