"""The page about growth says what was measured, and names a place for every table there is."""

import re
from datetime import UTC, datetime
from pathlib import Path

from stdnum.cn import ric

from benchmarks import scale
from benchmarks.world.seeding import fill, id_number, new_world
from merchant_server.domain.code_limits import hour_of
from merchant_server.providers.sandbox.magic import PEOPLE
from merchant_server.storage.catalog import tables
from merchant_server.storage.sqlite import SqliteEngine

PAGE = (scale.DOCS / "scale.md").read_text("utf-8")


def places() -> dict[str, set[str]]:
    rows = re.findall(r"^\| ([a-z ]+) \| ((?:`\w+`(?:, )?)+) \|$", PAGE, re.M)
    return {where: set(re.findall(r"`(\w+)`", names)) for where, names in rows}


def test_the_tables_of_the_page_are_those_of_its_measurement() -> None:
    assert scale.filled(PAGE, scale.stored()) == PAGE, "run: python -m benchmarks.scale --write"


def test_every_table_has_exactly_one_place() -> None:
    named = [name for names in places().values() for name in names]
    assert len(named) == len(set(named))
    assert {table.name for table in tables()} - set(named) == set(), (
        "name the place of a new table in scale.md"
    )


def test_every_table_of_a_merchant_has_the_distribution_column() -> None:
    with_merchant = places()["with the merchant"] - {"merchants"}
    lacking = [
        each.name for each in tables() if each.name in with_merchant and "merchant_id" not in each.columns
    ]
    assert lacking == []


def test_rows_of_a_merchant_refer_to_nothing_that_has_no_place(tmp_path: Path) -> None:
    """A foreign key within a shard stays one; one to a person becomes a look-up, one to a small table a copy."""
    engine = SqliteEngine(tmp_path / "keys.sqlite")
    engine.migrate()
    with_merchant = places()["with the merchant"]
    with engine.reading() as connection:
        targets = {
            row["table"]
            for name in with_merchant
            for row in connection.all(f"SELECT * FROM pragma_foreign_key_list('{name}')")
        }
    engine.close()
    elsewhere = ("with the person", "on one place for all", "on each shard for itself")
    assert targets - with_merchant <= {name for where in elsewhere for name in places()[where]}


def test_the_simulation_runs_and_grows_in_proportion() -> None:
    seen = scale.measure(12)
    assert 0 < seen.checkout_bytes < seen.sale_bytes
    assert 0 < seen.collection_bytes < seen.sale_bytes
    assert scale.tables(seen).count("| 1,000,000 |") == 1


def test_growth_is_measured_beyond_what_an_hours_budget_of_codes_allows(tmp_path: Path) -> None:
    world = new_world(tmp_path, datetime.now(UTC))
    with world.deps.storage.unit_of_work() as uow:
        for _ in range(3_000):
            uow.code_sends.count_hour(hour_of(world.house.clock.now()))
    fill(world, checkouts_made=1, to_sign=0, to_decide=0, opened=0, loans=1)
    assert len(world.house.rows("SELECT id FROM loans")) == 1


def test_growth_is_measured_with_as_many_adults_as_it_wants() -> None:
    numbers = [id_number(number) for number in range(0, 30_000, 7)]
    assert len(set(numbers)) == len(numbers)
    assert {ric.is_valid(number) for number in numbers} == {True}
    assert max(int(number[6:10]) for number in numbers) < 2000
    assert not {each.id_number for each in PEOPLE} & set(numbers)
