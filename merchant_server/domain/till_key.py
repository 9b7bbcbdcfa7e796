"""A till's own key, by which it sells while its shop has no network, and the bounds that the merchant set."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from fenqi.finance.money import Money

from merchant_server.domain.errors import Expired, RuleRefused

CLOCK_SKEW = timedelta(minutes=10)
VALID_SECONDS_MAX = 48 * 3600


@dataclass(frozen=True, slots=True)
class OfflineBounds:
    """How much one key may sell: a sale, a day's number, a day's sum, and how long a code may be opened."""

    sale_minor_max: int
    day_count_max: int
    day_minor_max: int
    valid_seconds: int

    def __post_init__(self) -> None:
        for name in ("sale_minor_max", "day_count_max", "day_minor_max", "valid_seconds"):
            if getattr(self, name) < 1:
                raise RuleRefused(f"{name} must be at least 1", code="field_invalid", field=name)
        if self.valid_seconds > VALID_SECONDS_MAX:
            raise RuleRefused(
                f"a code may be opened for {VALID_SECONDS_MAX} seconds at most",
                code="field_invalid",
                field="valid_seconds",
                hint="a customer stands at the counter; an hour is plenty",
            )


@dataclass(frozen=True, slots=True)
class TillKey:
    """The public half of a till's keys. `fingerprint` is what a sale names it by, in hexadecimal."""

    id: str
    merchant_id: str
    mode: str
    till_id: str
    public_keys: str
    fingerprint: str
    bounds: OfflineBounds
    plan_ids: tuple[str, ...]
    created_at: datetime
    revoked_at: datetime | None = None

    def refuse_if_revoked(self) -> None:
        """Raise RuleRefused when the key was taken back."""
        if self.revoked_at is not None:
            raise RuleRefused(
                "this till may not sell without network any more",
                code="till_key_revoked",
                hint="ask the shop to sell with network",
            )

    def refuse_outside_window(self, issued_at: datetime, now: datetime) -> None:
        """Raise Expired, or RuleRefused (offline_clock_wrong), unless the code may be opened now."""
        if issued_at > now + CLOCK_SKEW:
            raise RuleRefused(
                "the till's clock is ahead",
                code="offline_clock_wrong",
                hint="set the till's clock, then make a new code",
            )
        if now > issued_at + timedelta(seconds=self.bounds.valid_seconds):
            raise Expired("this offline code is too old", code="offline_sale_expired", hint="make a new code")

    def refuse_beyond_bounds(self, amount: Money, sold_count: int, sold_minor: int) -> None:
        """Raise RuleRefused when the sale, or the day with it, goes beyond what the merchant allowed."""
        bounds = self.bounds
        if amount.minor > bounds.sale_minor_max:
            raise RuleRefused(
                "this amount is above what the till may sell without network",
                code="offline_amount_over_limit",
                field="amount.minor",
                hint=f"at most {bounds.sale_minor_max}",
            )
        if sold_count >= bounds.day_count_max or sold_minor + amount.minor > bounds.day_minor_max:
            raise RuleRefused(
                "the till has sold what it may sell in a day without network",
                code="offline_day_over_limit",
                hint="ask the shop to sell with network",
            )

    def plans(self, bits: int) -> tuple[str, ...]:
        """Return the plans that a sale picks, bit by bit; 0 picks all. Raises RuleRefused for a bit too many."""
        if bits >> len(self.plan_ids):
            raise RuleRefused("the sale names plans that the key has not", code="offline_plans_unknown")
        picked = tuple(plan for place, plan in enumerate(self.plan_ids) if bits >> place & 1)
        return picked or self.plan_ids


@dataclass(frozen=True, slots=True)
class OfflineSale:
    """One sale that a till made without network and a phone brought. `digest` is of the till's message."""

    till_key_id: str
    nonce: str
    digest: str
    checkout_id: str
    day: date
    amount: Money
    issued_at: datetime
    accepted_at: datetime
