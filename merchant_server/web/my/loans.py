"""One loan with its schedule and agreement, taking back the permission to deduct, and getting one's money back."""

from flask import request
from flask.typing import ResponseReturnValue

from merchant_server.domain.errors import RuleRefused
from merchant_server.services.person.belongings import one_loan, signed_document
from merchant_server.services.person.loan_history import loan_history
from merchant_server.services.person.mandates import revoke_mandate
from merchant_server.services.settlement.money_returns import return_own_money
from merchant_server.web.my.history_sights import history_view
from merchant_server.web.my.room import Room, go, pdf, show
from merchant_server.web.my.sights import loan_view


def loan(room: Room, loan_id: str) -> ResponseReturnValue:
    """Show one of the person's loans."""
    history = loan_history(room.deps, room.who(), loan_id)
    view, told = loan_view(history.own), history_view(history, history.own.merchant.time_zone)
    told_of = ("revoked", "disputed", "withdrawn", "paying", "moved")
    said = {name: request.args.get(name) == "1" for name in told_of}
    return show("loan", view=view, history=told, lender=room.deps.lender_name, **said)


def document(room: Room, agreement_id: str) -> ResponseReturnValue:
    """Serve one of the person's agreements: exactly the bytes that were signed (law 6)."""
    found = signed_document(room.deps, room.who(), agreement_id)
    assert found.signed_pdf is not None
    return pdf(found.signed_pdf, f"fenqi-{found.id}.pdf")


def ask_to_revoke(room: Room, loan_id: str) -> ResponseReturnValue:
    """Say what taking back the permission means, and ask once more."""
    own = one_loan(room.deps, room.who(), loan_id)
    return show("revoke", view=loan_view(own)) if own.can_be_revoked else go("loan", loan_id=loan_id)


def revoke(room: Room, loan_id: str) -> ResponseReturnValue:
    """Take the permission back; a second tap changes nothing."""
    consumer_id = room.who()
    own = one_loan(room.deps, consumer_id, loan_id)
    revoke_mandate(room.deps, consumer_id, own.mandate.id)
    return go("loan", loan_id=loan_id, revoked="1")


def return_money(room: Room) -> ResponseReturnValue:
    """Send back what is kept for the person; a second tap changes nothing."""
    consumer_id = room.who()
    try:
        return_own_money(room.deps, consumer_id)
    except RuleRefused as refused:
        # The page itself says what is on its way, and what the bank refuses.
        if refused.code not in ("nothing_to_return", "return_refused"):
            raise
    return go("home")
