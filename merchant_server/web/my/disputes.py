"""Disputing one's own purchase: the form, sending it, and taking it back."""

from fenqi.finance.errors import FinanceError
from fenqi.finance.money import Money
from flask import request
from flask.typing import ResponseReturnValue

from merchant_server.domain.dispute import STATEMENT_CHARACTERS_MAX, DisputeReason
from merchant_server.domain.errors import DomainError, NotFound, RuleRefused
from merchant_server.services.disputes.closing import withdraw
from merchant_server.services.disputes.opening import open_by_consumer
from merchant_server.services.person.loan_history import loan_history
from merchant_server.web.my.dispute_words import PROBLEM_WORDS, REASON_WORDS
from merchant_server.web.my.room import Room, go, show, show_refusal


def ask(room: Room, loan_id: str) -> ResponseReturnValue:
    """Show the form, when there is something to dispute."""
    history = loan_history(room.deps, room.who(), loan_id)
    if not history.can_dispute:
        return go("loan", loan_id=loan_id)
    return show("dispute", own=history.own, reasons=REASON_WORDS, characters_max=STATEMENT_CHARACTERS_MAX)


def send(room: Room, loan_id: str) -> ResponseReturnValue:
    """Open the dispute."""
    consumer_id = room.who()
    own = loan_history(room.deps, consumer_id, loan_id).own
    text, typed = request.form.get("text", ""), request.form.get("amount", "").strip()
    chosen = request.form.get("reason", "")
    try:
        amount = _amount(typed, own.loan.principal.currency)
        open_by_consumer(room.deps, consumer_id, loan_id, _reason(chosen), text, amount)
    except NotFound:
        raise
    except DomainError as error:
        return show_refusal(
            error, "dispute", PROBLEM_WORDS, own=own, reasons=REASON_WORDS, chosen=chosen, amount=typed,
            characters_max=STATEMENT_CHARACTERS_MAX, typed=text[:STATEMENT_CHARACTERS_MAX],
        )  # fmt: skip
    return go("loan", loan_id=loan_id, disputed="1")


def ask_to_withdraw(room: Room, loan_id: str) -> ResponseReturnValue:
    """Say what taking the dispute back means, and ask once more."""
    history = loan_history(room.deps, room.who(), loan_id)
    return show("withdraw", own=history.own) if history.is_disputed else go("loan", loan_id=loan_id)


def take_back(room: Room, loan_id: str) -> ResponseReturnValue:
    """Withdraw the dispute; a second tap changes nothing."""
    consumer_id = room.who()
    if loan_history(room.deps, consumer_id, loan_id).is_disputed:
        withdraw(room.deps, consumer_id, loan_id)
    return go("loan", loan_id=loan_id, withdrawn="1")


def _reason(chosen: str) -> DisputeReason:
    try:
        return DisputeReason(chosen)
    except ValueError:
        raise RuleRefused(
            "there is no such reason", code="reason_unknown", field="reason", hint="choose one"
        ) from None


def _amount(typed: str, currency: str) -> Money | None:
    if not typed:
        return None
    try:
        return Money.parse(typed, currency)
    except FinanceError:
        raise RuleRefused(
            "this is no amount", code="dispute_amount_invalid", field="amount", hint="enter digits"
        ) from None
