"""Statements of merchants and lenders: views of the ledger over some days, and what one payout is made of."""

from datetime import date
from typing import Any

from fenqi.finance.money import Money

from merchant_server.domain.errors import NotFound, RuleRefused
from merchant_server.domain.ledger import payable
from merchant_server.domain.merchant import Caller
from merchant_server.domain.payout import LENDER
from merchant_server.domain.settlement_postings import reserve
from merchant_server.domain.statement import Movement, Statement, totals_of
from merchant_server.ports import UnitOfWork
from merchant_server.services.deps import Deps, merchant_of
from merchant_server.services.settlement.payouts import find_payout

DAYS_MAX = 366
# What a statement may be about, by the end of the account's name.
MERCHANT_ACCOUNTS = ("payable", "reserve", "funded")
LENDER_ACCOUNTS = ("payable", "funded", "receivable")


def merchant_statement(
    deps: Deps, merchant_id: str, first: date, last: date, account: str = "payable"
) -> Statement:
    """Return what a merchant was owed from one day to another, both within. Raises NotFound, RuleRefused."""
    _check(first, last, account, MERCHANT_ACCOUNTS)
    with deps.storage.reading() as uow:
        merchant = merchant_of(uow, merchant_id)
        return _statement(
            uow,
            merchant.id,
            merchant.legal_name,
            f"merchant:{merchant.id}:{account}",
            merchant.currency,
            first,
            last,
        )


def lender_statement(
    deps: Deps, lender_id: str, first: date, last: date, account: str = "payable"
) -> Statement:
    """Return what a lender was owed from one day to another, both within. Raises NotFound, RuleRefused."""
    _check(first, last, account, LENDER_ACCOUNTS)
    with deps.storage.reading() as uow:
        lender = uow.settlements.lender(lender_id)
        if lender is None:
            raise NotFound("there is no such lender", lender_id=lender_id)
        return _statement(
            uow, lender.id, lender.name, f"{LENDER}{lender.id}:{account}", lender.currency, first, last
        )


def _check(first: date, last: date, account: str, known: tuple[str, ...]) -> None:
    if not first <= last or (last - first).days >= DAYS_MAX:
        raise RuleRefused(
            f"a statement covers 1 to {DAYS_MAX} days",
            code="period_invalid",
            field="to",
            hint="give the first and the last day",
        )
    if account not in known:
        raise RuleRefused(
            "there is no statement of that account",
            code="field_invalid",
            field="account",
            hint=f"use {', '.join(known)}",
        )


def _statement(
    uow: UnitOfWork, owner: str, name: str, account: str, currency: str, first: date, last: date
) -> Statement:
    opening = uow.settlements.balance_before(account, currency, first)
    movements = tuple(uow.settlements.movements(account, currency, first, last))
    return Statement(owner, name, account, first, last, opening, movements)


def statement_resource(statement: Statement) -> dict[str, Any]:
    """Return a statement as its public resource."""
    return {
        "object": "statement",
        "account": statement.account.rpartition(":")[2],
        "from": statement.first.isoformat(),
        "to": statement.last.isoformat(),
        "opening": statement.opening.to_dict(),
        "closing": statement.closing.to_dict(),
        "totals": {heading: amount.to_dict() for heading, amount in statement.totals},
        "lines": [line_resource(each) for each in statement.movements],
    }


def line_resource(line: Movement) -> dict[str, Any]:
    """Return one line of a statement as JSON."""
    return {
        "entry_id": line.entry_id,
        "occurred_on": line.occurred_on.isoformat(),
        "heading": line.heading,
        "loan_id": line.loan_id,
        "reference": line.reference,
        "amount": line.amount.to_dict(),
    }


def payout_statement(deps: Deps, caller: Caller, payout_id: str) -> dict[str, Any]:
    """Return what one payout is made of; its lines sum to its amount. Raises NotFound."""
    with deps.storage.reading() as uow:
        payout = find_payout(uow, caller, payout_id)
        lines = uow.settlements.movements_of_payout(payable(payout.merchant_id), payout.id)
    currency = payout.amount.currency
    return {
        "object": "payout_statement",
        "payout_id": payout.id,
        "amount": payout.amount.to_dict(),
        "totals": {heading: amount.to_dict() for heading, amount in totals_of(lines, currency)},
        "lines": [line_resource(each) for each in lines],
    }


def balance_resource(deps: Deps, caller: Caller) -> dict[str, Any]:
    """Return what a merchant is owed now: payable, kept back, and on its way."""
    with deps.storage.reading() as uow:
        merchant = merchant_of(uow, caller.merchant_id)

        def owed(account: str) -> dict[str, Any]:
            return (Money(0, merchant.currency) - uow.ledger.balance(account, merchant.currency)).to_dict()

        return {
            "object": "balance",
            "payable": owed(payable(merchant.id)),
            "reserve": owed(reserve(merchant.id)),
            "on_its_way": owed(f"merchant:{merchant.id}:payout"),
        }
