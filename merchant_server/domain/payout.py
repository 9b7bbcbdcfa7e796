"""A payout: what a merchant is owed, on its way to the merchant's bank account. Money moves when the bank says so."""

import re
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum

from fenqi.finance.money import Money

from merchant_server.domain.errors import RuleRefused
from merchant_server.domain.machine import Machine

PAYOUT_DAYS_DEFAULT = 1
PAYOUT_DAYS_MAX, RESERVE_DAYS_MAX, WHOLE_BPS = 60, 720, 10_000
HOUSE, MERCHANT, LENDER = "house", "merchant", "lender:"
# Answers after which the next payout would fail as well: payouts wait until the account is set anew.
FINAL_CODES = frozenset({"account_closed", "account_unknown", "account_frozen", "name_mismatch"})
_ACCOUNT = re.compile(r"[A-Za-z][A-Za-z0-9_-]{3,63}")


class PayoutStatus(StrEnum):
    """Where a payout stands."""

    PENDING = "pending"
    PAID = "paid"
    FAILED = "failed"


_P = PayoutStatus
PAYOUT_MACHINE = Machine("payout", _P.PENDING, {_P.PENDING: (_P.PAID, _P.FAILED), _P.PAID: (), _P.FAILED: ()})


@dataclass(frozen=True, slots=True)
class Payout:
    """One payout as stored; `id` is the reference the bank knows it by, `payout_on` the merchant's date."""

    id: str
    merchant_id: str
    mode: str
    status: PayoutStatus
    version: int
    amount: Money
    account: str = field(repr=False)
    payout_on: date
    created_at: datetime
    settled_at: datetime | None = None
    code: str = ""

    def to(self, status: PayoutStatus, at: datetime, *, code: str = "") -> "Payout":
        """Return it one transition later, or raise TransitionNotAllowed."""
        checked = PAYOUT_MACHINE.check(self.status, status)
        return replace(self, status=checked, version=self.version + 1, settled_at=at, code=code)


@dataclass(frozen=True, slots=True)
class SettlementTerms:
    """What one merchant agreed: T+n workdays, a minimum, a rolling reserve, whose money its loans are.

    `funder` is house, merchant or lender:<id>. `paused_code` is why the bank refused the account; payouts wait.
    Raises RuleRefused for terms out of range.
    """

    merchant_id: str
    version: int
    payout_account: str | None = field(repr=False)
    payout_days: int
    minimum: Money
    reserve_bps: int
    reserve_days: int
    funder: str
    next_payout_on: date
    paused_code: str = ""

    def __post_init__(self) -> None:
        account = self.payout_account
        bounds = (
            (
                "payout_account",
                account is None or bool(_ACCOUNT.fullmatch(account)),
                "the bank's name for it",
            ),
            ("payout_days", 0 <= self.payout_days <= PAYOUT_DAYS_MAX, f"0 to {PAYOUT_DAYS_MAX}"),
            ("minimum", self.minimum.minor > 0, "at least one minor unit"),
            ("reserve_bps", 0 <= self.reserve_bps <= WHOLE_BPS, f"0 to {WHOLE_BPS}"),
            ("reserve_days", 0 <= self.reserve_days <= RESERVE_DAYS_MAX, f"0 to {RESERVE_DAYS_MAX}"),
            ("funder", is_funder(self.funder), "house, merchant or lender:<id>"),
        )
        for name, good, allowed in bounds:
            if not good:
                raise RuleRefused(
                    f"{name} is out of range",
                    code="settlement_terms_invalid",
                    field=name,
                    hint=f"use {allowed}",
                )

    @property
    def pays(self) -> bool:
        """Say whether payouts can be made: there is an account, and the bank has not refused it."""
        return self.payout_account is not None and not self.paused_code


def is_funder(text: str) -> bool:
    """Say whether a text names whose money a loan is."""
    return text in (HOUSE, MERCHANT) or (text.startswith(LENDER) and len(text) > len(LENDER))


@dataclass(frozen=True, slots=True)
class Lender:
    """Who funds loans; `interest_bps` is its share of the interest that consumers pay.

    It is paid to `account`, and its part of sales is drawn from there. `paused_code` is why the bank refused it.
    Raises RuleRefused for an account that is no name of one.
    """

    id: str
    name: str
    currency: str
    interest_bps: int
    created_at: datetime
    account: str | None = field(default=None, repr=False)
    paused_code: str = ""

    def __post_init__(self) -> None:
        if self.account is not None and not _ACCOUNT.fullmatch(self.account):
            raise RuleRefused(
                "account is out of range",
                code="settlement_terms_invalid",
                field="account",
                hint="use the bank's name for it",
            )

    @property
    def settles(self) -> bool:
        """Say whether money can be moved: there is an account, and the bank has not refused it."""
        return self.account is not None and not self.paused_code
