"""Moving the day of the month on which a loan is deducted: choose it, see every date before and after, confirm."""

from flask import request
from flask.typing import ResponseReturnValue

from merchant_server.domain.deduction_day import LAST_SURE_DAY, MONTH_END
from merchant_server.domain.errors import DomainError, RuleRefused
from merchant_server.services.collection.moving_day import move_own_day, preview_own_day, require_free_day
from merchant_server.services.person.belongings import one_loan
from merchant_server.web.my.room import Room, go, show, show_refusal
from merchant_server.web.my.sights import loan_view

DAYS = (*range(1, LAST_SURE_DAY + 1), MONTH_END)


def choose(room: Room, loan_id: str) -> ResponseReturnValue:
    """Ask for a day; with one, show what it changes and ask for a confirmation."""
    consumer_id = room.who()
    own, typed = one_loan(room.deps, consumer_id, loan_id), request.args.get("day", "")
    view = loan_view(own)
    try:
        require_free_day(room.deps, consumer_id, loan_id)
    except RuleRefused as refused:
        return show_refusal(refused, "day", view=view, days=(), chosen=0, move=None)
    if not typed:
        present = own.next_open.due_on.day if own.next_open else 1
        return show(
            "day", view=view, days=DAYS, chosen=present if present <= LAST_SURE_DAY else MONTH_END, move=None
        )
    chosen = _day(typed)
    try:
        move = preview_own_day(room.deps, consumer_id, loan_id, chosen)
    except DomainError as refused:
        return show_refusal(refused, "day", view=view, days=DAYS, chosen=chosen, move=None)
    return show("day", view=view, days=DAYS, chosen=chosen, move=move)


def move(room: Room, loan_id: str) -> ResponseReturnValue:
    """Move the day."""
    consumer_id = room.who()
    own, chosen = one_loan(room.deps, consumer_id, loan_id), _day(request.form.get("day", ""))
    try:
        move_own_day(room.deps, consumer_id, loan_id, chosen)
    except DomainError as refused:
        return show_refusal(refused, "day", view=loan_view(own), days=DAYS, chosen=chosen, move=None)
    return go("loan", loan_id=loan_id, moved="1")


def _day(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 3 else 0
