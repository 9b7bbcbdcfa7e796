"""Turns terms into the texts that the template places, and refuses figures that contradict each other.

It prints the figures it is given and computes none but the column sums, which must agree with them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from fenqi.disclosure.text import date_text, exact_percent_text, money_text, percent_text
from fenqi.finance.money import Money

from merchant_server.providers.agreement.errors import TermsRefused
from merchant_server.providers.agreement.figures import short_date_text, yuan_in_words
from merchant_server.providers.agreement.sheet import sheet_view
from merchant_server.providers.agreement.terms import Terms

NAME, LINE, PARAGRAPH, REFERENCE = 64, 200, 1000, 64
MOST_FEES, MOST_INSTALLMENTS = 20, 360
CHART_LABELS = 24


@dataclass(frozen=True, slots=True)
class Row:
    """One installment, all in one currency."""

    number: int
    due_on: date
    principal: Money
    interest: Money
    fee: Money
    total: Money


@dataclass(frozen=True, slots=True)
class Costs:
    """The figures of the whole agreement, checked against each other."""

    principal: Money
    total_interest: Money
    total_cost: Money
    rows: tuple[Row, ...]
    scheduled_fee: Money
    scheduled_total: Money
    annual_cost: Decimal


def view(terms: Terms, language: str, wording: Mapping[str, Any]) -> dict[str, Any]:
    """Return everything the template prints, as texts. Raises TermsRefused, UnprintableCharacter."""
    costs = _costs(terms)
    facts = _facts(terms, language, costs)
    facts |= {name: wording[text].format_map(facts) for name, text in _conditions(terms)}
    words = _filled(wording, facts)
    return {
        "texts": words,
        "lang": language.split("-")[0],
        "region": "CN" if language == "zh-CN" else "GB",
        "date": _date_parts(terms.day("signed_on")),
        "agreement_id": facts["agreement"],
        "merchant_name": facts["merchant"],
        "merchant_legal_name": facts["legal_name"],
        "sheet": sheet_view(terms, language, costs.total_cost),
        "versions": words["versions"],
        "parties": _parties(words, facts),
        "loan_rows": _loan_rows(terms, words, facts, costs, language),
        "installments": [_installment(row, language) for row in costs.rows],
        "principal": money_text(costs.principal),
        "total_interest": money_text(costs.total_interest),
        "total_fee": money_text(costs.scheduled_fee),
        "total_payable": money_text(costs.scheduled_total),
        "total_cost": money_text(costs.total_cost),
        "bars": _bars(costs.rows),
        "chart_alt": words["chart_alt"],
        "signatures": [
            {"role": words["lender_role"], "name": facts["lender"], "note": words["lender_signature_note"]},
            {"role": words["consumer_role"], "name": facts["name"], "note": words["consumer_signature_note"]},
        ],
    }


def _costs(terms: Terms) -> Costs:
    principal = terms.money("principal")
    currency = principal.currency
    rows = tuple(_row(part, currency) for part in terms.parts("installments", MOST_INSTALLMENTS))
    if not rows:
        raise TermsRefused("installments", "must have at least one installment")
    zero = Money(0, currency)
    fees = sum((fee.money("amount", currency) for fee in terms.parts("fees", MOST_FEES)), zero)
    costs = Costs(
        principal=principal,
        total_interest=terms.money("total_interest", currency),
        total_cost=terms.money("total_cost", currency),
        rows=rows,
        scheduled_fee=sum((row.fee for row in rows), zero),
        scheduled_total=sum((row.total for row in rows), zero),
        annual_cost=terms.rate("annual_cost"),
    )
    if sum((row.principal for row in rows), zero) != principal:
        raise TermsRefused("installments", "have principal parts that do not sum to the principal")
    if sum((row.interest for row in rows), zero) != costs.total_interest:
        raise TermsRefused("installments", "have interest parts that do not sum to total_interest")
    if costs.total_interest + fees != costs.total_cost:
        raise TermsRefused("fees", "and total_interest do not sum to total_cost; list every cost once")
    return costs


def _row(part: Terms, currency: str) -> Row:
    row = Row(
        number=part.number("number"),
        due_on=part.day("due_on"),
        principal=part.money("principal", currency),
        interest=part.money("interest", currency),
        fee=part.money("fee", currency),
        total=part.money("total", currency),
    )
    if row.principal + row.interest + row.fee != row.total:
        raise TermsRefused(f"installment {row.number}", "has parts that do not sum to its total")
    return row


def _facts(terms: Terms, language: str, costs: Costs) -> dict[str, str]:
    """Return the single facts that wording may name in braces."""
    merchant, consumer = terms.part("merchant"), terms.part("consumer")
    mandate, disclosure = terms.part("mandate"), terms.part("disclosure")
    return {
        "agreement": terms.text("agreement_id", REFERENCE),
        "checkout": terms.text("checkout_id", REFERENCE),
        "loan": terms.text("loan_id", REFERENCE),
        "signed_on": date_text(terms.day("signed_on"), language),
        "merchant": merchant.text("name", NAME),
        "legal_name": merchant.text("legal_name", LINE),
        "store": merchant.text("store", NAME),
        "lender": terms.part("lender").text("name", LINE),
        "name": consumer.text("name", NAME),
        "id_number": consumer.text("id_number_masked", REFERENCE),
        "phone": consumer.text("phone_masked", REFERENCE),
        "bank": mandate.text("bank_label", LINE),
        "mandate": mandate.text("reference", REFERENCE),
        "penalty_rate": exact_percent_text(terms.part("penalty").rate("annual_rate")),
        "early_rate": exact_percent_text(terms.rate("early_settlement_fee_rate")),
        "pack": disclosure.text("pack", REFERENCE),
        "version": disclosure.text("version", REFERENCE),
        "policy": terms.text("policy_version", REFERENCE),
        "template": terms.text("template_version", REFERENCE),
        "count": str(len(costs.rows)),
        "first": date_text(costs.rows[0].due_on, language),
        "last": date_text(costs.rows[-1].due_on, language),
        "scheduled": money_text(costs.scheduled_total),
        "principal": money_text(costs.principal),
        "total_cost": money_text(costs.total_cost),
        "annual_cost": percent_text(costs.annual_cost),
    }


def _conditions(terms: Terms) -> list[tuple[str, str]]:
    """Return which wording says what late payment and early settlement cost."""
    penalty = terms.part("penalty").rate("annual_rate")
    early = terms.rate("early_settlement_fee_rate")
    return [
        ("late", "late_charged" if penalty else "late_free"),
        ("early", "early_charged" if early else "early_free"),
    ]


def _filled(wording: Any, facts: Mapping[str, str]) -> Any:
    """Return the wording with its braces filled; a fact with braces in it stays as it is."""
    if isinstance(wording, str):
        return wording if "{page}" in wording or "{number}" in wording else wording.format_map(facts)
    if isinstance(wording, Mapping):
        return {key: _filled(value, facts) for key, value in wording.items()}
    return [_filled(value, facts) for value in wording]


def _date_parts(day: date) -> dict[str, int]:
    return {"year": day.year, "month": day.month, "day": day.day}


def _parties(words: Mapping[str, Any], facts: Mapping[str, str]) -> list[tuple[str, str]]:
    return [
        (words["agreement_number"], facts["agreement"]),
        (words["signed_on"], facts["signed_on"]),
        (words["lender_role"], facts["lender"]),
        (words["merchant_role"], words["merchant_value"]),
        (words["consumer_role"], words["consumer_value"]),
        (words["checkout_number"], words["checkout_value"]),
    ]


def _loan_rows(
    terms: Terms, words: Mapping[str, Any], facts: Mapping[str, str], costs: Costs, language: str
) -> list[tuple[str, str]]:
    rows = [
        (words["goods"], terms.text("goods", LINE)),
        (words["amount"], money_text(terms.money("amount", costs.principal.currency))),
        (words["principal"], facts["principal"]),
    ]
    if language == "zh-CN" and costs.principal.currency == "CNY":
        rows.append((words["principal_in_words"], yuan_in_words(costs.principal)))
    if terms.has("annual_rate"):
        rows.append((words["annual_rate"], exact_percent_text(terms.rate("annual_rate"))))
    rows.append((words["annual_cost_name"], facts["annual_cost"]))
    rows.append((words["method"], terms.text("method_name", NAME)))
    return rows


def _installment(row: Row, language: str) -> dict[str, str]:
    return {
        "number": str(row.number),
        "due_on": short_date_text(row.due_on, language),
        "principal": money_text(row.principal),
        "interest": money_text(row.interest),
        "fee": money_text(row.fee),
        "total": money_text(row.total),
    }


def _bars(rows: tuple[Row, ...]) -> list[dict[str, Any]]:
    """Return each installment's bar, in thousandths of the tallest; every label that has room."""
    tallest = max(max(row.principal.minor + row.interest.minor for row in rows), 1)
    step = -(-len(rows) // CHART_LABELS)
    return [
        {
            "principal": row.principal.minor * 1000 // tallest,
            "interest": row.interest.minor * 1000 // tallest,
            "label": str(row.number) if index % step == 0 else "",
        }
        for index, row in enumerate(rows)
    ]
