"""Write offers as plain HTML, the same elements and text that the script draws. Computes nothing."""

import json
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from .figures import date_text, money_text, payments_text, period_text, rate_text, row_money_text
from .texts import TEXTS

OfferData = Mapping[str, Any]


def chunk(text: str, name: str = "") -> str:
    """Return text as an isolated run, so that it keeps its own direction on a right-to-left page."""
    return f'<bdi class="fo-{name}">{escape(text)}</bdi>' if name else f"<bdi>{escape(text)}</bdi>"


def data_script(offers: Sequence[OfferData]) -> str:
    """Return the offers as a JSON data block; no character in it can end the element or start another."""
    text = json.dumps(offers, ensure_ascii=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return f'<script type="application/json">{text}</script>'


def list_html(
    offers: Sequence[OfferData], language: str, *, field: str, selected: str | None, lender: str
) -> str:
    """Return the whole choice: heading line, one card an offer, legal sentences."""
    words = TEXTS[language]
    if not offers:
        return f'<div class="fo" lang="{language}"><p class="fo-message">{escape(words["empty"])}</p></div>'
    cards = "".join(_card(offer, language, lender, _radio(offer, field, selected)) for offer in offers)
    group = f'<div class="fo-plans" role="radiogroup" aria-label="{escape(words["group"])}">{cards}</div>'
    return _frame(offers, language, group)


def single_html(offer: OfferData, language: str, lender: str) -> str:
    """Return one offer in full, with nothing to choose and its schedule open."""
    card = _card(offer, language, lender, "")
    return _frame([offer], language, f'<div class="fo-plans">{card}</div>')


def legal_text(offers: Sequence[OfferData], language: str) -> str:
    """Return what the offers' disclosure packs ask to say, each once, then that this is an estimate."""
    words = TEXTS[language]
    packs = dict.fromkeys(_pack(offer) for offer in offers)
    sentences = [words[f"legal_{pack}"] for pack in packs] + [words["legal_estimate"]]
    return (" " if language == "en" else "").join(sentences)


def _frame(offers: Sequence[OfferData], language: str, body: str) -> str:
    title = chunk(TEXTS[language]["title"], "title")
    amount = chunk(money_text(offers[0]["amount"], language), "amount")
    legal = chunk(legal_text(offers, language))
    head = f'<p class="fo-head">{title} {amount}</p>'
    return f'<div class="fo" lang="{language}">{head}{body}<p class="fo-legal">{legal}</p></div>'


def _radio(offer: OfferData, field: str, selected: str | None) -> str:
    plan_id = str(offer["plan"]["id"])
    checked = " checked" if plan_id == selected else ""
    return f'<input class="fo-radio" type="radio" name="{escape(field)}" value="{escape(plan_id)}"{checked}>'


def _card(offer: OfferData, language: str, lender: str, radio: str) -> str:
    words, plan, count = TEXTS[language], offer["plan"], len(offer["installments"])
    payments, odd = payments_text(offer, language)
    name = str(plan.get("name") or words["count_one" if count == 1 else "count"].format(n=count))
    down, first = offer["down_payment"], ""
    if down["minor"]:
        first = f"{words['term_down_payment']} {money_text(down, language)}"
    meta = [name, period_text(str(plan.get("period") or "month"), language), first, odd]
    rate = words[_yearly(offer)].format(rate=rate_text(offer["annual_cost"]))
    cost = words["cost"].format(money=money_text(offer["total_cost"], language))
    payable = words["payable"].format(money=money_text(offer["total_payable"], language))
    tag, opened = ("label", "") if radio else ("div", " open")
    return (
        f'<div class="fo-plan"><{tag} class="fo-choice">{radio}{chunk(payments, "payments")} '
        f'{chunk(rate, "rate")} <span class="fo-meta">{" ".join(chunk(text) for text in meta if text)}</span>'
        f'</{tag}><details class="fo-more"{opened}><summary class="fo-summary">'
        f'<span class="fo-sums">{chunk(cost)} {chunk(payable)}</span> '
        f'<span class="fo-open">{escape(words["open"])}</span></summary>'
        f"{_terms(offer, language, lender)}{_schedule(offer, language)}</details></div>"
    )


def _terms(offer: OfferData, language: str, lender: str) -> str:
    words, plan = TEXTS[language], offer["plan"]
    method = str(plan.get("method") or "equal_installments")
    before = "_before" if plan.get("subsidy_bps") else ""
    financed = plan.get("up_front_fee") == "financed"
    fee = {"minor": plan.get("installment_fee_minor"), "currency": offer["amount"]["currency"]}

    def money(value: Mapping[str, Any] | None) -> str:
        return money_text(value, language) if value and value["minor"] else ""

    rows = [
        ("amount", money_text(offer["amount"], language)),
        ("down_payment", money(offer["down_payment"])),
        ("method", words.get(method, method)),
        (f"annual_rate{before}", _rate_or_nothing(plan, "annual_rate")),
        ("fee_rate", _rate_or_nothing(plan, "fee_rate")),
        ("up_front_paid", money(offer.get("up_front_fee"))),
        ("up_front_financed", _rate_or_nothing(plan, "up_front_fee_rate") if financed else ""),
        ("installment_fee", money(fee)),
        ("cost", money_text(offer["total_cost"], language)),
        ("payable", money_text(offer["total_payable"], language)),
        (_yearly(offer), rate_text(offer["annual_cost"])),
        ("cash_back", money(offer.get("cash_back"))),
        ("early", _charge(plan, "early_settlement_fee_rate", words["early"], words)),
        ("late", _charge(plan, "penalty_annual_rate", words["late"], words)),
        ("lender", lender),
    ]
    lines = "".join(
        f'<div class="fo-term"><dt>{escape(words[f"term_{key}"])}</dt> <dd>{chunk(text)}</dd></div>'
        for key, text in rows
        if text
    )
    return f'<dl class="fo-terms">{lines}</dl>'


def _schedule(offer: OfferData, language: str) -> str:
    words, rows = TEXTS[language], offer["installments"]
    parts = ["principal", "interest"] + ["fee"] * any(row["fee"] for row in rows)
    head = " ".join(
        f'<th role="columnheader" scope="col" class="fo-{key}">{escape(words[key])}</th>'
        for key in ("number", "due_on", *parts, "total")
    )
    lines = "".join(f'<tr role="row">{_row(offer, row, parts, language)}</tr>' for row in rows)
    return (
        f'<table class="fo-schedule" role="table" aria-label="{escape(words["schedule"])}">'
        f'<thead role="rowgroup"><tr role="row">{head}</tr></thead>'
        f'<tbody role="rowgroup">{lines}</tbody></table>'
    )


def _row(offer: OfferData, row: Mapping[str, Any], parts: Sequence[str], language: str) -> str:
    words = TEXTS[language]
    cells = [
        f'<th role="rowheader" scope="row" class="fo-number">{int(row["number"])}</th>',
        f'<td role="cell" class="fo-due_on">{chunk(date_text(row["due_on"], language))}</td>',
    ]
    for key in (*parts, "total"):
        label = "" if key == "total" else f' data-label="{escape(words[key])}"'
        money = chunk(row_money_text(offer, row, key, language))
        cells.append(f'<td role="cell" class="fo-{key}"{label}>{money}</td>')
    return " ".join(cells)


def _rate_or_nothing(plan: Mapping[str, Any], key: str) -> str:
    text = str(plan.get(key) or "0")
    return rate_text(text, exact=True) if text.strip("0.") else ""


def _charge(plan: Mapping[str, Any], key: str, sentence: str, words: Mapping[str, str]) -> str:
    """Return what early settlement or late payment costs under a plan, in words."""
    rate = _rate_or_nothing(plan, key)
    return sentence.format(rate=rate) if rate else words["nothing"]


def _pack(offer: OfferData) -> str:
    pack = str(offer["plan"].get("disclosure") or "CN")
    return pack if f"legal_{pack}" in TEXTS["en"] else "CN"


def _yearly(offer: OfferData) -> str:
    return "yearly" if _pack(offer) == "CN" else "apr"
