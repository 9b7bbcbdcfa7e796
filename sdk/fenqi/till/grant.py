"""What a merchant allows a till to sell without network, as `fenqi-server till key add` prints it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fenqi.errors import ConfigError
from fenqi.finance.errors import FinanceError
from fenqi.finance.money import Money
from fenqi.till.keys import PublicKeys

# Two clocks that nobody sets apart from this stay within it.
CLOCK_SKEW_SECONDS = 600
_WHOLE = ("valid_seconds", "sale_minor_max", "day_count_max", "day_minor_max")
_TEXTS = ("key_id", "till_id", "public_url", "server_keys", "currency", "time_zone")


@dataclass(frozen=True, slots=True)
class Grant:
    """The bounds of one till key. The till keeps to them, and the server enforces them.

    valid_seconds: how long after it was made a sale may still be opened. plan_ids: in the order that a sale's bits
    count them.
    """

    key_id: str
    till_id: str
    public_url: str
    server_keys: PublicKeys
    currency: str
    time_zone: str
    sale_minor_max: int
    day_count_max: int
    day_minor_max: int
    valid_seconds: int
    plan_ids: tuple[str, ...]

    @property
    def sale_max(self) -> Money:
        """The most that one sale may cost."""
        return Money(self.sale_minor_max, self.currency)

    def day_of(self, instant: datetime) -> date:
        """Return the merchant's day, which the daily bounds count by."""
        return instant.astimezone(ZoneInfo(self.time_zone)).date()

    def open_until(self, issued_at: datetime) -> datetime:
        """Return when a sale can no longer be opened."""
        return issued_at + timedelta(seconds=self.valid_seconds)

    def plans_bits(self, plan_ids: tuple[str, ...] | None) -> int:
        """Return the bits that name these plans. Raises ConfigError for one that the grant has not."""
        if plan_ids is None or set(plan_ids) == set(self.plan_ids):
            return 0
        unknown = [plan_id for plan_id in plan_ids if plan_id not in self.plan_ids]
        if unknown or not plan_ids:
            raise ConfigError(
                f"This till may offer {', '.join(self.plan_ids)} while offline.", field="plan_ids"
            )
        return sum(1 << self.plan_ids.index(plan_id) for plan_id in set(plan_ids))

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a grant's file. Raises ConfigError."""
        try:
            raw = json.loads(path.read_text())
        except (OSError, ValueError) as error:
            raise ConfigError(f"The grant {path} cannot be read: {error}.", field="grant") from error
        return cls.from_dict(raw)

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Self:
        """Read a grant's JSON. Raises ConfigError, naming the field."""
        if not isinstance(raw, Mapping):
            raise ConfigError("A grant is a JSON object.", field="grant")
        for name in (*_WHOLE, *_TEXTS):
            kind = int if name in _WHOLE else str
            if type(raw.get(name)) is not kind or not raw[name] or (kind is int and raw[name] < 1):
                raise ConfigError(f"The grant's {name} is missing or unusable.", field=name)
        plan_ids = raw.get("plan_ids")
        if (
            not isinstance(plan_ids, list)
            or not plan_ids
            or not all(isinstance(each, str) for each in plan_ids)
        ):
            raise ConfigError("The grant names no plans.", field="plan_ids")
        kept = {name: raw[name] for name in (*_WHOLE, *_TEXTS)}
        kept |= {"server_keys": PublicKeys.parse(raw["server_keys"]), "plan_ids": tuple(plan_ids)}
        grant = cls(**kept)
        try:
            ZoneInfo(grant.time_zone)
            _ = grant.sale_max
        except (ZoneInfoNotFoundError, ValueError, FinanceError) as error:
            raise ConfigError(f"The grant cannot be used: {error}.", field="grant") from error
        return grant

    def to_dict(self) -> dict[str, Any]:
        """Return the grant's JSON."""
        kept: dict[str, Any] = {name: getattr(self, name) for name in (*_TEXTS, *_WHOLE)}
        return kept | {"server_keys": str(self.server_keys), "plan_ids": list(self.plan_ids)}
