"""The bank's callbacks: authenticate the raw bytes, then hold every field against our own request row (law 8)."""

import contextlib
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from merchant_server.domain.deduction import Deduction, DeductionStatus
from merchant_server.domain.errors import Unauthenticated
from merchant_server.domain.payment_order import PaymentOrder
from merchant_server.ports import BankCallback, CallbackForged, CallbackKnown, CallbackMalformed, UnitOfWork
from merchant_server.services.collection.ordering import settle_order
from merchant_server.services.collection.settling import settle
from merchant_server.services.deps import Deps
from merchant_server.services.settlement.transfer_callbacks import apply_transfer, is_about_transfer

OUTCOMES = {
    "deduction.succeeded": DeductionStatus.SUCCEEDED,
    "deduction.failed": DeductionStatus.FAILED,
    "deduction.reversed": DeductionStatus.REVERSED,
}
# A payment order was paid at the bank's page.
PAID = "payment.succeeded"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a genuine callback: applied | unchanged | quarantined | duplicate; and whose it is, if known."""

    outcome: str
    reason: str = ""
    merchant_id: str | None = None


def receive(deps: Deps, body: bytes, headers: Mapping[str, str]) -> Verdict:
    """Apply one callback in one commit; the caller acknowledges only after this returns.

    Raises Unauthenticated for a forged, stale or altered one, which leaves one audit row and nothing else.
    """
    now = deps.clock.now()
    try:
        callback = deps.bank.authenticate(body, headers, now)
    except CallbackMalformed as malformed:
        _record_unread(deps, body, "callback.quarantined", malformed.reason, keep=True)
        return Verdict("quarantined", malformed.reason)
    except CallbackForged as forged:
        _record_unread(deps, body, "callback.forged", forged.reason)
        raise Unauthenticated(
            "the callback did not authenticate",
            code="callback_forged",
            hint="sign the raw bytes with a current key",
        ) from forged
    try:
        return deps.storage.run(lambda uow: _receive(uow, deps, callback, body, now))
    except CallbackKnown:
        return Verdict("duplicate")


def _receive(uow: UnitOfWork, deps: Deps, callback: BankCallback, body: bytes, now: datetime) -> Verdict:
    verdict = _apply(uow, deps, callback)
    uow.callbacks.record(
        gateway_account=callback.gateway_account,
        event_id=callback.event_id,
        at=now,
        reference=callback.reference,
        merchant_id=verdict.merchant_id,
        verdict=verdict.outcome,
        reason=verdict.reason,
        body=body.decode(),
    )
    return verdict


def _apply(uow: UnitOfWork, deps: Deps, callback: BankCallback) -> Verdict:
    if is_about_transfer(callback):
        moved, difference, merchant_id = apply_transfer(uow, deps, callback)
        if difference:
            return _quarantined(uow, deps, callback, difference, merchant_id)
        return _verdict(moved, merchant_id)
    if callback.kind == PAID:
        order = uow.payment_orders.get(callback.reference)
        difference = _difference(callback, order)
        if order is None or difference:
            return _quarantined(uow, deps, callback, difference, order.merchant_id if order else None)
        return _verdict(settle_order(uow, deps, order), order.merchant_id)
    deduction = uow.deductions.get(callback.reference)
    difference = _difference(callback, deduction)
    if deduction is None or difference:
        return _quarantined(uow, deps, callback, difference, deduction.merchant_id if deduction else None)
    uow.merchants.foresee(deduction.merchant_id)
    uow.events.foresee(deduction.merchant_id, deduction.mode)
    moved = settle(uow, deps, deduction, OUTCOMES[callback.kind], callback.code)
    return _verdict(moved, deduction.merchant_id)


def _verdict(moved: bool, merchant_id: str | None) -> Verdict:
    return Verdict("applied" if moved else "unchanged", merchant_id=merchant_id)


def _quarantined(
    uow: UnitOfWork, deps: Deps, callback: BankCallback, difference: str, merchant_id: str | None
) -> Verdict:
    uow.audit.add(
        deps.ids.new("aud"),
        at=deps.clock.now(),
        actor=f"bank {callback.gateway_account}",
        action="callback.quarantined",
        subject=callback.reference,
        merchant_id=merchant_id,
        detail={"event_id": callback.event_id, "difference": difference},
    )
    return Verdict("quarantined", difference, merchant_id)


def _difference(callback: BankCallback, ours: Deduction | PaymentOrder | None) -> str:
    if ours is None:
        return "reference"
    pairs = {
        "gateway_account": (callback.gateway_account, ours.gateway_account),
        "mode": (callback.mode, ours.mode),
        "mandate": (callback.mandate_reference, ours.mandate_id if isinstance(ours, Deduction) else ""),
        "currency": (callback.amount.currency, ours.amount.currency),
        "amount": (callback.amount.minor, ours.amount.minor),
        "kind": (callback.kind in OUTCOMES or callback.kind == PAID, True),
    }
    return ", ".join(name for name, (theirs, ours) in pairs.items() if theirs != ours)


def _record_unread(deps: Deps, body: bytes, action: str, reason: str, *, keep: bool = False) -> None:
    with contextlib.suppress(CallbackKnown), deps.storage.unit_of_work() as uow:
        if keep:
            # It names no event, so it is known by its bytes; staff look at it in the quarantine.
            uow.callbacks.record(
                gateway_account="",
                event_id=hashlib.sha256(body).hexdigest(),
                at=deps.clock.now(),
                reference="",
                merchant_id=None,
                verdict="quarantined",
                reason=reason,
                body=body.decode(errors="replace").replace("\0", "�"),
            )
        uow.audit.add(
            deps.ids.new("aud"),
            at=deps.clock.now(),
            actor="unknown",
            action=action,
            subject=hashlib.sha256(body).hexdigest(),
            detail={"reason": reason},
        )
