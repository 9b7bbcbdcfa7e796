"""What every use case is given: storage, providers, clock and ids, and the few settings that services read."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from merchant_server.domain.collection_hours import DAYTIME, CollectionHours
from merchant_server.domain.errors import NotFound
from merchant_server.domain.merchant import Merchant
from merchant_server.ports import (
    AgreementRenderer,
    AgreementSigner,
    Bank,
    BureauProvider,
    Circuits,
    Clock,
    CreditPolicy,
    HeadSigner,
    IdentityProvider,
    Ids,
    PolicyWorkshop,
    SmsSender,
    Storage,
    UnitOfWork,
    WebhookSender,
)


@dataclass(frozen=True, slots=True)
class Deps:
    """The outside of a service. `code_key` is the HMAC key of one-time codes; `rate_cap` the legal yearly cost.

    `policy` is the shipped one, which decides until another is published; `workshop` opens the published ones.
    `grace_days` are days after a due date that cost no penalty; after `return_after_days` money that pays nothing goes
    back to the consumer by itself, never when it is 0.
    `collection_hours` are when deductions are sent, `notice_days` how many days before the consumer is told.
    `codes_per_hour` is the whole installation's budget of text messages; `retention_years` how long a loan's records
    are kept after its end, `deliveries_kept_days` how long a delivery that arrived. `timestamp_when_down` is refuse or
    later: what becomes of a signature without a timestamp. `sandbox` says that the providers are pretended ones, so
    that nothing asked is real.
    `circuits` tells which outside sources are not asked at the moment; None where nothing stands before them.
    """

    storage: Storage
    clock: Clock
    ids: Ids
    identity: IdentityProvider
    bureau: BureauProvider
    sms: SmsSender
    bank: Bank
    policy: CreditPolicy
    workshop: PolicyWorkshop
    renderer: AgreementRenderer
    signer: AgreementSigner
    heads: HeadSigner
    sender: WebhookSender
    code_key: bytes
    public_url: str
    lender_name: str
    rate_cap: Decimal
    codes_per_hour: int = 3_000
    retention_years: int = 10
    grace_days: int = 3
    return_after_days: int = 14
    collection_hours: CollectionHours = DAYTIME
    notice_days: int = 3
    timestamp_when_down: str = "refuse"
    deliveries_kept_days: int = 30
    sandbox: bool = False
    circuits: Circuits | None = None

    def business_now(self, uow: UnitOfWork, merchant_id: str) -> datetime:
        """Return the merchant's time: wall time, plus its test clock's offset. Dates of loans follow it."""
        return self.clock.now() + timedelta(seconds=uow.merchants.clock_offset_seconds(merchant_id))

    def today(self, uow: UnitOfWork, merchant: Merchant) -> date:
        """Return the merchant's business date, in its own time zone."""
        return self.local_now(uow, merchant).date()

    def local_now(self, uow: UnitOfWork, merchant: Merchant) -> datetime:
        """Return the merchant's time in its own time zone."""
        return self.business_now(uow, merchant.id).astimezone(ZoneInfo(merchant.time_zone))

    def may_collect(self, uow: UnitOfWork, merchant: Merchant) -> bool:
        """Say whether this is an hour in which people's accounts may be charged, and they be told of it."""
        return self.collection_hours.has(self.local_now(uow, merchant))


def merchant_of(uow: UnitOfWork, merchant_id: str) -> Merchant:
    """Return the merchant, or raise NotFound."""
    merchant = uow.merchants.get(merchant_id)
    if merchant is None:
        raise NotFound("there is no such merchant", merchant_id=merchant_id)
    return merchant
