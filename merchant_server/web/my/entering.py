"""The way in and out: number, code and the end of the id number; then the page itself."""

from flask import make_response, request
from flask.typing import ResponseReturnValue

from merchant_server.domain.errors import DomainError, Erased, Unauthenticated
from merchant_server.services.person.belongings import look
from merchant_server.services.person.visits import ask_to_come_in, come_in, leave
from merchant_server.web.language import language_tag
from merchant_server.web.my.room import Room, go, show, show_refusal
from merchant_server.web.my.sights import loan_view


def home(room: Room) -> ResponseReturnValue:
    """Show what belongs to who is there; ask for the number when nobody is."""
    try:
        belongings = look(room.deps, room.who())
    except (Unauthenticated, Erased):
        return show("phone", over=bool(request.args.get("over")), erased=bool(request.args.get("erased")))
    open_loans = [loan_view(each) for each in belongings.loans if each.is_open]
    past_loans = [loan_view(each) for each in belongings.loans if not each.is_open]
    return show("home", belongings=belongings, open_loans=open_loans, past_loans=past_loans)


def send_code(room: Room) -> ResponseReturnValue:
    """Send a code to the number that was entered, known or not."""
    number = request.form.get("phone", "")
    try:
        token = ask_to_come_in(room.deps, number, language_tag(), address=request.remote_addr)
    except DomainError as error:
        return show_refusal(error, "phone", number=number)
    return room.remember(go("code"), token)


def code(room: Room) -> ResponseReturnValue:
    """Ask for the code and the end of the id number."""
    return show("code") if room.token() else go("home")


def check_code(room: Room) -> ResponseReturnValue:
    """Let in who has the code and knows the end of the id number."""
    digits, end = request.form.get("code", ""), request.form.get("id_number_end", "")
    try:
        token = come_in(room.deps, room.token(), digits, end)
    except DomainError as error:
        return show_refusal(error, "code", end=end)
    return room.remember(go("home"), token)


def leave_page(room: Room) -> ResponseReturnValue:
    """End the visit."""
    leave(room.deps, room.token())
    return room.forget(make_response(go("home")))
