"""Many loans, loaded in bulk: one real sale, whose rows are copied under new ids."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from fenqi.finance.money import Money

from benchmarks.world.seeding import World, fill, new_world, sell_all
from merchant_server.ports import BankDeduction
from merchant_server.services.operation.test_clock import advance_clock
from merchant_server.storage.engine import Connection
from tests.fakes.providers import FakeBank

# Each loan has its own checkout and agreement; all share the mandate, whose account is sealed to its id.
OWN: Mapping[str, tuple[str, ...]] = {
    "checkouts": ("id", "token", "agreement_id", "loan_id"),
    "agreements": ("id", "checkout_id", "loan_id"),
    "loans": ("id", "checkout_id", "agreement_id"),
    "installments": ("loan_id",),
}
# The column that names one sale's rows, and where the loan says its value.
WHICH = {
    "checkouts": ("id", "checkout_id"),
    "agreements": ("id", "agreement_id"),
    "loans": ("id", "id"),
    "installments": ("loan_id", "id"),
}
BOOKED_PERSON = 9_998  # nobody else of a world has this number


class ForgetfulBank(FakeBank):
    """Takes every deduction on and keeps none, so that memory measured beside it is the server's."""

    def deduct(self, *, reference: str, mandate_reference: str, amount: Money) -> BankDeduction:
        """Say that it is under way."""
        return BankDeduction(reference=reference, status="pending", amount=amount)


def loans_due(folder: Path, count: int) -> World:
    """Return a world with `count` loans of twelve installments, the first of each due today, at noon."""
    # Four o'clock UTC is noon where the merchant is: within the hours of collection whenever this is run.
    noon = datetime.now(UTC).replace(hour=4, minute=0, second=0, microsecond=0)
    world = new_world(folder, noon)
    fill(world, checkouts_made=0, to_sign=0, to_decide=0, opened=0, loans=0)
    sell_all(world, 1)
    with world.deps.storage.unit_of_work() as uow:
        advance_clock(uow, world.deps, world.caller, months=1)
    _copy_the_newest(world, count - 1)
    return world


def add_book(world: World, count: int) -> None:
    """Add `count` loans on which nothing is due yet: what is measured meets a shop's tables, not empty ones."""
    sell_all(world, 1, first=BOOKED_PERSON)
    _copy_the_newest(world, count - 1)


def _copy_the_newest(world: World, copies: int) -> None:
    with world.house.engine.transaction() as connection:
        newest = connection.all("SELECT id, checkout_id, agreement_id FROM loans ORDER BY id DESC LIMIT 1")[0]
        for table in OWN:
            _copy(connection, table, copies, newest)


def _copy(connection: Connection, table: str, copies: int, loan: Mapping[str, str]) -> None:
    columns = [row["name"] for row in connection.all(f"SELECT name FROM pragma_table_info('{table}')")]
    values = ", ".join(_value(table, name) for name in columns)
    connection.execute(
        "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < :copies)"
        f" INSERT INTO {table} ({', '.join(columns)}) SELECT {values} FROM"
        f" (SELECT * FROM {table} WHERE {WHICH[table][0]} = :of) t, n WHERE 1 = 1",
        {"copies": copies, "of": loan[WHICH[table][1]]},
    )


def _value(table: str, column: str) -> str:
    if table == "agreements" and column.endswith("_sealed"):
        # Nobody reads the documents; a hundred thousand of them would fill the disk.
        return "X'00'"
    return f"t.{column} || '_' || n.n" if column in OWN[table] else f"t.{column}"
