"""The disclosure in front of the contract, as the texts that the template places. It prints the pack's sheet as it is.

It refuses a sheet whose figures are not those of the terms around it, and computes none.
"""

from collections.abc import Iterator
from typing import Any

from fenqi.disclosure.text import money_text
from fenqi.finance.money import Money

from merchant_server.providers.agreement.errors import TermsRefused
from merchant_server.providers.agreement.terms import Terms

LABEL, VALUE, PARAGRAPH = 100, 400, 1500
MOST_SECTIONS, MOST_ROWS, MOST_CHARGES, MOST_STATEMENTS = 10, 30, 20, 20
# Whatever else a pack shows, these stand out: what is lent, what it costs a year, what it costs in all.
_KEY_FIGURES = ("principal", "credit", "amount_financed", "annual_cost", "total_cost")
_AMOUNTS = (
    "amount",
    "principal",
    "down_payment",
    "total_interest",
    "total_fee",
    "total_cost",
    "total_payable",
)


def sheet_view(terms: Terms, language: str, total_cost: Money) -> dict[str, Any]:
    """Return the sheet under terms.disclosure as texts. Raises TermsRefused, UnprintableCharacter."""
    sheet = terms.part("disclosure")
    if sheet.word("language") != language:
        raise TermsRefused("disclosure.language", f"must be {language}, as the agreement's is")
    _refuse_other_figures(terms, sheet)
    sections = [
        {"title": section.text("title", LABEL), "rows": [_row(row) for row in _rows(section)]}
        for section in sheet.parts("sections", MOST_SECTIONS)
    ]
    return {
        "title": sheet.text("title", LABEL),
        "lead": sheet.text("lead", PARAGRAPH),
        "warning": sheet.text("warning", PARAGRAPH) if sheet.word("warning") else "",
        "key_figures": _key_figures(sheet),
        "sections": sections,
        "charges": [_charge(item, total_cost.currency) for item in sheet.parts("charges", MOST_CHARGES)],
        "total_cost": money_text(total_cost),
        "possible_charges": [
            [item.text("name", LABEL), item.text("taken_by", VALUE), item.text("standard", VALUE)]
            for item in sheet.parts("possible_charges", MOST_CHARGES)
        ],
        "statements": sheet.texts("statements", PARAGRAPH, MOST_STATEMENTS),
        "laws": sheet.texts("laws", PARAGRAPH, MOST_STATEMENTS),
    }


def _rows(section: Terms) -> Iterator[Terms]:
    return section.parts("rows", MOST_ROWS)


def _row(row: Terms) -> dict[str, str]:
    return {
        "label": row.text("label", LABEL),
        "value": row.text("value", VALUE),
        "note": row.text("note", VALUE) if row.word("note") else "",
    }


def _key_figures(sheet: Terms) -> list[dict[str, str]]:
    """Return the lines that stand out above the others, where they stand once more with their notes."""
    rows = {
        row.word("key"): row for section in sheet.parts("sections", MOST_SECTIONS) for row in _rows(section)
    }
    return [_row(rows[key]) for key in _KEY_FIGURES if key in rows]


def _charge(item: Terms, currency: str) -> list[str]:
    how, standard = item.text("how", VALUE), item.text("standard", VALUE)
    yearly = item.text("yearly", LABEL) if item.word("yearly") else "–"
    amount = money_text(item.money("amount", currency))
    return [item.text("name", LABEL), item.text("taken_by", VALUE), f"{standard} · {how}", yearly, amount]


def _refuse_other_figures(terms: Terms, sheet: Terms) -> None:
    """Refuse a sheet that says another amount or yearly rate than the agreement under it."""
    currency = terms.money("principal").currency
    agreed = {key: terms.money(key, currency) for key in _AMOUNTS}
    for section in sheet.parts("sections", MOST_SECTIONS):
        for row in _rows(section):
            key = row.word("key")
            same = row.money("figure") == agreed[key] if key in agreed else True
            if key == "annual_cost":
                same = row.rate("figure") == terms.rate("annual_cost")
            if not same:
                raise TermsRefused(f"disclosure.{key}", "is not the figure of the agreement")
    charged = sum(
        (item.money("amount", currency) for item in sheet.parts("charges", MOST_CHARGES)), Money(0, currency)
    )
    if charged != agreed["total_cost"]:
        raise TermsRefused("disclosure.charges", "do not sum to total_cost; list every cost once")
