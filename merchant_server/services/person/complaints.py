"""Complaints: entered by the person, kept sealed, and answered within the days that the rules give."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

from merchant_server.domain.complaint import (
    OPEN_COMPLAINTS_MAX,
    Complaint,
    ComplaintStatus,
    answer_due_on,
    complaint_text,
)
from merchant_server.domain.errors import Forbidden, NotFound, RuleRefused
from merchant_server.ports import UnitOfWork
from merchant_server.services.deps import Deps
from merchant_server.services.person.belongings import OwnLoan, consumer_of, own_loan

# 15 days are counted where the rule holds.
ZONE = ZoneInfo("Asia/Shanghai")
SHOWN = 100


def file_complaint(deps: Deps, consumer_id: str, typed: str, loan_id: str = "") -> Complaint:
    """Store a complaint of a person, about one of their loans when `loan_id` names one.

    Raises RuleRefused (complaint_empty, complaint_too_long, complaint_unreadable, complaints_open), NotFound.
    """
    text, now = complaint_text(typed), deps.clock.now()
    with deps.storage.unit_of_work() as uow:
        consumer_of(uow, consumer_id)
        if loan_id and loan_id not in uow.people.ids("loans", consumer_id):
            raise NotFound("there is no such loan")
        waiting = [
            each for each in uow.complaints.of_consumer(consumer_id) if each.status == ComplaintStatus.OPEN
        ]
        if len(waiting) >= OPEN_COMPLAINTS_MAX:
            raise RuleRefused(
                "so many complaints of yours wait for an answer already",
                code="complaints_open",
                hint="we answer those first",
            )
        due_on = answer_due_on(now.astimezone(ZONE).date())
        complaint = Complaint(
            deps.ids.new("cmp"), consumer_id, loan_id or None, ComplaintStatus.OPEN, text, now, due_on
        )
        uow.complaints.add(complaint)
        uow.audit.add(
            deps.ids.new("aud"),
            at=now,
            actor=f"consumer {consumer_id}",
            action="complaint.filed",
            subject=complaint.id,
            detail={"loan_id": loan_id, "due_on": due_on.isoformat()},
        )
    return complaint


@dataclass(frozen=True, slots=True)
class ComplaintDesk:
    """What waits for an answer, the most urgent first, and what was answered last; `today` where days count."""

    open: tuple[Complaint, ...]
    answered: tuple[Complaint, ...]
    today: date


@dataclass(frozen=True, slots=True)
class ComplaintCase:
    """What somebody who answers sees: the complaint, the person masked, and the loan that it is about."""

    complaint: Complaint
    masked_name: str
    masked_phone: str
    about: OwnLoan | None
    today: date


def complaint_desk(deps: Deps) -> ComplaintDesk:
    """Return the installation's complaints, for who answers them."""
    with deps.storage.reading() as uow:
        return ComplaintDesk(
            tuple(uow.complaints.open(SHOWN)), tuple(uow.complaints.answered(SHOWN)), _today(deps)
        )


def complaint_case(deps: Deps, complaint_id: str, staff: str) -> ComplaintCase:
    """Return one complaint with the person masked. Raises NotFound, and Forbidden for one's own complaint."""
    with deps.storage.reading() as uow:
        complaint = _for_staff(uow, complaint_id, staff)
        person = consumer_of(uow, complaint.consumer_id).person
        loan_id = complaint.loan_id
        about = own_loan(uow, deps, complaint.consumer_id, loan_id) if loan_id else None
    return ComplaintCase(complaint, person.masked_name, person.masked_phone, about, _today(deps))


def answer_complaint(deps: Deps, complaint_id: str, texts: Mapping[str, str], *, staff: str) -> Complaint:
    """Answer a complaint and close it; `texts` by language tag, one is enough. The person reads it on their own page.

    Raises NotFound, Forbidden, RuleRefused (complaint_empty, complaint_too_long, complaint_unreadable),
    TransitionNotAllowed when it was answered, TransitionConflict when somebody else was faster.
    """
    now = deps.clock.now()
    with deps.storage.unit_of_work() as uow:
        complaint = _for_staff(uow, complaint_id, staff).answered(texts, at=now, by=staff)
        assert complaint.answer is not None
        uow.complaints.save_answer(complaint)
        uow.audit.add(
            deps.ids.new("aud"),
            at=now,
            actor=f"staff {staff}",
            action="complaint.answered",
            subject=complaint.id,
            detail={"languages": sorted(complaint.answer.texts), "late": complaint.due_on < _today(deps)},
        )
    return complaint


def _for_staff(uow: UnitOfWork, complaint_id: str, staff: str) -> Complaint:
    complaint = uow.complaints.get(complaint_id)
    if complaint is None:
        raise NotFound("there is no such complaint", hint="look at the list again")
    member = uow.reviews.reviewer(staff)
    if member is None:
        raise Forbidden(
            f"{staff!r} may not answer",
            code="reviewer_unknown",
            hint="fenqi-server review add-reviewer NAME adds somebody",
        )
    person = consumer_of(uow, complaint.consumer_id).person
    if uow.consumers.id_number_index(person.id_number) == member.id_number_index:
        raise Forbidden(
            "nobody answers their own complaint", code="complaint_own_case", hint="a colleague has to"
        )
    return complaint


def _today(deps: Deps) -> date:
    return deps.clock.now().astimezone(ZONE).date()
