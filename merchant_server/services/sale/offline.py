"""Sales of a till without network: a phone brings the till's signed word, and takes our signed answer back to it."""

import hashlib
import hmac

from fenqi.till.errors import TillRefused
from fenqi.till.grant import Grant
from fenqi.till.keys import PublicKeys, SecretKeys
from fenqi.till.messages import ReceiptMessage, SaleMessage, apart
from fenqi.till.receipts import Receipt, make_receipt

from merchant_server.domain.checkout import EXPIRES_IN_SECONDS_DEFAULT, Checkout
from merchant_server.domain.errors import NotFound, RuleRefused
from merchant_server.domain.merchant import Caller
from merchant_server.domain.till_key import OfflineBounds, OfflineSale, TillKey
from merchant_server.ports import UnitOfWork
from merchant_server.services.deps import Deps, merchant_of
from merchant_server.services.resources import SETTLED
from merchant_server.services.sale.checkouts import create_checkout
from merchant_server.services.sale.claims import held_checkout

METADATA_SALE = "offline_sale"
_SIGNED = tuple(status for status in SETTLED if status != "declined")


def server_keys(deps: Deps) -> SecretKeys:
    """Return the installation's keys of offline sales, derived from its key of codes."""
    return SecretKeys(hmac.digest(deps.code_key, b"fenqi keys of offline sales 1", "sha256"))


def add_till_key(
    deps: Deps, *, till_id: str, public_keys: PublicKeys, bounds: OfflineBounds, plan_ids: tuple[str, ...]
) -> Grant:
    """Let a till sell without network within bounds; return what the till keeps. Raises NotFound, RuleRefused.

    An empty `plan_ids` means every plan that the merchant has now.
    """
    mode = "test"
    with deps.storage.unit_of_work() as uow:
        merchant = next(
            (each for each in uow.merchants.all() if till_id in {t.id for t in uow.merchants.tills(each.id)}),
            None,
        )
        if merchant is None:
            raise NotFound("there is no such till", till_id=till_id)
        known = [plan.id for plan in uow.merchants.plans(merchant.id, mode)]
        unknown = [plan_id for plan_id in plan_ids if plan_id not in known]
        if unknown or not known:
            raise RuleRefused(
                f"there is no plan {(unknown or ['yet'])[0]!r}", code="field_invalid", field="plan_ids"
            )
        fingerprint = public_keys.fingerprint.hex()
        if uow.till_keys.by_fingerprint(fingerprint) is not None:
            raise RuleRefused(
                "these keys are registered already",
                code="till_key_taken",
                hint="other bounds need other keys: make a new key file at the till",
            )
        key = TillKey(
            id=deps.ids.new("tlk"),
            merchant_id=merchant.id,
            mode=mode,
            till_id=till_id,
            public_keys=str(public_keys),
            fingerprint=fingerprint,
            bounds=bounds,
            plan_ids=plan_ids or tuple(known),
            created_at=deps.clock.now(),
        )
        uow.till_keys.add(key)
        _audit(uow, deps, "till_key.added", key)
    return Grant(
        key_id=key.id,
        till_id=till_id,
        public_url=deps.public_url,
        server_keys=server_keys(deps).public,
        currency=merchant.currency,
        time_zone=merchant.time_zone,
        sale_minor_max=bounds.sale_minor_max,
        day_count_max=bounds.day_count_max,
        day_minor_max=bounds.day_minor_max,
        valid_seconds=bounds.valid_seconds,
        plan_ids=key.plan_ids,
    )


def revoke_till_key(deps: Deps, key_id: str) -> None:
    """Take a till's key back at once; what it signed and no phone has opened is refused. Raises NotFound."""
    with deps.storage.unit_of_work() as uow:
        key = uow.till_keys.get(key_id)
        if key is None or not uow.till_keys.revoke(key_id, deps.clock.now()):
            raise NotFound("there is no such live till key", key_id=key_id)
        _audit(uow, deps, "till_key.revoked", key)


def redeem(deps: Deps, letters: str, language: str | None = None) -> Checkout:
    """Return the checkout of an offline sale, made when the first phone brings it.

    Opening it again leads to the same checkout. `language` is what its pages speak. Raises Expired, or RuleRefused
    (offline_token_malformed, offline_token_forged, till_key_revoked, offline_sale_replayed, offline_clock_wrong,
    offline_amount_over_limit, offline_day_over_limit, offline_plans_unknown, and those of create_checkout).
    """
    message, signature = _read(letters)
    with deps.storage.reading() as uow:
        key = _signer(uow, message, signature)
        known = uow.offline_sales.get(key.id, message.id)
        if known is not None:
            return _again(uow, known, message)
    with deps.storage.unit_of_work() as uow:
        # The key's row is locked, so that two phones count against the same day's bounds in turn.
        key = _signer(uow, message, signature)
        known = uow.offline_sales.get(key.id, message.id)
        return _again(uow, known, message) if known else _accept(uow, deps, key, message, language)


def _read(letters: str) -> tuple[SaleMessage, bytes]:
    try:
        payload, signature = apart(letters)
        return SaleMessage.from_payload(payload), signature
    except TillRefused as refused:
        raise RuleRefused(refused.message, code="offline_token_malformed", hint=refused.hint or "") from None


def _signer(uow: UnitOfWork, message: SaleMessage, signature: bytes) -> TillKey:
    key = uow.till_keys.by_fingerprint(message.fingerprint.hex())
    if key is None or not PublicKeys.parse(key.public_keys).signed(message.signed_bytes(), signature):
        raise RuleRefused(
            "no till of ours signed this", code="offline_token_forged", hint="ask the shop for a new code"
        )
    return key


def _again(uow: UnitOfWork, known: OfflineSale, message: SaleMessage) -> Checkout:
    if known.digest != _digest(message):
        raise RuleRefused(
            "this till has used this number for another sale",
            code="offline_sale_replayed",
            hint="ask the shop for a new code",
        )
    checkout = uow.checkouts.get(known.checkout_id)
    assert checkout is not None
    return checkout


def _accept(
    uow: UnitOfWork, deps: Deps, key: TillKey, message: SaleMessage, language: str | None
) -> Checkout:
    now = deps.clock.now()
    key.refuse_if_revoked()
    key.refuse_outside_window(message.issued_at, now)
    merchant = merchant_of(uow, key.merchant_id)
    day = deps.today(uow, merchant)
    key.refuse_beyond_bounds(message.amount, *uow.offline_sales.sold_on(key.id, day))
    draft = {
        "amount": message.amount,
        "reference": message.reference,
        "description": "",
        "return_url": None,
        "plan_ids": list(key.plans(message.plans)),
        "store_id": None,
        "till_id": key.till_id,
        "capture": "automatic",
        "expires_in_seconds": EXPIRES_IN_SECONDS_DEFAULT,
        "language": language,
        "metadata": {METADATA_SALE: message.id},
    }
    caller = Caller(key.merchant_id, key.mode, key.id, ("create",))
    checkout = create_checkout(uow, deps, caller, draft)
    sale = OfflineSale(
        till_key_id=key.id,
        nonce=message.id,
        digest=_digest(message),
        checkout_id=checkout.id,
        day=day,
        amount=message.amount,
        issued_at=message.issued_at,
        accepted_at=now,
    )
    uow.offline_sales.add(sale, key.merchant_id)
    return checkout


def receipt_of(deps: Deps, token: str, claim: str) -> Receipt | None:
    """Return what the phone shows the till after the signature; None when the till can see that by itself."""
    with deps.storage.reading() as uow:
        checkout = held_checkout(uow, deps, token, claim)
        sale = uow.offline_sales.of_checkout(checkout.id)
        if sale is None or checkout.status not in _SIGNED or checkout.agreement_id is None:
            return None
        key = uow.till_keys.get(sale.till_key_id)
        agreement = uow.agreements.get(checkout.agreement_id)
    assert key is not None and agreement is not None and agreement.signed_at is not None
    public = PublicKeys.parse(key.public_keys)
    message = ReceiptMessage(
        public.fingerprint, bytes.fromhex(sale.nonce), agreement.signed_at, checkout.amount
    )
    return make_receipt(server_keys(deps), public, message)


def _digest(message: SaleMessage) -> str:
    return hashlib.sha256(message.payload()).hexdigest()


def _audit(uow: UnitOfWork, deps: Deps, action: str, key: TillKey) -> None:
    uow.audit.add(
        deps.ids.new("aud"),
        at=deps.clock.now(),
        actor="operator",
        action=action,
        subject=key.id,
        merchant_id=key.merchant_id,
    )
