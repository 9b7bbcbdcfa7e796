"""One engine for every pack: an offer in, the sheet that the law of the place asks for out. No HTML, no PDF."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from fenqi.disclosure.charges import Charge, LateTerms, PossibleCharge, charges, possible_charges, read_takers
from fenqi.disclosure.errors import DisclosureError
from fenqi.disclosure.facts import Facts, facts_of
from fenqi.disclosure.packs import Pack, pack_of, words
from fenqi.disclosure.text import Figure
from fenqi.finance.errors import shown
from fenqi.finance.money import Money
from fenqi.finance.rates import Rate
from fenqi.finance.schedule import Installment
from fenqi.offers import Offer


class Row(NamedTuple):
    """One line: what it is, its value as text, and the figure behind it (None where the text is all)."""

    key: str
    label: str
    value: str
    figure: Figure | None
    note: str
    law: str

    def to_dict(self) -> dict[str, Any]:
        """Return the line JSON-ready; money as {"minor", "currency"}, rates as decimal text, dates as ISO text."""
        return self._asdict() | {"figure": _json(self.figure)}


class Section(NamedTuple):
    """Lines under one heading."""

    key: str
    title: str
    rows: tuple[Row, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the section JSON-ready."""
        return {"key": self.key, "title": self.title, "rows": [row.to_dict() for row in self.rows]}


class Disclosure(NamedTuple):
    """A whole sheet. `required` is False where the law asks for none; it may be shown all the same.

    `brief` are the lines for the page on which the order is paid. `reading_seconds` is how long the sheet must
    stay open before it may be confirmed. `laws` are the texts it follows.
    """

    pack: str
    version: str
    language: str
    title: str
    lead: str
    required: bool
    warning: str
    reading_seconds: int
    brief: tuple[Row, ...]
    sections: tuple[Section, ...]
    charges: tuple[Charge, ...]
    possible_charges: tuple[PossibleCharge, ...]
    statements: tuple[str, ...]
    schedule: tuple[Installment, ...]
    laws: tuple[str, ...]

    def row(self, key: str) -> Row:
        """Return one line by its key. Raises DisclosureError when the sheet has none."""
        for row in (*self.brief, *(row for section in self.sections for row in section.rows)):
            if row.key == key:
                return row
        raise DisclosureError(f"{shown(key)} is not on this sheet", field="key")

    def to_dict(self) -> dict[str, Any]:
        """Return the sheet JSON-ready."""
        simple = ("pack", "version", "language", "title", "lead", "required", "warning", "reading_seconds")
        listed = ("brief", "sections", "charges", "possible_charges", "schedule")
        data: dict[str, Any] = {name: getattr(self, name) for name in simple}
        data |= {name: [item.to_dict() for item in getattr(self, name)] for name in listed}
        return data | {"statements": list(self.statements), "laws": list(self.laws)}


def disclose(
    offer: Offer,
    *,
    creditor: str,
    merchant: str,
    pack: str | None = None,
    language: str = "zh-CN",
    taken_by: Mapping[str, str] | None = None,
    penalty_annual_rate: Rate | None = None,
    late_fee: Money | None = None,
) -> Disclosure:
    """Return the disclosure of an offer by a pack ("CN", "EU", "UK", "US"; its plan's own when left out).

    `creditor` lends, `merchant` sells; both are names. `taken_by` names who takes an item of the cost
    ("interest", "rated_fee", "fixed_fee", "up_front_fee", "penalty", "late_fee", "early_settlement_fee") where
    it is not the creditor. `penalty_annual_rate` (of the overdue amount; the plan's own when left out) and
    `late_fee` (each missed installment) are what the agreement charges for late payment.
    Raises DisclosureError or RateError.
    """
    for field, name in (("creditor", creditor), ("merchant", merchant)):
        if not isinstance(name, str) or not name.strip():
            raise DisclosureError(
                f"{shown(name)} is no name", field=field, allowed="a name that is not empty"
            )
    used = pack_of(offer.plan.disclosure if pack is None else pack)
    texts = used.texts(language)
    penalty = offer.plan.penalty_annual_rate if penalty_annual_rate is None else penalty_annual_rate
    late = LateTerms.read(penalty, late_fee, offer.amount.currency)
    takers = read_takers(taken_by, creditor)
    names = {"creditor": creditor, "merchant": merchant}
    names |= {f"{item}_taken_by": name for item, name in takers.items()}
    facts = facts_of(offer, used, language, names, late)
    sections = _sections(used, texts, facts, language)
    lines = {row.key: row for section in sections for row in section.rows}
    return Disclosure(
        pack=used.id,
        version=used.version,
        language=language,
        title=texts["title"],
        lead=texts["lead"],
        required=used.data["required_when"] in facts.conditions,
        warning=_filled(texts["warning"], facts),
        reading_seconds=used.reading_seconds,
        brief=tuple(lines[key] for key in used.data["brief"] if key in lines),
        sections=sections,
        charges=charges(offer.schedule, language, takers),
        possible_charges=possible_charges(offer.schedule, late, language, takers),
        statements=tuple(
            _filled(texts["statements"][item["key"]], facts)
            for item in used.data["statements"]
            if item["when"] in facts.conditions
        ),
        schedule=tuple(offer.schedule.installments),
        laws=tuple(
            f"{law['title'][language]} ({law['reference'][language]})" for law in used.data["laws"].values()
        ),
    )


def _sections(pack: Pack, texts: Mapping[str, Any], facts: Facts, language: str) -> tuple[Section, ...]:
    made = []
    for section in pack.data["sections"]:
        rows = tuple(
            _row(item, texts["rows"][item["key"]], facts, pack, language)
            for item in section["rows"]
            if item["when"] in facts.conditions
        )
        if rows:
            made.append(Section(section["key"], texts["sections"][section["key"]], rows))
    return tuple(made)


def _row(item: Mapping[str, Any], text: Mapping[str, str], facts: Facts, pack: Pack, language: str) -> Row:
    name: str = item.get("figure", "")
    value = _filled(text["value"], facts) if "value" in text else facts.texts[name]
    law = pack.data["laws"][item["law"]]
    article = item.get("article", "")
    joint = "" if article[:1] in ("", "(") else words(language)["joint"]
    return Row(
        key=item["key"],
        label=_filled(text["label"], facts),
        value=value,
        figure=facts.figures[name] if name else None,
        note=_filled(text.get("note", ""), facts),
        law=f"{law['title'][language]}{joint}{article}",
    )


def _filled(template: str, facts: Facts) -> str:
    return template.format_map(facts.texts)


def _json(figure: Figure | None) -> Any:
    if isinstance(figure, Money):
        return figure.to_dict()
    if isinstance(figure, Decimal):
        return format(figure, "f")
    return figure.isoformat() if isinstance(figure, date) else figure
