"""An agreement as the page that discloses its cost (综合融资成本明示表): its terms' figures, none computed anew."""

from dataclasses import dataclass
from typing import Any

from fenqi.disclosure.text import money_text
from fenqi.finance.money import Money

from merchant_server.domain.agreement import Agreement
from merchant_server.web.consumer.cards import Row, bar_units, method_text, payments_text, terms_rows

HASH_SHOWN = 16
STANDING_OUT = frozenset({"annual_cost", "total_cost", "total_payable", "repaid", "scheduled"})


@dataclass(frozen=True, slots=True)
class Disclosure:
    """What is shown of an agreement: the sheet in its terms, and the schedule.

    `standing_out` are the keys of the sheet's lines that are set in bold; `charge_amounts` are the amounts of its
    charges, in order; `seconds_left` is the reading time that is still to pass.
    """

    agreement: Agreement
    terms: dict[str, Any]
    rows: tuple[Row, ...]
    headline: str
    exception: str
    method: str
    has_fee: bool
    bar_units: int
    standing_out: frozenset[str]
    charge_amounts: tuple[str, ...]
    hash_text: str
    seconds_left: int


def disclosure(agreement: Agreement, seconds_since_shown: int) -> Disclosure:
    """Return what to show of an agreement, in the request's language."""
    terms = agreement.terms
    rows = terms_rows(terms)
    headline, exception = payments_text([row.total for row in rows])
    amount, payable = (
        Money(terms[name]["minor"], terms[name]["currency"]) for name in ("amount", "total_payable")
    )
    digest = agreement.signed_sha256 or agreement.shown_sha256
    return Disclosure(
        agreement=agreement,
        terms=terms,
        rows=rows,
        headline=headline,
        exception=exception,
        method=method_text(terms["method"]),
        has_fee=any(row.fee.minor for row in rows),
        bar_units=bar_units(amount, payable),
        standing_out=STANDING_OUT,
        charge_amounts=tuple(
            money_text(Money(charge["amount"]["minor"], charge["amount"]["currency"]))
            for charge in terms["disclosure"]["charges"]
        ),
        hash_text=" ".join(digest[place : place + 4] for place in range(0, HASH_SHOWN, 4)),
        seconds_left=max(agreement.reading_seconds - seconds_since_shown, 0),
    )
