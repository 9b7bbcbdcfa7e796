"""Every place where personal data or a secret is stored, as data: what rotation goes through and erasure reaches.

A test compares the list with the schema of both databases, so that no new sealed column is forgotten.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """One sealed column. A value is bound to `table`, `column` and the row's `keys`, joined by a slash.

    `owner` is the column or query that names the owner of the data key, None for the installation's own.
    """

    table: str
    column: str
    keys: tuple[str, ...] = ("id",)
    owner: str | None = None

    @property
    def stored(self) -> str:
        """Return the name of the column in the database."""
        return f"{self.column}_sealed"


PLACES = (
    Place("consumers", "person", owner="id"),
    Place("applicants", "person", keys=("checkout_id",), owner="checkout_id"),
    Place("preapprovals", "phone", owner="id"),
    Place("decisions", "record", owner="consumer_id"),
    Place("agreements", "terms", owner="consumer_id"),
    Place("agreements", "shown", owner="consumer_id"),
    Place("agreements", "signed", owner="consumer_id"),
    Place("mandates", "account", owner="consumer_id"),
    Place("complaints", "text", owner="consumer_id"),
    Place("complaints", "answer", owner="consumer_id"),
    Place("reviews", "reason", owner="consumer_id"),
    Place(
        "quarantined_answers",
        "body",
        keys=("decision_id", "source"),
        owner="(SELECT d.consumer_id FROM decisions d WHERE d.id = decision_id)",
    ),
    Place("consent_events", "personal", keys=("audit_id",), owner="checkout_id"),
    Place("webhook_endpoints", "secret"),
    Place("idempotency_keys", "response", keys=("merchant_id", "mode", "key")),
)
PLACE_OF = {(place.table, place.column): place for place in PLACES}


def row_name(place: Place, row: dict[str, object]) -> str:
    """Return the name that a row's values are bound to."""
    return "/".join(str(row[key]) for key in place.keys)
