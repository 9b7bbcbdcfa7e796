"""Repositories of the counter: keys of tills, what they sold without network, and codes of store stickers."""

from datetime import date, datetime
from typing import Protocol

from merchant_server.domain.merchant import Store
from merchant_server.domain.till_key import OfflineSale, TillKey


class TillKeys(Protocol):
    """Keys by which tills sell without network."""

    def add(self, key: TillKey) -> None:
        """Store a new key. Raises TransitionConflict when these public keys are registered already."""
        ...

    def by_fingerprint(self, fingerprint: str) -> TillKey | None:
        """Return the key that a sale names, locked for this transaction where the engine can, or None."""
        ...

    def get(self, key_id: str) -> TillKey | None:
        """Return a key, or None."""
        ...

    def of_merchant(self, merchant_id: str) -> list[TillKey]:
        """Return a merchant's keys, oldest first."""
        ...

    def revoke(self, key_id: str, at: datetime) -> bool:
        """Take a key back; say whether there was a live one."""
        ...


class OfflineSales(Protocol):
    """Sales that phones brought."""

    def add(self, sale: OfflineSale, merchant_id: str) -> None:
        """Store a merchant's sale. Raises TransitionConflict when its nonce was used."""
        ...

    def get(self, till_key_id: str, nonce: str) -> OfflineSale | None:
        """Return the sale under a nonce, or None."""
        ...

    def of_checkout(self, checkout_id: str) -> OfflineSale | None:
        """Return the sale that a checkout came from, or None."""
        ...

    def sold_on(self, till_key_id: str, day: date) -> tuple[int, int]:
        """Return how many sales of a key were taken in on a day, and their sum in minor units."""
        ...


class StoreCodes(Protocol):
    """Short codes on the stickers of stores."""

    def put(self, code: str, store: Store, at: datetime) -> str:
        """Give a store its code, once; return the one that it has."""
        ...

    def store(self, code: str) -> Store | None:
        """Return the store behind a code, or None."""
        ...


class CounterRepositories(Protocol):
    """What a transaction offers of the counter."""

    @property
    def till_keys(self) -> TillKeys:
        """Tills that sell without network."""
        ...

    @property
    def offline_sales(self) -> OfflineSales:
        """What they sold."""
        ...

    @property
    def store_codes(self) -> StoreCodes:
        """What is printed on stickers."""
        ...
