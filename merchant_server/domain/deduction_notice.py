"""A notice: what a consumer is told some days before an installment is deducted. It names no person."""

import re
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from fenqi.finance.money import Money

_TAIL = re.compile(r"(?<!\d)(\d{4})(?!\d)")
TEXTS = {
    "zh-CN": "【{shop}】{day} 将从您尾号 {tail} 的账户扣款 {amount}，请预留余额。",
    "en": "[{shop}] {amount} will be deducted from your account ending in {tail} on {day}. Please keep it covered.",
}


class NoticeStatus(StrEnum):
    """What became of a notice. `dropped`: the day, the amount or the debt had changed before it was sent."""

    REQUESTED = "requested"
    SENT = "sent"
    REFUSED = "refused"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class DeductionNotice:
    """One notice as stored; `id` is the reference that the gateway knows it by."""

    id: str
    merchant_id: str
    loan_id: str
    installment_number: int
    collect_on: date
    amount: Money
    status: NoticeStatus
    created_at: datetime

    def text(self, *, shop: str, account_label: str, language: str, day: date) -> str:
        """Return what is sent: amount, day and the last digits of the account, nothing about the person."""
        found = _TAIL.search(account_label)
        words = TEXTS.get(language, TEXTS["zh-CN"])
        return words.format(
            shop=shop, amount=self.amount, day=day.isoformat(), tail=found[1] if found else "****"
        )
