"""The copy of a person's data (个人信息保护法 §45, 查阅复制): everything that is kept about them, as JSON and as a PDF.

It is made on demand and kept nowhere.
"""

from datetime import datetime
from functools import partial
from typing import Any

from fenqi.wire import utc_text

from merchant_server.domain.complaint import ComplaintAnswer
from merchant_server.domain.features import CONFIDENTIAL_SOURCES, REGISTRY
from merchant_server.domain.refusal import Refusal, public_reasons
from merchant_server.ports import UnitOfWork
from merchant_server.services.deps import Deps, merchant_of
from merchant_server.services.person.belongings import consumer_of
from merchant_server.services.resources import full_dispute_resource, loan_resource

FORMAT = "fenqi.personal-data/1"


def copy_of_data(deps: Deps, consumer_id: str) -> dict[str, Any]:
    """Return everything about a person, JSON-ready, with the same order every time. Raises Erased, NotFound."""
    now = deps.clock.now()
    with deps.storage.unit_of_work() as uow:
        consumer = consumer_of(uow, consumer_id)
        person = consumer.person
        found = {
            "format": FORMAT,
            "made_at": utc_text(now),
            "kept_by": deps.lender_name,
            "person": {
                "id": consumer.id,
                "name": person.name,
                "id_number": person.id_number,
                "phone": person.phone,
                "born_on": person.born_on.isoformat(),
                "known_since": utc_text(consumer.created_at),
            },
            "applications": _each(uow, "checkouts", consumer_id, _application),
            "decisions": _each(uow, "decisions", consumer_id, _decision),
            "loans": _each(uow, "loans", consumer_id, partial(_loan, deps)),
            "agreements": _each(uow, "agreements", consumer_id, _agreement),
            "mandates": _each(uow, "mandates", consumer_id, _mandate),
            "disputes": [
                full_dispute_resource(each, uow.disputes.words(each.id))
                for each in uow.disputes.of_consumer(consumer_id)
            ],
            "complaints": [
                {
                    "id": each.id,
                    "loan_id": each.loan_id,
                    "status": each.status,
                    "text": each.text.reveal(),
                    "created_at": utc_text(each.created_at),
                    "answer_due_on": each.due_on.isoformat(),
                    "answered_at": each.answer and utc_text(each.answer.at),
                    "answers": each.answer and _texts(each.answer),
                }
                for each in uow.complaints.of_consumer(consumer_id)
            ],
            "erasure_due_on": _day(uow.people.erasure_due_on(consumer_id)),
        }
        uow.audit.add(
            deps.ids.new("aud"),
            at=now,
            actor=f"consumer {consumer_id}",
            action="person.copied",
            subject=consumer_id,
        )
    labels = deps.renderer.copy_labels()
    return found | {"labels": {name: dict(labels[name]) for name in sorted(_names(found)) if name in labels}}


def copy_as_pdf(deps: Deps, consumer_id: str, language: str) -> bytes:
    """Return the copy as a PDF to read and to print. Raises Erased, NotFound."""
    return deps.renderer.render_copy(copy_of_data(deps, consumer_id), language=language)


def _names(value: Any) -> set[str]:
    """Return the names of all members. The signed terms are told as they are, byte for byte."""
    if isinstance(value, list):
        return {name for each in value for name in _names(each)}
    if not isinstance(value, dict):
        return set()
    inner = {name for key, each in value.items() if key != "terms" for name in _names(each)}
    return set(value) | inner


def _texts(answer: ComplaintAnswer) -> dict[str, str]:
    return {language: text.reveal() for language, text in answer.texts.items()}


def _each(uow: UnitOfWork, noun: str, consumer_id: str, tell: Any) -> list[dict[str, Any]]:
    told = [tell(uow, each) for each in uow.people.ids(noun, consumer_id)]
    return [each for each in told if each]


def _application(uow: UnitOfWork, checkout_id: str) -> dict[str, Any]:
    checkout, applicant = uow.checkouts.get(checkout_id), uow.applicants.get(checkout_id)
    assert checkout is not None
    return {
        "id": checkout.id,
        "merchant": merchant_of(uow, checkout.merchant_id).name,
        "goods": checkout.description or checkout.reference,
        "amount": checkout.amount.to_dict(),
        "status": checkout.status.value,
        "created_at": utc_text(checkout.created_at),
        "phone": applicant and applicant.phone,
        "phone_verified_at": applicant and _moment(applicant.phone_verified_at),
        "consents": list(applicant.consents) if applicant else [],
    }


def _decision(uow: UnitOfWork, decision_id: str) -> dict[str, Any]:
    answered = uow.decisions.get(decision_id)
    if answered is None:
        return {}
    features, decision = answered
    return {
        "id": decision_id,
        "outcome": decision.outcome.value,
        "grade": decision.grade,
        "limit": {"minor": decision.limit_minor, "currency": features.currency},
        "policy_version": decision.policy_version,
        "reasons": [_reason(each) for each in public_reasons(decision.reasons, proven=True)],
        "looked_at": {
            name: value
            for name, value in features.to_dict().items()
            if REGISTRY[name].source not in CONFIDENTIAL_SOURCES
        },
    }


def _reason(known: Refusal) -> dict[str, str]:
    return {"code": known.code, "zh-CN": known.text("zh-CN"), "en": known.text("en")}


def _loan(deps: Deps, uow: UnitOfWork, loan_id: str) -> dict[str, Any]:
    loan = uow.loans.get(loan_id)
    assert loan is not None
    today = deps.today(uow, merchant_of(uow, loan.merchant_id))
    cash_back = uow.settlements.cash_back(loan_id)
    told = loan_resource(loan, uow.loans.installments(loan_id), today)
    return told | {
        "merchant": merchant_of(uow, loan.merchant_id).name,
        "deductions": [
            {
                "id": each.id,
                "installment": each.installment_number,
                "amount": each.amount.to_dict(),
                "status": each.status.value,
                "requested_at": utc_text(each.requested_at),
            }
            for each in uow.deductions.of_loan(loan_id)
        ],
        "payment_orders": [
            {
                "id": each.id,
                "amount": each.amount.to_dict(),
                "status": each.status.value,
                "created_at": utc_text(each.created_at),
                "expires_at": utc_text(each.expires_at),
            }
            for each in uow.payment_orders.of_loan(loan_id)
        ],
        "cash_back": cash_back and cash_back.amount.to_dict(),
        "money_returns": [
            {
                "id": each.id,
                "amount": each.amount.to_dict(),
                "status": each.status.value,
                "created_at": utc_text(each.created_at),
                "settled_at": _moment(each.settled_at),
            }
            for each in uow.transfers.of_loan(loan_id)
        ],
    }


def _agreement(uow: UnitOfWork, agreement_id: str) -> dict[str, Any]:
    agreement = uow.agreements.get(agreement_id)
    assert agreement is not None
    return {
        "id": agreement.id,
        "loan_id": agreement.loan_id,
        "language": agreement.language,
        "signed_at": _moment(agreement.signed_at),
        "signed_sha256": agreement.signed_sha256,
        "terms": agreement.terms,
    }


def _mandate(uow: UnitOfWork, mandate_id: str) -> dict[str, Any]:
    mandate = uow.mandates.get(mandate_id)
    assert mandate is not None
    return {
        "id": mandate.id,
        "account": mandate.account_label,
        "at_most": mandate.cap.to_dict(),
        "status": mandate.status.value,
        "created_at": utc_text(mandate.created_at),
        "revoked_at": _moment(mandate.revoked_at),
    }


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else utc_text(moment)


def _day(day: Any) -> str | None:
    return None if day is None else str(day.isoformat())
