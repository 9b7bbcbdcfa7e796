"""The fake server's side of offline sales: grants, phones that open a till's code, and receipts. No network."""

from dataclasses import dataclass

from fenqi.errors import InvalidArgument
from fenqi.finance.money import Money
from fenqi.testing.clock import ManualClock
from fenqi.testing.fake_records import FakeCheckout
from fenqi.testing.fake_sales import FakeSales
from fenqi.till.counter import METADATA_SALE
from fenqi.till.errors import TillRefused
from fenqi.till.grant import Grant
from fenqi.till.keys import PublicKeys, SecretKeys
from fenqi.till.messages import ReceiptMessage, SaleMessage, apart
from fenqi.till.receipts import Receipt, make_receipt

_SIGNED = ("authorized", "captured", "closed")


@dataclass
class _Key:
    public: PublicKeys
    grant: Grant


class FakeTills:
    """What tills may sell without network, and what phones brought of it."""

    def __init__(self, sales: FakeSales, clock: ManualClock, public_url: str) -> None:
        self._sales, self._clock, self._public_url = sales, clock, public_url
        self._own = SecretKeys(bytes(range(32)))
        self._keys: dict[bytes, _Key] = {}
        self._brought: dict[bytes, tuple[FakeCheckout, SaleMessage]] = {}

    def grant(
        self,
        public_keys: PublicKeys,
        *,
        till_id: str = "til_1",
        sale_max: Money,
        day_max: Money | None = None,
        day_count_max: int = 50,
        valid_seconds: int = 3600,
    ) -> Grant:
        """Let a till sell without network, under every plan there is."""
        granted = Grant(
            key_id=f"tlk_{len(self._keys) + 1}",
            till_id=till_id,
            public_url=self._public_url,
            server_keys=self._own.public,
            currency=sale_max.currency,
            time_zone="Asia/Shanghai",
            sale_minor_max=sale_max.minor,
            day_count_max=day_count_max,
            day_minor_max=(day_max or sale_max * day_count_max).minor,
            valid_seconds=valid_seconds,
            plan_ids=tuple(self._sales.plans),
        )
        self._keys[public_keys.fingerprint] = _Key(public_keys, granted)
        return granted

    def open(self, url: str) -> str:
        """Play the phone that opens a sale's link; return the checkout's id, the same one each time.

        Raises TillRefused for what the real server refuses: forged, too old, or over the grant's bound of a sale.
        """
        payload, signature = apart(url.rpartition("/o/")[2])
        message = SaleMessage.from_payload(payload)
        key = self._keys.get(message.fingerprint)
        if key is None or not key.public.signed(message.signed_bytes(), signature):
            raise TillRefused("No till of ours signed this.", code="offline_token_forged")
        known = self._brought.get(message.nonce)
        if known is not None:
            if known[1] != message:
                raise TillRefused("This number was used for another sale.", code="offline_sale_replayed")
            return known[0].id
        now = self._clock.now()
        if now > key.grant.open_until(message.issued_at):
            raise TillRefused("This offline code is too old.", code="offline_sale_expired")
        if message.amount.minor > key.grant.sale_minor_max:
            raise TillRefused("The amount is over the till's limit.", code="offline_amount_over_limit")
        checkout = self._sales.create(_draft(message, key.grant), now)
        self._brought[message.nonce] = (checkout, message)
        return checkout.id

    def receipt(self, checkout_id: str) -> Receipt:
        """Return what the phone shows after the signature. Raises InvalidArgument before it."""
        for checkout, message in self._brought.values():
            if checkout.id == checkout_id and checkout.status in _SIGNED:
                key = self._keys[message.fingerprint]
                signed = ReceiptMessage(message.fingerprint, message.nonce, self._clock.now(), message.amount)
                return make_receipt(self._own, key.public, signed)
        raise InvalidArgument("No signed checkout of an offline sale has this id.", field="checkout_id")


def _draft(message: SaleMessage, grant: Grant) -> dict[str, object]:
    picked = [plan for place, plan in enumerate(grant.plan_ids) if message.plans >> place & 1]
    return {
        "amount": message.amount,
        "reference": message.reference,
        "description": "",
        "return_url": None,
        "plan_ids": picked or None,
        "store_id": None,
        "till_id": grant.till_id,
        "capture": "automatic",
        "expires_in_seconds": 900,
        "language": None,
        "metadata": {METADATA_SALE: message.id},
    }
