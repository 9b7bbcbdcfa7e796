"""Disclosure as the law of each place asks: packs are data, `disclose` is the one engine. Prices nothing."""

from fenqi.disclosure.charges import Charge, PossibleCharge
from fenqi.disclosure.errors import DisclosureError, UnknownPlace, WrongPack
from fenqi.disclosure.packs import LANGUAGES, Pack, pack_of, require_pack
from fenqi.disclosure.sheet import Disclosure, Row, Section, disclose
from fenqi.disclosure.tolerances import annual_rate_is_accurate, finance_charge_is_accurate

__all__ = [
    "LANGUAGES",
    "Charge",
    "Disclosure",
    "DisclosureError",
    "Pack",
    "PossibleCharge",
    "Row",
    "Section",
    "UnknownPlace",
    "WrongPack",
    "annual_rate_is_accurate",
    "disclose",
    "finance_charge_is_accurate",
    "pack_of",
    "require_pack",
]
