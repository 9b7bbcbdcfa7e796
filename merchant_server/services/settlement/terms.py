"""Agreeing how a merchant is settled, and with whose money: what an operator sets."""

from dataclasses import replace
from typing import Any

from fenqi.finance.money import Money

from merchant_server.domain.errors import NotFound, RuleRefused
from merchant_server.domain.payout import (
    HOUSE,
    LENDER,
    PAYOUT_DAYS_DEFAULT,
    WHOLE_BPS,
    Lender,
    SettlementTerms,
    is_funder,
)
from merchant_server.ports import UnitOfWork
from merchant_server.services.deps import Deps, merchant_of


def set_terms(deps: Deps, merchant_id: str, **changes: Any) -> SettlementTerms:
    """Set some of a merchant's settlement terms and return all; a new account ends a pause.

    Fields are those of SettlementTerms; what is left out stays. Raises NotFound, RuleRefused for terms out of range.
    """
    with deps.storage.unit_of_work() as uow:
        merchant = merchant_of(uow, merchant_id)
        was = uow.settlements.terms(merchant_id, locked=True)
        before = was or SettlementTerms(
            merchant_id=merchant_id,
            version=0,
            payout_account=None,
            payout_days=PAYOUT_DAYS_DEFAULT,
            minimum=Money(1, merchant.currency),
            reserve_bps=0,
            reserve_days=0,
            funder=HOUSE,
            next_payout_on=deps.today(uow, merchant),
        )
        _check_funder(uow, changes.get("funder"), merchant.currency)
        if "payout_account" in changes:
            changes |= {"paused_code": ""}
        terms = replace(before, version=before.version + 1, **changes)
        if terms.minimum.currency != merchant.currency:
            raise RuleRefused(
                f"this merchant sells in {merchant.currency}", code="currency_not_supported", field="minimum"
            )
        uow.settlements.put_terms(terms, was)
        _record(uow, deps, "settlement.terms_set", merchant_id, sorted(set(changes) - {"paused_code"}))
        return terms


def add_lender(
    deps: Deps, *, name: str, currency: str, interest_bps: int, account: str | None = None
) -> Lender:
    """Store a new lender. Raises RuleRefused for a share or an account that cannot be."""
    if not 0 <= interest_bps <= WHOLE_BPS:
        raise RuleRefused(
            "interest_bps is out of range", code="settlement_terms_invalid", hint=f"use 0 to {WHOLE_BPS}"
        )
    currency = Money(0, currency).currency
    lender = Lender(deps.ids.new("lnd"), name, currency, interest_bps, deps.clock.now(), account)
    with deps.storage.unit_of_work() as uow:
        uow.settlements.add_lender(lender)
        _record(uow, deps, "lender.added", lender.id, [])
    return lender


def set_lender_account(deps: Deps, lender_id: str, account: str) -> Lender:
    """Say where a lender is paid and its money is drawn from; ends a pause. Raises NotFound, RuleRefused."""
    with deps.storage.unit_of_work() as uow:
        lender = uow.settlements.lender(lender_id)
        if lender is None:
            raise NotFound("there is no such lender", lender_id=lender_id)
        changed = replace(lender, account=account, paused_code="")
        uow.settlements.save_lender(changed)
        _record(uow, deps, "lender.account_set", lender_id, ["account"])
    return changed


def set_plan_funder(
    deps: Deps, merchant_id: str, plan_id: str, funder: str | None, mode: str = "test"
) -> None:
    """Say whose money a plan's loans are from now on; None follows the merchant. Raises NotFound, RuleRefused."""
    # Shares are booked on the merchant's payout days, which the terms know.
    set_terms(deps, merchant_id)
    with deps.storage.unit_of_work() as uow:
        merchant = merchant_of(uow, merchant_id)
        _check_funder(uow, funder, merchant.currency)
        if not uow.settlements.set_plan_funder(merchant_id, mode, plan_id, funder):
            raise NotFound("there is no such plan", hint="GET /v1/plans lists the merchant's plans")
        _record(uow, deps, "plan.funder_set", merchant_id, [plan_id, funder or "as the merchant"])


def _check_funder(uow: UnitOfWork, funder: str | None, currency: str) -> None:
    if funder is None:
        return
    if not is_funder(funder):
        raise RuleRefused(
            "that is no funder",
            code="settlement_terms_invalid",
            field="funder",
            hint="use house, merchant or lender:<id>",
        )
    if funder.startswith(LENDER):
        lender = uow.settlements.lender(funder.removeprefix(LENDER))
        if lender is None or lender.currency != currency:
            raise NotFound(
                f"there is no lender with that id in {currency}", hint="fenqi-server lender create"
            )


def _record(uow: UnitOfWork, deps: Deps, action: str, subject: str, changed: list[str]) -> None:
    uow.audit.add(
        deps.ids.new("aud"),
        at=deps.clock.now(),
        actor="operator",
        action=action,
        subject=subject,
        detail={"changed": changed},
    )
