"""A complaint: what a person says went wrong, and by when they get an answer."""

import unicodedata
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from merchant_server.domain.errors import RuleRefused
from merchant_server.domain.secret import Secret

# 银行业保险业消费投诉处理管理办法 (CBIRC 2020 no. 3) art. 24: fifteen days where the facts are clear.
ANSWER_DAYS = 15
TEXT_CHARACTERS_MAX = 2_000
OPEN_COMPLAINTS_MAX = 5
# What a person types may have line breaks; nothing else that is invisible and moves other text about.
_REFUSED = {"Cc", "Cf", "Cs", "Co"}
_ALLOWED = {"\n", "\u200d"}


@dataclass(frozen=True, slots=True)
class Complaint:
    """One complaint as stored. status: open | answered."""

    id: str
    consumer_id: str
    loan_id: str | None
    status: str
    text: Secret[str]
    created_at: datetime
    due_on: date


def complaint_text(typed: str) -> Secret[str]:
    """Return what was typed as it is kept. Raises RuleRefused when it is empty, too long, or holds hidden marks."""
    text = typed.replace("\r\n", "\n").strip()
    if not text:
        raise RuleRefused(
            "the complaint is empty", code="complaint_empty", field="text", hint="say what went wrong"
        )
    if len(text) > TEXT_CHARACTERS_MAX:
        raise RuleRefused(
            f"the complaint is longer than {TEXT_CHARACTERS_MAX} characters",
            code="complaint_too_long",
            field="text",
            hint="shorten it; you can write a second one",
            characters_max=TEXT_CHARACTERS_MAX,
        )
    if holds_hidden_marks(text):
        raise RuleRefused(
            "the complaint holds invisible control characters",
            code="complaint_unreadable",
            field="text",
            hint="type it anew, without pasting",
        )
    return Secret(text)


def holds_hidden_marks(text: str) -> bool:
    """Say whether a text holds characters that are invisible, or move other text about; line breaks are none."""
    return any(unicodedata.category(each) in _REFUSED and each not in _ALLOWED for each in text)


def answer_due_on(created_on: date) -> date:
    """Return the last day on which an answer is in time."""
    return created_on + timedelta(days=ANSWER_DAYS)
