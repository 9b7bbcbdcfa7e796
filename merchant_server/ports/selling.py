"""Repositories of the sale: merchants, checkouts, consumers, agreements."""

from datetime import date, datetime
from typing import Protocol

from fenqi.finance.money import Money
from fenqi.finance.plan import Plan

from merchant_server.domain.agreement import Agreement
from merchant_server.domain.checkout import Checkout
from merchant_server.domain.code import Code
from merchant_server.domain.consumer import Applicant, Consumer, CreditLine, History
from merchant_server.domain.merchant import ApiKey, ClockState, Merchant, Store, Till


class Merchants(Protocol):
    """Who sells, and on which terms."""

    def add(self, merchant: Merchant) -> None:
        """Store a new merchant."""
        ...

    def get(self, merchant_id: str) -> Merchant | None:
        """Return the merchant, or None."""
        ...

    def foresee(self, merchant_id: str, plans_of: str | None = None) -> None:
        """Say that a merchant and its time will be asked for, and its plans of a mode if one is named."""
        ...

    def all(self) -> list[Merchant]:
        """Return every merchant, oldest first."""
        ...

    def add_store(self, store: Store) -> None:
        """Store a new store."""
        ...

    def stores(self, merchant_id: str) -> list[Store]:
        """Return a merchant's stores, oldest first."""
        ...

    def save_store(self, store: Store) -> None:
        """Store a store's name and status as they are now."""
        ...

    def add_till(self, till: Till) -> None:
        """Store a new till."""
        ...

    def save_till(self, till: Till) -> None:
        """Store a till's name and status as they are now."""
        ...

    def tills(self, merchant_id: str) -> list[Till]:
        """Return a merchant's tills, oldest first."""
        ...

    def add_key(self, key: ApiKey, key_hash: str) -> None:
        """Store a new key by its hash."""
        ...

    def key_by_hash(self, key_hash: str) -> ApiKey | None:
        """Return the key with this hash, revoked or not, or None."""
        ...

    def key(self, key_id: str) -> ApiKey | None:
        """Return the key with this id, revoked or not, or None."""
        ...

    def keys(self, merchant_id: str, mode: str | None = None) -> list[ApiKey]:
        """Return a merchant's keys, revoked ones too, newest first; of both modes when none is named."""
        ...

    def revoke_key(self, key_id: str, at: datetime) -> bool:
        """Revoke a key; say whether there was a live one."""
        ...

    def end_key(self, key_id: str, at: datetime) -> bool:
        """Let a key live until `at` only; say whether there was a live one without an end."""
        ...

    def key_used(self, key_id: str, at: datetime) -> None:
        """Write when a key was last used."""
        ...

    def add_plan(self, merchant_id: str, mode: str, plan: Plan, at: datetime) -> None:
        """Store a new plan behind the merchant's others; Conflict when its id is taken."""
        ...

    def plan(self, merchant_id: str, mode: str, plan_id: str) -> Plan | None:
        """Return one of a merchant's plans, or None."""
        ...

    def plans(self, merchant_id: str, mode: str) -> list[Plan]:
        """Return a merchant's plans in the order they were made."""
        ...

    def clock_offset_seconds(self, merchant_id: str) -> int:
        """Return how far the merchant's test clock is ahead of wall time."""
        ...

    def clock_reading(self, merchant_id: str) -> tuple[int, int | None]:
        """Return how far ahead of wall time a merchant's test clock is, and how far ahead it is going."""
        ...

    def clock(self, merchant_id: str) -> ClockState:
        """Return a merchant's test clock, locked for this transaction where the engine can."""
        ...

    def send_clock(self, merchant_id: str, target_seconds: int | None, at: datetime) -> None:
        """Set where a merchant's test clock goes from now on; None when it has arrived."""
        ...

    def clocks_on_their_way(self) -> list[str]:
        """Return the merchants whose test clocks go somewhere."""
        ...

    def advance_clock(self, merchant_id: str, seconds: int) -> int:
        """Move the merchant's test clock forwards and return its new offset."""
        ...


class Checkouts(Protocol):
    """Attempts to pay one order."""

    def add(self, checkout: Checkout) -> None:
        """Store a new checkout with its first transition."""
        ...

    def get(self, checkout_id: str) -> Checkout | None:
        """Return the checkout, or None."""
        ...

    def by_token(self, token: str) -> Checkout | None:
        """Return the checkout behind a short link, or None."""
        ...

    def page(
        self,
        merchant_id: str,
        mode: str,
        *,
        before: str | None,
        limit: int,
        status: str | None,
        reference: str | None,
    ) -> list[Checkout]:
        """Return up to `limit` of a merchant's checkouts, newest first, older than `before`."""
        ...

    def save(self, checkout: Checkout, was: Checkout, at: datetime, reason: str) -> None:
        """Store a transition; raises TransitionConflict when somebody else moved it first."""
        ...

    def to_expire(self, now: datetime, limit: int) -> list[Checkout]:
        """Return checkouts whose time is over, oldest first, locked for this transaction where the engine can."""
        ...

    def to_warn(self, before: datetime, limit: int) -> list[Checkout]:
        """Return checkouts of which a part lapses before a time and whose shop was not told, locked as above."""
        ...

    def to_lapse(self, now: datetime, limit: int) -> list[str]:
        """Return the ids of checkouts of which a part was not captured in time, oldest first."""
        ...


class Applicants(Protocol):
    """People on the way through a checkout; what they type is sealed."""

    def put(self, applicant: Applicant, merchant_id: str) -> None:
        """Store an applicant, or what is newly known of one."""
        ...

    def get(self, checkout_id: str) -> Applicant | None:
        """Return the applicant of a checkout, or None."""
        ...

    def phone_index(self, phone: str) -> str:
        """Return the keyed hash that a phone number is looked up by."""
        ...


class Codes(Protocol):
    """One-time codes."""

    def add(self, code: Code) -> None:
        """Store a new code."""
        ...

    def latest(self, checkout_id: str, purpose: str) -> Code | None:
        """Return the newest code of a checkout for a purpose, locked where the engine can; older ones are void."""
        ...

    def record_try(self, code: Code) -> None:
        """Store a code after one try; raises TransitionConflict when another try came between."""
        ...


class Consumers(Protocol):
    """People who repay; one row per id number."""

    def find_or_add(self, consumer: Consumer) -> Consumer:
        """Return the consumer with this id number, storing `consumer` when there is none."""
        ...

    def get(self, consumer_id: str) -> Consumer | None:
        """Return the consumer with unsealed personal data, or None."""
        ...

    def id_number_index(self, id_number: str) -> str:
        """Return the keyed hash that an id number is looked up by."""
        ...

    def history(self, consumer_id: str, since: datetime, due_until: date | None = None) -> History:
        """Return what this installation knows of a consumer: open loans, debts, delays, and refusals since then.

        `due_soon_minor` counts what is not paid of installments that fall due until `due_until`.

        A refusal for the amount alone is not counted: taking the smaller counter-offer must not cost points.
        """
        ...


class CreditLines(Protocol):
    """What a person may owe in all, over every store of the installation."""

    def get(self, consumer_id: str, currency: str) -> CreditLine | None:
        """Return the line, locked for this transaction where the engine can, or None."""
        ...

    def grant(self, line: CreditLine) -> None:
        """Store what a new decision grants; what is used stays as it is."""
        ...

    def end(self, consumer_id: str, currency: str, at: datetime) -> None:
        """Let nothing more be drawn from a line; what is used stays owed."""
        ...

    def save(self, line: CreditLine, was: CreditLine) -> None:
        """Store what is used; raises TransitionConflict when another checkout drew first."""
        ...

    def owe(self, consumer_id: str, principal: Money) -> None:
        """Use so much more of a line, or less when it is negative; the limit does not stop a debt that is there."""
        ...


class Agreements(Protocol):
    """Documents: what was shown, and what was signed."""

    def add(self, agreement: Agreement) -> None:
        """Store a draft that is about to be shown."""
        ...

    def get(self, agreement_id: str) -> Agreement | None:
        """Return the agreement with its documents, or None."""
        ...

    def save_signature(self, agreement: Agreement, was: Agreement) -> None:
        """Store the signed document, once; raises TransitionConflict when it was signed or replaced before."""
        ...

    def awaits_timestamp(self, agreement_id: str) -> bool:
        """Say whether a signature still waits for its timestamp."""
        ...

    def to_stamp(self, now: datetime, limit: int) -> list[str]:
        """Return the ids of signatures whose timestamp is to be asked for now, longest waiting first."""
        ...

    def save_stamp(self, agreement: Agreement, was: Agreement) -> None:
        """Store the timestamped document, once; raises TransitionConflict when another worker did."""
        ...

    def timestamp_tries(self, agreement_id: str) -> int:
        """Return how often a timestamp was asked for in vain."""
        ...

    def put_off_stamp(self, agreement_id: str, tries: int, next_at: datetime) -> None:
        """Store when to ask for a timestamp again."""
        ...

    def replace_drafts(self, checkout_id: str) -> None:
        """Take the drafts of a checkout out of use; the consumer picked another plan."""
        ...
