"""Complaints: entered by the person, kept sealed, and answered within the days that the rules give."""

from zoneinfo import ZoneInfo

from merchant_server.domain.complaint import OPEN_COMPLAINTS_MAX, Complaint, answer_due_on, complaint_text
from merchant_server.domain.errors import NotFound, RuleRefused
from merchant_server.services.deps import Deps
from merchant_server.services.person.belongings import consumer_of

# 15 days are counted where the rule holds.
ZONE = ZoneInfo("Asia/Shanghai")


def file_complaint(deps: Deps, consumer_id: str, typed: str, loan_id: str = "") -> Complaint:
    """Store a complaint of a person, about one of their loans when `loan_id` names one.

    Raises RuleRefused (complaint_empty, complaint_too_long, complaint_unreadable, complaints_open), NotFound.
    """
    text, now = complaint_text(typed), deps.clock.now()
    with deps.storage.unit_of_work() as uow:
        consumer_of(uow, consumer_id)
        if loan_id and loan_id not in uow.people.ids("loans", consumer_id):
            raise NotFound("there is no such loan")
        waiting = [each for each in uow.complaints.of_consumer(consumer_id) if each.status == "open"]
        if len(waiting) >= OPEN_COMPLAINTS_MAX:
            raise RuleRefused(
                "so many complaints of yours wait for an answer already",
                code="complaints_open",
                hint="we answer those first",
            )
        due_on = answer_due_on(now.astimezone(ZONE).date())
        complaint = Complaint(deps.ids.new("cmp"), consumer_id, loan_id or None, "open", text, now, due_on)
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


def open_complaints(deps: Deps, limit: int = 100) -> list[Complaint]:
    """Return the installation's open complaints, the most urgent first, for who answers them."""
    with deps.storage.reading() as uow:
        return uow.complaints.open(limit)
