"""Rows that belong to a merchant name it: new ones as they are written, older ones by the migration."""

from fenqi.finance.money import Money

from merchant_server.services.collection.callbacks import receive
from merchant_server.services.sale.store_page import sticker_link
from merchant_server.storage.engine import Engine
from tests.installation import Installation
from tests.settlement.test_lenders import funded_by_lender
from tests.settlement.test_payouts import days

MIGRATION = "0025_distribution"
GAINED = ("callbacks", "consent_events", "payout_lines", "loan_funding", "funding_shares", "store_codes")


def live(house: Installation) -> None:
    """Fill each of the tables that a sale without a phone's own code can fill."""
    funded_by_lender(house)
    house.sell(Money(60_000, "CNY"), reference="order-2")
    days(house, 2)
    house.advance(months=1)
    house.work()
    days(house, 4)
    (deduction, *_) = house.rows("SELECT id FROM deductions")
    for body, headers in house.bank.callbacks(deduction["id"], house.clock.now()):
        receive(house.deps, body, headers)
    (store, *_) = house.rows("SELECT id FROM stores")
    sticker_link(house.deps, store["id"])


def owners(house: Installation) -> dict[str, list[str]]:
    return {
        table: [row["merchant_id"] for row in house.rows(f"SELECT merchant_id FROM {table}")]
        for table in GAINED
    }


def as_before(engine: Engine) -> None:
    """Take the column away again, as a database from before has none."""
    with engine.transaction() as connection:
        for table in (*GAINED, "offline_sales"):
            connection.execute(f"ALTER TABLE {table} DROP COLUMN merchant_id")
        connection.execute("DELETE FROM _sqlite_migrations WHERE name = :name", {"name": MIGRATION})


def test_what_is_written_names_its_merchant_and_what_was_there_is_told_by_the_migration(
    installation: Installation,
) -> None:
    house = installation
    live(house)
    written = owners(house)
    mine = {house.caller.merchant_id}
    assert {table: set(names) for table, names in written.items()} == dict.fromkeys(GAINED, mine)
    as_before(house.engine)
    assert house.engine.migrate() == [MIGRATION]
    assert owners(house) == written
    assert house.breaches() == []
