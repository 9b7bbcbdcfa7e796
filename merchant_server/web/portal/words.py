"""The desk's words in two languages. Its catalogue is texts/*/LC_MESSAGES/desk.po, apart from the consumer's pages."""

import re
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask_babel import Domain

from merchant_server.web.language import language_tag
from merchant_server.web.pages import TEXTS

CATALOGUE = Domain([str(TEXTS)], "desk")
SHORT_ID_LETTERS = 6
_CODE = re.compile(r"(?<!\d)\d{6}(?!\d)")
# Marks a text for the catalogue; it is said in the language of each request.
later = CATALOGUE.lazy_gettext

STATES: dict[str, Any] = {
    "active": later("active"),
    "overdue": later("overdue"),
    "repaid": later("repaid"),
    "written_off": later("written off"),
    "refunded": later("refunded"),
    "cancelled": later("cancelled"),
    "scheduled": later("scheduled"),
    "due": later("due"),
    "deducting": later("being deducted"),
    "paid": later("paid"),
    "waived": later("waived"),
    "replaced": later("replaced"),
    "pending": later("pending"),
    "requested": later("requested"),
    "succeeded": later("succeeded"),
    "settled": later("settled"),
    "open": later("open"),
    "failed": later("failed"),
    "reversed": later("reversed"),
    "suspended": later("suspended"),
    "expired": later("expired"),
    "refused": later("refused"),
    "delivered": later("delivered"),
    "dropped": later("dropped by a fault"),
    "dead": later("given up"),
    "forged": later("forged"),
    "quarantined": later("quarantined"),
    "paused": later("not collected for now"),
}
GOOD = frozenset({"active", "repaid", "paid", "succeeded", "delivered"})
BAD = frozenset({"overdue", "failed", "reversed", "dead", "forged", "written_off", "refused"})
ACCOUNTS: dict[str, Any] = {
    "bank:cash": later("Money at the bank"),
    "loan:*:principal": later("Loans: principal owed"),
    "loan:*:interest": later("Loans: interest owed"),
    "loan:*:fee": later("Loans: fees owed"),
    "loan:*:penalty": later("Loans: penalties owed"),
    "merchant:*:held": later("Merchants: not yet captured"),
    "merchant:*:payable": later("Merchants: to pay out"),
    "income:interest:deferred": later("Interest not yet earned"),
    "income:interest:earned": later("Interest earned"),
    "income:fee:deferred": later("Fees not yet earned"),
    "income:fee:earned": later("Fees earned"),
    "income:penalty:deferred": later("Penalties not yet paid"),
    "income:penalty:earned": later("Penalties paid"),
    "income:recovery": later("Money for loans written off"),
    "loss:credit": later("Principal written off"),
    "income:merchant_fee": later("Fees from merchants"),
    "consumer:*:refundable": later("Consumers: to give back"),
    "consumer:*:returning": later("Consumers: on its way back"),
    "merchant:*:payout": later("Merchants: on the way to their banks"),
    "merchant:*:reserve": later("Merchants: kept in reserve"),
    "merchant:*:funded": later("Merchants: own money in loans"),
    "lender:*:funded": later("Lenders: money in loans"),
    "lender:*:payable": later("Lenders: to remit"),
    "lender:*:payout": later("Lenders: on the way to their banks"),
    "lender:*:receivable": later("Lenders: to draw"),
    "lender:*:drawing": later("Lenders: on its way to us"),
    "brand:*:receivable": later("Brands: subsidies owed to us"),
    "income:subsidy": later("Interest that others bear"),
    "loss:cash_back": later("Cash-back that the house bears"),
}
PARTS: dict[str, Any] = {
    "principal": later("principal"),
    "interest": later("interest"),
    "fee": later("fee"),
    "penalty": later("penalty"),
    "held": later("held"),
    "payable": later("payable"),
    "refundable": later("refundable"),
    "returning": later("on its way back"),
    "payout": later("on its way"),
    "reserve": later("reserve"),
    "funded": later("in loans"),
    "receivable": later("receivable"),
    "drawing": later("on its way to us"),
}
NOUNS: dict[str, Any] = {
    "loan": later("loan"),
    "merchant": later("merchant"),
    "consumer": later("consumer"),
    "lender": later("lender"),
    "brand": later("brand"),
}
ENTRIES: dict[str, Any] = {
    "signing": later("Agreement signed"),
    "capture": later("Sale captured"),
    "repayment": later("Repayment"),
    "reversal": later("Reversal"),
    "refund": later("Refund: owed no more"),
    "refund_money": later("Refund: to give back"),
    "money_back": later("Money sent back"),
    "void": later("Called off: owed no more"),
    "early_settlement": later("Early settlement: owed no more"),
    "prepayment": later("Paid ahead: owed no more"),
    "penalty": later("Penalty"),
    "waiver": later("Waived"),
    "extension": later("Extended"),
    "deduction_day": later("Day of deduction moved"),
    "hardship": later("Individual plan"),
    "write_off": later("Written off"),
    "schedule_restored": later("Owed again"),
    "money_return": later("Kept money: on its way back"),
    "money_return_succeeded": later("Kept money: sent back"),
    "money_return_failed": later("Kept money: kept again"),
    "lender_payout": later("Lender's payout begun"),
    "lender_payout_succeeded": later("Lender's payout paid"),
    "lender_payout_failed": later("Lender's payout returned"),
    "lender_drawing": later("Drawing on a lender begun"),
    "lender_drawing_succeeded": later("Drawing on a lender paid"),
    "lender_drawing_failed": later("Drawing on a lender failed"),
    "subsidy": later("Subsidy"),
    "cash_back": later("Cash-back"),
    "cash_back_taken": later("Cash-back taken back"),
    "funding": later("Sale funded"),
    "share": later("Shared with the funder"),
    "reserve": later("Kept in reserve"),
    "reserve_release": later("Reserve released"),
    "payout": later("Payout begun"),
    "payout_paid": later("Payout paid"),
    "payout_failed": later("Payout returned"),
    "accrual": later("Interest of the day"),
}
PHONES: dict[str, Any] = {
    "refused": later("takes no messages"),
    "down": later("the SMS gateway is down"),
    "slow": later("the SMS gateway answers too late"),
    "lost": later("messages never arrive"),
    "delivered_twice": later("messages arrive twice"),
    "accepted_then_down": later("messages arrive, and the gateway says it is down"),
}
# Reasons of the providers are English; these are the ones that a visitor can bring about.
REASONS: dict[str, Any] = {
    "the signature does not match": later("the signature does not match"),
    "reference": later("we never asked for this"),
    "amount": later("another amount"),
    "currency": later("another currency"),
    "mandate": later("another mandate"),
    "gateway_account": later("another account of ours"),
    "mode": later("another mode"),
    "kind": later("an unknown kind"),
    "outcome": later("another outcome than before"),
}


def say(text: str, **values: Any) -> str:
    """Return a text of the desk in the request's language, with `%(name)s` filled in."""
    return str(CATALOGUE.gettext(text, **values))


def state_words(state: str) -> str:
    """Return a state in words; one that has none yet is shown as it is."""
    return str(STATES.get(state, state))


def state_mood(state: str) -> str:
    """Return how a state looks: good, bad or calm."""
    return "good" if state in GOOD else "bad" if state in BAD else "calm"


def reason_words(reason: str) -> str:
    """Return why a callback was turned away; a reason that has no words yet is shown as it is."""
    return ", ".join(str(REASONS.get(part, part)) for part in reason.split(", "))


def short_id(long_id: str) -> str:
    """Return the end of an id, enough to recognise it."""
    return "…" + long_id[-SHORT_ID_LETTERS:]


def kind_words(kind: str) -> str:
    """Return the name of a kind of account."""
    return str(ACCOUNTS.get(kind, kind))


def account_words(account: str) -> str:
    """Return the name of one account, with the end of the id that it belongs to."""
    noun, _, rest = account.partition(":")
    owner, _, part = rest.rpartition(":")
    if noun in NOUNS and owner:
        return f"{NOUNS[noun]} {short_id(owner)} · {PARTS.get(part, part)}"
    return kind_words(account)


def entry_words(kind: str) -> str:
    """Return what a journal entry books."""
    return str(ENTRIES.get(kind, kind))


def code_in(text: str) -> str:
    """Return the six digits that a text message carries, or nothing."""
    found = _CODE.search(text)
    return found.group() if found else ""


def phone_words(phone: str) -> str:
    """Return a Chinese mobile number in groups, any other as it is."""
    if phone.startswith("+86") and len(phone) == 14:
        return f"{phone[3:6]} {phone[6:10]} {phone[10:]}"
    return phone


def bank_account(label: str) -> str:
    """Return a masked account without the remark that the sandbox puts behind it."""
    return label.partition("（")[0]


def day_of(moment: datetime, time_zone: str) -> date:
    """Return the date that a time falls on there."""
    return moment.astimezone(ZoneInfo(time_zone)).date()


def meaning(value: Any) -> str:
    """Return what a magic value does, in the request's language."""
    if value.kind == "phone":
        return str(PHONES.get(value.meaning, value.meaning))
    return str(value.meaning_zh if language_tag() == "zh-CN" else value.meaning)


TEMPLATE_WORDS = {
    "say": say,
    "state_words": state_words,
    "state_mood": state_mood,
    "reason_words": reason_words,
    "short_id": short_id,
    "kind_words": kind_words,
    "account_words": account_words,
    "entry_words": entry_words,
    "code_in": code_in,
    "phone_words": phone_words,
    "bank_account": bank_account,
    "day_of": day_of,
    "meaning": meaning,
}
