"""Whence an application comes, and what is counted about it: person, phone, device, store, address prefix."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from merchant_server.domain.address import address_prefix
from merchant_server.domain.consumer import Person


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a page knows besides the form. Empty texts mean not known, and are neither counted nor blocked.

    `device` is the secret that a browser holds its checkouts by; `address` the visitor's IP address.
    `income_minor` (a month) and `debts_minor` (in all) are what the person says, 0 when not asked.
    """

    device: str = ""
    address: str = ""
    income_minor: int = 0
    debts_minor: int = 0

    def __repr__(self) -> str:
        return "Circumstances(***)"

    def keys(self, person: Person, store_id: str | None) -> dict[str, str]:
        """Return what is counted, by kind, in the clear; storage keeps keyed hashes only."""
        known = {
            "person": person.id_number,
            "phone": person.phone,
            "device": self.device,
            "store": store_id or "",
            "address": address_prefix(self.address),
        }
        return {kind: key for kind, key in known.items() if key}


@dataclass(frozen=True, slots=True)
class Velocity:
    """How often each kind applied within its window, and how many people share a phone and a device."""

    applications: Mapping[str, int] = field(default_factory=dict)
    persons: Mapping[str, int] = field(default_factory=dict)
