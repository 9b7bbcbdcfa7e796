"""The laws of the house as queries: each returns the rows that break it, so an empty answer is a clean house.

Read in one snapshot, so that the checker may run while sales go on.
"""

from merchant_server.ports import Breach
from merchant_server.storage.engine import Connection
from merchant_server.storage.laws_of_money import MONEY_LAWS
from merchant_server.storage.laws_of_records import RECORD_LAWS

LAWS = (*MONEY_LAWS, *RECORD_LAWS)


# Each law reads whole tables, which takes longer than a request may.
LAW_SECONDS = 1_800


def breaches(connection: Connection, at_most: int = 20) -> list[Breach]:
    """Return up to `at_most` breaches of each law, none when the house is clean."""
    connection.allow_seconds(LAW_SECONDS)
    found = []
    for law, query in LAWS:
        rows = connection.all(f"SELECT * FROM ({query}) broken LIMIT :at_most", {"at_most": at_most})
        found += [Breach(law, row["subject"], str(row["detail"])) for row in rows]
    return found
