"""The person's data: a copy to take along, the wish to be erased, and complaints."""

import json

from flask import Response, request
from flask.typing import ResponseReturnValue

from merchant_server.domain.complaint import TEXT_CHARACTERS_MAX
from merchant_server.domain.errors import DomainError
from merchant_server.services.person.belongings import look
from merchant_server.services.person.complaints import file_complaint
from merchant_server.services.person.copy import copy_as_pdf, copy_of_data
from merchant_server.services.person.erasure import ask_for_erasure, reasons_to_keep
from merchant_server.web.language import language_tag
from merchant_server.web.my.room import Room, go, pdf, show, show_refusal
from merchant_server.web.my.sights import keeping_views


def data(room: Room) -> ResponseReturnValue:
    """Say what is kept, offer a copy, and what erasing would take."""
    return show("data", **_data(room))


def copy_json(room: Room) -> ResponseReturnValue:
    """Hand over everything that is kept about the person, for a program."""
    body = json.dumps(copy_of_data(room.deps, room.who()), ensure_ascii=False, indent=1)
    response = Response(body, content_type="application/json")
    response.headers["Content-Disposition"] = 'attachment; filename="fenqi-my-data.json"'
    return response


def copy_pdf(room: Room) -> ResponseReturnValue:
    """Hand over everything that is kept about the person, to read."""
    return pdf(copy_as_pdf(room.deps, room.who(), language_tag()), "fenqi-my-data.pdf", download=True)


def erase(room: Room) -> ResponseReturnValue:
    """Erase the person, or keep the wish until nothing stands in its way."""
    consumer_id = room.who()
    if request.form.get("sure") != "yes":
        return show("data", unsure=True, **_data(room)), 422
    answer = ask_for_erasure(room.deps, consumer_id)
    return room.forget(go("home", erased="1")) if answer.done else go("data")


def _data(room: Room) -> dict[str, object]:
    consumer_id = room.who()
    reasons = keeping_views(reasons_to_keep(room.deps, consumer_id))
    belongings = look(room.deps, consumer_id)
    return {"belongings": belongings, "reasons": reasons, "lender": room.deps.lender_name}


def complaints(room: Room) -> ResponseReturnValue:
    """Show the person's complaints, and a form for another one."""
    belongings = look(room.deps, room.who())
    chosen = request.args.get("loan", "")
    return show("complaints", belongings=belongings, chosen=chosen, characters_max=TEXT_CHARACTERS_MAX)


def complain(room: Room) -> ResponseReturnValue:
    """Take a complaint."""
    consumer_id = room.who()
    text, loan_id = request.form.get("text", ""), request.form.get("loan", "")
    try:
        file_complaint(room.deps, consumer_id, text, loan_id)
    except DomainError as error:
        belongings = look(room.deps, consumer_id)
        typed = {
            "typed": text[:TEXT_CHARACTERS_MAX],
            "chosen": loan_id,
            "characters_max": TEXT_CHARACTERS_MAX,
        }
        return show_refusal(error, "complaints", belongings=belongings, **typed)
    return go("complaints")
