"""Paying without waiting for the due day: everything at once by a quote, or an amount of one's own."""

from fenqi.finance.errors import AmountError
from fenqi.finance.money import Money
from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue

from merchant_server.domain.deduction import DeductionPurpose
from merchant_server.domain.errors import DomainError, RuleRefused
from merchant_server.services.collection.early_settlement import own_quote, quote_own
from merchant_server.services.collection.ordering import open_own_order
from merchant_server.services.collection.paying import pay_now, settle_now
from merchant_server.services.person.belongings import OwnLoan, one_loan
from merchant_server.web.error_pages import words_for
from merchant_server.web.my.room import Room, go, show, show_refusal
from merchant_server.web.my.sights import loan_view

PURPOSES = (DeductionPurpose.PAYMENT, DeductionPurpose.SHORTER, DeductionPurpose.SMALLER)
RENEWED = ("quote_lapsed", "quote_stale")


def ask_quote(room: Room, loan_id: str) -> ResponseReturnValue:
    """Work out what settles the loan today, and lead to it."""
    quote = quote_own(room.deps, room.who(), loan_id)
    return go("settlement", loan_id=loan_id, quote_id=quote.id)


def settlement(room: Room, loan_id: str, quote_id: str) -> ResponseReturnValue:
    """Show a quote with everything in it, and ask for a confirmation."""
    consumer_id = room.who()
    quote = own_quote(room.deps, consumer_id, loan_id, quote_id)
    own = one_loan(room.deps, consumer_id, loan_id)
    code = request.args.get("renewed", "")
    problem = {"words": words_for(code)} if code in RENEWED else None
    return show("settlement", view=loan_view(own), quote=quote, problem=problem)


def settle(room: Room, loan_id: str, quote_id: str) -> ResponseReturnValue:
    """Pay everything by the quote; one that does not hold any more leads to a new one."""
    consumer_id = room.who()
    own_quote(room.deps, consumer_id, loan_id, quote_id)
    try:
        settle_now(room.deps, consumer_id, quote_id)
    except RuleRefused as refused:
        if refused.code not in RENEWED:
            raise
        fresh = quote_own(room.deps, consumer_id, loan_id)
        return go("settlement", loan_id=loan_id, quote_id=fresh.id, renewed=refused.code)
    return go("loan", loan_id=loan_id, paying="1")


def payment(room: Room, loan_id: str) -> ResponseReturnValue:
    """Ask how much to pay, and what it is for."""
    own = one_loan(room.deps, room.who(), loan_id)
    return show("payment", **_form(own, _usual(own).decimal_text, DeductionPurpose.PAYMENT))


def pay(room: Room, loan_id: str) -> ResponseReturnValue:
    """Pay the amount: deducted from the account that is known, or at the bank's page by a link."""
    consumer_id = room.who()
    own = one_loan(room.deps, consumer_id, loan_id)
    typed, wanted = request.form.get("amount", ""), request.form.get("purpose", "")
    purpose = DeductionPurpose(wanted) if wanted in PURPOSES else DeductionPurpose.PAYMENT
    try:
        amount = _amount(typed, own.loan.principal.currency)
        if request.form.get("way") == "link":
            order = open_own_order(room.deps, consumer_id, loan_id, amount)
            return redirect(url_for("paying.order", token=order.token), 303)
        pay_now(room.deps, consumer_id, loan_id, amount, purpose)
    except DomainError as error:
        return show_refusal(error, "payment", **_form(own, typed[:20], purpose))
    return go("loan", loan_id=loan_id, paying="1")


def _form(own: OwnLoan, typed: str, purpose: DeductionPurpose) -> dict[str, object]:
    return {"view": loan_view(own), "typed": typed, "purpose": purpose}


def _usual(own: OwnLoan) -> Money:
    """Return what is due already, or else the next installment."""
    nothing = Money(0, own.loan.principal.currency)
    rows = [row for row in own.installments if row.is_open]
    due = sum((row.outstanding for row in rows if row.due_on <= own.today), nothing)
    return due if due.minor or not rows else rows[0].outstanding


def _amount(text: str, currency: str) -> Money:
    try:
        return Money.parse(text.strip(), currency)
    except AmountError as wrong:
        raise RuleRefused("this is not an amount", code="amount_invalid", field="amount") from wrong
