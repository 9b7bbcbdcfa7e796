"""Repositories of the settlement: payouts, terms, statements, bank files; and what the bank answers about payouts."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol

from fenqi.finance.money import Money

from merchant_server.domain.accrual import AccruingRow, DailyClose
from merchant_server.domain.cash_back import CashBack
from merchant_server.domain.payout import Lender, Payout, SettlementTerms
from merchant_server.domain.reconciliation import BankLine, OurRow
from merchant_server.domain.statement import Movement, Statement
from merchant_server.domain.transfer import Transfer, TransferKind


@dataclass(frozen=True, slots=True)
class BankPayout:
    """The bank's view of a payout. status: pending | paid | failed | unknown (never heard of it)."""

    reference: str
    status: str
    code: str = ""
    amount: Money | None = None


class StatementPrinter(Protocol):
    """Statements as PDF."""

    def render_statement(self, statement: Statement, *, language: str, printed_at: datetime) -> bytes:
        """Return the PDF in zh-CN or en."""
        ...


class Payouts(Protocol):
    """What merchants are paid."""

    def unpaid(
        self, merchant_id: str, account: str, currency: str, ripe_before: date
    ) -> list[tuple[str, Money]]:
        """Return (entry id, what it owes the merchant) of every ripe entry that no payout has, oldest first."""
        ...

    def add(self, payout: Payout, lines: list[tuple[str, Money]], ask_at: datetime) -> None:
        """Store a new payout with its lines and its first transition, before the bank is asked."""
        ...

    def get(self, payout_id: str) -> Payout | None:
        """Return the payout, locked for this transaction where the engine can, or None."""
        ...

    def find(self, payout_id: str) -> Payout | None:
        """Return the payout as this snapshot has it, or None."""
        ...

    def page(
        self, merchant_id: str, mode: str, *, before: str | None, limit: int, status: str | None
    ) -> list[Payout]:
        """Return up to `limit` of a merchant's payouts, newest first, older than `before`."""
        ...

    def claim_to_ask(self, now: datetime, until: datetime, limit: int) -> list[Payout]:
        """Claim payouts whose bank is to be asked now, and put off asking again until `until`."""
        ...

    def pending(self, merchant_id: str) -> int:
        """Return how many of a merchant's payouts wait for the bank."""
        ...

    def save(self, payout: Payout, was: Payout, at: datetime) -> None:
        """Store a transition; raises TransitionConflict when somebody else moved it first."""
        ...

    def keep_back(self, entry_id: str, merchant_id: str, amount: Money, release_on: date) -> None:
        """Note when a reserve is to be released."""
        ...

    def to_release(self, merchant_id: str, today: date, limit: int) -> list[tuple[str, Money]]:
        """Return (entry id, amount) of reserves whose time is over, oldest first."""
        ...

    def released(self, entry_id: str, at: datetime) -> None:
        """Note that a reserve was released; raises TransitionConflict when somebody else did so first."""
        ...


class Settlements(Protocol):
    """Who is paid how, and whose money loans are."""

    def terms(self, merchant_id: str, *, locked: bool = False) -> SettlementTerms | None:
        """Return a merchant's terms, `locked` for this transaction where the engine can, or None."""
        ...

    def put_terms(self, terms: SettlementTerms, was: SettlementTerms | None) -> None:
        """Store new or changed terms; raises TransitionConflict when somebody else changed them first."""
        ...

    def add_lender(self, lender: Lender) -> None:
        """Store a new lender."""
        ...

    def lender(self, lender_id: str) -> Lender | None:
        """Return the lender, or None."""
        ...

    def save_lender(self, lender: Lender) -> None:
        """Store a lender's share, account and pause anew."""
        ...

    def lenders_of(self, merchant_id: str) -> list[Lender]:
        """Return the lenders whose money is in a merchant's loans."""
        ...

    def moved_for(self, account: str, merchant_id: str, currency: str) -> Money:
        """Return an account's balance in one merchant's books; where parts of it are owed to us it is positive."""
        ...

    def set_plan_funder(self, merchant_id: str, mode: str, plan_id: str, funder: str | None) -> bool:
        """Say whose money a plan's loans are, unlike its merchant's others; say whether there is such a plan."""
        ...

    def funder_of_plan(self, merchant_id: str, mode: str, plan_id: str) -> str:
        """Return whose money loans of a plan are: the plan's own word, its merchant's, else the house's."""
        ...

    def fund(self, loan_id: str, merchant_id: str, funder: str, interest_bps: int) -> None:
        """Fix whose money a loan is; later captures of the same loan change nothing."""
        ...

    def funder_of_loan(self, loan_id: str) -> str:
        """Return whose money a loan is; the house's until a capture says otherwise."""
        ...

    def cash_back(self, loan_id: str) -> CashBack | None:
        """Return what is booked of a loan's cash-back, or None before any was."""
        ...

    def put_cash_back(self, cash_back: CashBack, was: CashBack | None) -> None:
        """Store new or changed cash-back; raises TransitionConflict when somebody else changed it first."""
        ...

    def unshared(self, limit: int) -> list[dict[str, Any]]:
        """Return entries about funded loans that were not shared with the funder yet, oldest first."""
        ...

    def shared(self, entry_id: str, merchant_id: str, share_entry_id: str | None) -> None:
        """Note that an entry was shared; Conflict when it was before."""
        ...

    def balance_before(self, account: str, currency: str, day: date) -> Money:
        """Return what an account owed its owner at the beginning of a day."""
        ...

    def movements(self, account: str, currency: str, first: date, last: date) -> list[Movement]:
        """Return what changed an account from one day to another, both within, oldest first."""
        ...

    def movements_of_payout(self, account: str, payout_id: str) -> list[Movement]:
        """Return what a payout is made of, oldest first."""
        ...


class Transfers(Protocol):
    """Money to consumers, and to and from lenders."""

    def add(self, transfer: Transfer, ask_at: datetime) -> None:
        """Store a new transfer, before the bank is asked; Conflict while another one of its kind is under way."""
        ...

    def get(self, transfer_id: str) -> Transfer | None:
        """Return the transfer, locked for this transaction where the engine can, or None."""
        ...

    def of_owner(self, owner_id: str, merchant_id: str | None = None) -> list[Transfer]:
        """Return a consumer's or a lender's transfers, oldest first."""
        ...

    def of_loan(self, loan_id: str) -> list[Transfer]:
        """Return a loan's transfers, oldest first."""
        ...

    def under_way(self, merchant_id: str, owner_id: str, kind: TransferKind) -> bool:
        """Say whether such a transfer waits for the bank."""
        ...

    def claim_to_ask(self, now: datetime, until: datetime, limit: int) -> list[Transfer]:
        """Claim transfers whose bank is to be asked now, and put off asking again until `until`."""
        ...

    def pending(self, merchant_id: str) -> int:
        """Return how many of a merchant's transfers, and of its refunds' money, wait for the bank."""
        ...

    def save(self, transfer: Transfer, was: Transfer) -> None:
        """Store a transition; raises TransitionConflict when somebody else moved it first."""
        ...

    def returnable(self, loan_id: str) -> Money:
        """Return what came in for a loan, pays nothing and is not on its way back; below zero when we are owed."""
        ...

    def to_return(self, merchant_id: str, kept_until: date) -> list[str]:
        """Return ids of loans whose kept money has not moved after a day, and that no bank refused for good."""
        ...

    def ways_back(self, loan_id: str) -> list[tuple[str, Money]]:
        """Return by which mandates and payments money came that paid nothing, newest first, and what may go back so."""
        ...


class BankFiles(Protocol):
    """The bank's settlement files, each line once."""

    def known(self, digest: str) -> bool:
        """Say whether a file with these bytes was read before."""
        ...

    def add(
        self, digest: str, gateway_account: str, covers_on: date, at: datetime, good: int, bad: int
    ) -> None:
        """Store that a file was read; Conflict when it was before."""
        ...

    def add_line(self, gateway_account: str, digest: str, line: BankLine) -> bool:
        """Store one line; say False when an earlier line of any file was about the same thing."""
        ...

    def told(self, gateway_account: str, digest: str, lines: Iterable[BankLine]) -> set[tuple[str, str]]:
        """Return (kind, reference) of these lines that another file told before."""
        ...

    def told_of(self, gateway_account: str, references: Iterable[str]) -> set[tuple[str, str]]:
        """Return (kind, reference) of what any file told about these references."""
        ...

    def ours(self, gateway_account: str, references: Iterable[str]) -> dict[str, OurRow]:
        """Return our own rows by reference; what is not ours is left out."""
        ...

    def settled(self, gateway_account: str, first: datetime, last: datetime) -> list[OurRow]:
        """Return our rows whose money was booked from one instant until before another."""
        ...


class Closes(Protocol):
    """Days whose books are closed."""

    def latest(self, merchant_id: str, *, hold: bool = False) -> DailyClose | None:
        """Return a merchant's last close, or None; with `hold` nobody else closes its books in this transaction."""
        ...

    def add(self, close: DailyClose, at: datetime) -> None:
        """Store a close; Conflict when the day was closed before."""
        ...

    def accruing(self, merchant_id: str, on: date) -> list[AccruingRow]:
        """Return the open installments of live loans whose period had begun before the end of a day."""
        ...


class SettlementWork(Protocol):
    """The part of a unit of work that settles."""

    @property
    def payouts(self) -> Payouts:
        """What merchants are paid."""
        ...

    @property
    def settlements(self) -> Settlements:
        """Who is paid how, and whose money loans are."""
        ...

    @property
    def transfers(self) -> Transfers:
        """Money to consumers, and to and from lenders."""
        ...

    @property
    def closes(self) -> Closes:
        """Days whose books are closed."""
        ...

    @property
    def bank_files(self) -> BankFiles:
        """What the bank's files said."""
        ...
