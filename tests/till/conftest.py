"""A till in front of a whole installation."""

from dataclasses import dataclass

import pytest
from fenqi import Money, Till
from fenqi.till import SecretKeys

from merchant_server.domain.till_key import OfflineBounds
from merchant_server.services.sale import offline
from tests.installation import Installation

BOUNDS = OfflineBounds(sale_minor_max=500_000, day_count_max=20, day_minor_max=2_000_000, valid_seconds=3600)


@dataclass
class Counter:
    """A till without network, the installation far away, and a phone between them."""

    house: Installation
    keys: SecretKeys
    till: Till

    def sell(self, minor=399_900, reference="order-1", **more):
        return self.till.sell(Money(minor, "CNY"), reference=reference, **more)

    def open(self, sale):
        """The phone opens the sale's link."""
        return offline.redeem(self.house.deps, letters(sale))

    def sign(self, sale, claim="phone-1"):
        """The phone goes all the way and shows the receipt."""
        checkout = self.open(sale)
        self.house.apply(checkout, claim=claim)
        self.house.choose(checkout, claim=claim)
        self.house.sign(checkout, claim=claim)
        return offline.receipt_of(self.house.deps, checkout.token, claim)


def letters(sale):
    return sale.url.rpartition("/o/")[2]


def granted(house, keys, bounds=BOUNDS, plan_ids=()):
    return offline.add_till_key(
        house.deps, till_id=house.till_id, public_keys=keys.public, bounds=bounds, plan_ids=plan_ids
    )


@pytest.fixture
def counter(installation, tmp_path):
    keys = SecretKeys.new()
    till = Till(keys, granted(installation, keys), tmp_path / "sales.sqlite", clock=installation.clock)
    return Counter(installation, keys, till)
