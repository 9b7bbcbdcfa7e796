"""Repositories of one person: their own page, complaints, limits of codes, and erasure."""

from datetime import date, datetime
from typing import Protocol

from merchant_server.domain.code import Code
from merchant_server.domain.complaint import Complaint
from merchant_server.domain.my_visit import MyVisit
from merchant_server.domain.preapproval import Preapproval
from merchant_server.domain.retention import EndedLoan


class People(Protocol):
    """One consumer across every table; it unseals nothing."""

    def applications_from(self, phone_index: str) -> list[tuple[str, str]]:
        """Return (consumer id, decision id) of answered applications from a number that was verified, newest first."""
        ...

    def ids(self, noun: str, consumer_id: str) -> list[str]:
        """Return a person's loans, signed agreements, mandates, decisions or checkouts by id, oldest first."""
        ...

    def open_checkout_until(self, consumer_id: str, now: datetime) -> datetime | None:
        """Return when the person's purchase that is under way expires, or None when there is none."""
        ...

    def loans_ended(self, consumer_id: str) -> list[EndedLoan]:
        """Return each loan with its state, and when it came into it."""
        ...

    def request_erasure(self, consumer_id: str, at: datetime, due_on: date) -> None:
        """Store the wish to be erased on a day; asking again changes the day only."""
        ...

    def erasure_due_on(self, consumer_id: str) -> date | None:
        """Return the day that a wish to be erased waits for, or None when there is no such wish."""
        ...

    def erasures_due(self, today: date, limit: int) -> list[str]:
        """Return the people whose wish to be erased can be looked at again today."""
        ...

    def erased_at(self, consumer_id: str) -> datetime | None:
        """Return when a person was erased, or None."""
        ...

    def erase(self, consumer_id: str, at: datetime) -> int:
        """Drop a person's keys and every hash that finds them; return how many keys were dropped."""
        ...

    def chore_is_due(self, name: str, before: datetime) -> bool:
        """Say whether a chore was last done before then, or never."""
        ...

    def take_chore(self, name: str, before: datetime, at: datetime) -> bool:
        """Note that a chore is done now; say False when another worker was faster."""
        ...

    def strangers(self, before: datetime) -> list[str]:
        """Return checkouts that ended before then without anybody applying, and still hold what was typed."""
        ...

    def forget_strangers(self, checkout_ids: list[str]) -> None:
        """Drop the keys of what was typed on these checkouts."""
        ...


class MyVisits(Protocol):
    """Browsers on people's own pages."""

    def phone_index(self, phone: str) -> str:
        """Return the keyed hash that a number is looked up by."""
        ...

    def add(self, visit: MyVisit) -> None:
        """Store a new visit."""
        ...

    def by_token(self, token_hash: str) -> MyVisit | None:
        """Return the visit behind a cookie, or None."""
        ...

    def save(self, visit: MyVisit) -> None:
        """Store who came in, under which cookie, and when they were last seen."""
        ...

    def end(self, visit_id: str) -> None:
        """Forget a visit and its codes."""
        ...

    def forget(self, before: datetime) -> int:
        """Forget visits that nobody was seen on since then; return how many."""
        ...

    def add_code(self, visit_id: str, code: Code) -> None:
        """Store a new code."""
        ...

    def newest_code(self, visit_id: str) -> Code | None:
        """Return the newest code of a visit, locked where the engine can, or None; older ones are void."""
        ...

    def record_try(self, code: Code) -> None:
        """Store a code after one try; raises TransitionConflict when another try came between."""
        ...


class Preapprovals(Protocol):
    """Browsers that ask how much could be spent, before there is a cart."""

    def phone_index(self, phone: str) -> str:
        """Return the keyed hash that a number is looked up by."""
        ...

    def add(self, preapproval: Preapproval, phone: str) -> None:
        """Store a new one with the number that was typed, sealed."""
        ...

    def by_token(self, token_hash: str) -> Preapproval | None:
        """Return the one behind a cookie, locked where the engine can, or None."""
        ...

    def phone(self, preapproval_id: str) -> str | None:
        """Return the number that was typed, or None once it is forgotten."""
        ...

    def save(self, preapproval: Preapproval) -> None:
        """Store what changed."""
        ...

    def forget_phone(self, preapproval_id: str) -> None:
        """Drop the number that was typed, with its key."""
        ...

    def end(self, preapproval_id: str, nobody: str) -> None:
        """Let no cookie lead to it any more; `nobody` is a hash that no secret has."""
        ...

    def forget(self, before: datetime) -> int:
        """Forget those that nobody applied on and nobody was seen on since then; return how many."""
        ...

    def add_code(self, preapproval_id: str, code: Code) -> None:
        """Store a new code."""
        ...

    def newest_code(self, preapproval_id: str) -> Code | None:
        """Return the newest code of one, locked where the engine can, or None; older ones are void."""
        ...

    def record_try(self, code: Code) -> None:
        """Store a code after one try; raises TransitionConflict when another try came between."""
        ...


class Complaints(Protocol):
    """What consumers complained about."""

    def add(self, complaint: Complaint) -> None:
        """Store a new complaint; its text is sealed."""
        ...

    def save_answer(self, complaint: Complaint) -> None:
        """Store the answer to an open complaint, sealed. Raises TransitionConflict when somebody else answered it."""
        ...

    def get(self, complaint_id: str) -> Complaint | None:
        """Return one complaint, or None; none of a person who was erased."""
        ...

    def of_consumer(self, consumer_id: str) -> list[Complaint]:
        """Return a consumer's complaints, newest first."""
        ...

    def open(self, limit: int) -> list[Complaint]:
        """Return the open complaints of the installation, the most urgent first."""
        ...

    def answered(self, limit: int) -> list[Complaint]:
        """Return the complaints that were answered last, the newest answer first."""
        ...


class CodeSends(Protocol):
    """Codes that were sent, for the limits."""

    def address_index(self, prefix: str) -> str:
        """Return the keyed hash that a network is counted by."""
        ...

    def hold(self, *keys: str | None) -> None:
        """Hold number, person and address until the commit, so that no two sends read the same counts of one."""
        ...

    def count_hour(self, hour: str) -> int:
        """Count one more code in an hour and return how many that makes; the row is locked until the commit."""
        ...

    def open_breaker(self, hour: str, at: datetime) -> bool:
        """Note that an hour's budget is spent; say whether this is news."""
        ...

    def times(self, subject: str, key: str, since: datetime, purpose: str | None = None) -> list[datetime]:
        """Return when codes were sent for a subject (number, person, address) since then."""
        ...

    def add(
        self,
        send_id: str,
        *,
        purpose: str,
        phone_index: str,
        consumer_id: str | None,
        address_index: str | None,
        at: datetime,
    ) -> None:
        """Store one send."""
        ...

    def forget(self, before: datetime) -> int:
        """Delete what no limit counts any more; return how much that was."""
        ...
