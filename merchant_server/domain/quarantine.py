"""A quarantined callback: the bank did sign it, but it is not what we asked for, so it changed nothing. Pure rules."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fenqi.finance.money import Money

from merchant_server.domain.complaint import holds_hidden_marks
from merchant_server.domain.deduction import Deduction
from merchant_server.domain.errors import RuleRefused

NOTE_CHARACTERS = (5, 500)
# What of a callback's bytes is shown beside our own request; it names nobody.
SHOWN_FIELDS = ("status", "reference", "mandate_reference", "gateway_account", "mode")
# Which differences each shown field can have.
DIFFERENCES_IN = {"amount": {"amount", "currency"}, "mandate_reference": {"mandate"}, "status": {"kind"}}


@dataclass(frozen=True, slots=True)
class QuarantinedCallback:
    """One callback as stored; `differences` are the fields that are not as in our request, or why it is unreadable."""

    gateway_account: str
    event_id: str
    received_at: datetime
    reference: str
    differences: tuple[str, ...]
    body: str
    deduction: Deduction | None

    def differs_in(self, field: str) -> bool:
        """Say whether a field of `told` is not as in our request."""
        return bool(DIFFERENCES_IN.get(field, {field}) & set(self.differences))

    def told(self) -> dict[str, str | Money]:
        """Return what the bank said, field by field; nothing when its bytes are not as agreed."""
        try:
            found: Any = json.loads(self.body)
            told: dict[str, str | Money] = {name: str(found[name]) for name in SHOWN_FIELDS}
            return told | {"amount": Money(found["amount"]["minor"], found["amount"]["currency"])}
        except (ValueError, TypeError, KeyError):
            return {}

    def asked(self) -> dict[str, str | Money]:
        """Return what we had asked for, by the same names; nothing when we never asked."""
        if self.deduction is None:
            return {}
        return {
            "status": self.deduction.status.value,
            "reference": self.deduction.id,
            "mandate_reference": self.deduction.mandate_id,
            "gateway_account": self.deduction.gateway_account,
            "mode": self.deduction.mode,
            "amount": self.deduction.amount,
        }


def handling_note(typed: str) -> str:
    """Return what was done about it as it is kept. Raises RuleRefused (handling_note_invalid)."""
    text, (shortest, longest) = " ".join(typed.split()), NOTE_CHARACTERS
    if not shortest <= len(text) <= longest or holds_hidden_marks(text):
        raise RuleRefused(
            f"a note has {shortest} to {longest} visible characters",
            code="handling_note_invalid",
            field="note",
            hint="say what was done about it, without personal data",
        )
    return text
