"""A complaint: what a person says went wrong, by when they get an answer, and the answer."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum

from merchant_server.domain.errors import RuleRefused
from merchant_server.domain.machine import Machine
from merchant_server.domain.secret import Secret

# 银行业保险业消费投诉处理管理办法 (CBIRC 2020 no. 3) art. 24: fifteen days where the facts are clear.
ANSWER_DAYS = 15
TEXT_CHARACTERS_MAX = 2_000
OPEN_COMPLAINTS_MAX = 5
# What a person types may have line breaks; nothing else that is invisible and moves other text about.
_REFUSED = {"Cc", "Cf", "Cs", "Co"}
_ALLOWED = {"\n", "\u200d"}


class ComplaintStatus(StrEnum):
    """Where a complaint stands."""

    OPEN = "open"
    ANSWERED = "answered"


COMPLAINT_MACHINE = Machine(
    "complaint",
    ComplaintStatus.OPEN,
    {ComplaintStatus.OPEN: (ComplaintStatus.ANSWERED,), ComplaintStatus.ANSWERED: ()},
)


@dataclass(frozen=True, slots=True)
class ComplaintAnswer:
    """What was answered, by whom: a text in each language tag that it was written in, at least one."""

    texts: Mapping[str, Secret[str]]
    at: datetime
    by: str

    def text_for(self, language: str) -> Secret[str]:
        """Return the text in a language, or in the one that there is."""
        return self.texts.get(language) or next(iter(self.texts.values()))


@dataclass(frozen=True, slots=True)
class Complaint:
    """One complaint as stored."""

    id: str
    consumer_id: str
    loan_id: str | None
    status: ComplaintStatus
    text: Secret[str]
    created_at: datetime
    due_on: date
    answer: ComplaintAnswer | None = None

    def answered(self, texts: Mapping[str, str], *, at: datetime, by: str) -> "Complaint":
        """Return it answered and closed. Raises TransitionNotAllowed when it was, RuleRefused for what is no text."""
        status = COMPLAINT_MACHINE.check(self.status, ComplaintStatus.ANSWERED)
        given = {language: text for language, text in texts.items() if text.strip()} or {"": ""}
        written = {language: complaint_text(text, "answer") for language, text in given.items()}
        return replace(self, status=status, answer=ComplaintAnswer(written, at, by))


def complaint_text(typed: str, field: str = "text") -> Secret[str]:
    """Return what was typed as it is kept. Raises RuleRefused when it is empty, too long, or holds hidden marks."""
    text = typed.replace("\r\n", "\n").strip()
    if not text:
        raise RuleRefused(
            "the text is empty", code="complaint_empty", field=field, hint="say it in a few words"
        )
    if len(text) > TEXT_CHARACTERS_MAX:
        raise RuleRefused(
            f"the text is longer than {TEXT_CHARACTERS_MAX} characters",
            code="complaint_too_long",
            field=field,
            hint="shorten it; you can write a second one",
            characters_max=TEXT_CHARACTERS_MAX,
        )
    if any(unicodedata.category(each) in _REFUSED and each not in _ALLOWED for each in text):
        raise RuleRefused(
            "the text holds invisible control characters",
            code="complaint_unreadable",
            field=field,
            hint="type it anew, without pasting",
        )
    return Secret(text)


def answer_due_on(created_on: date) -> date:
    """Return the last day on which an answer is in time."""
    return created_on + timedelta(days=ANSWER_DAYS)
