"""Disclosure packs: what the law of a place asks to show, read from data. Computes nothing.

A pack is a JSON file beside this module, `pack.schema.json` is its form, and `version` changes whenever its
text does, so that a signed agreement can name what was shown.
"""

import json
from functools import lru_cache
from importlib.resources import files
from typing import Any, Final, NamedTuple

from fenqi.disclosure.errors import DisclosureError, UnknownPlace, WrongPack
from fenqi.finance.errors import shown
from fenqi.finance.plan import DISCLOSURES, Plan

LANGUAGES: Final = ("zh-CN", "en")
WORDS_FILE: Final = "words.json"


class Pack(NamedTuple):
    """One pack: its id, version, yearly-rate rule, reading time, and the rest of its data."""

    id: str
    version: str
    places: tuple[str, ...]
    yearly_rate: str
    reading_seconds: int
    data: dict[str, Any]

    def texts(self, language: str) -> dict[str, Any]:
        """Return the pack's texts in "zh-CN" or "en". Raises DisclosureError."""
        found: dict[str, Any] = self.data["texts"][checked_language(language)]
        return found

    def offer_sentence(self, language: str) -> str:
        """Return the one sentence that stands under every offer: "zh-CN", "zh-TW" or "en"."""
        sentences: dict[str, str] = self.data["offer_sentence"]
        if language not in sentences:
            allowed = ", ".join(sentences)
            raise DisclosureError(f"{shown(language)} is not written", field="language", allowed=allowed)
        return sentences[language]


def checked_language(language: str) -> str:
    """Return the language when packs are written in it. Raises DisclosureError."""
    if language not in LANGUAGES:
        allowed = ", ".join(LANGUAGES)
        raise DisclosureError(f"{shown(language)} is not written", field="language", allowed=allowed)
    return language


def pack_of(name: str) -> Pack:
    """Return the pack "CN", "EU", "UK" or "US". Raises DisclosureError for another name."""
    if name not in DISCLOSURES:
        raise DisclosureError(f"{shown(name)} is unknown", field="pack", allowed=", ".join(DISCLOSURES))
    return _read(name)


@lru_cache(maxsize=8)
def _read(name: str) -> Pack:
    data = read_data(f"{name}.json")
    return Pack(
        data["pack"],
        data["version"],
        tuple(data["places"]),
        data["yearly_rate"],
        data["reading_seconds"],
        data,
    )


@lru_cache(maxsize=8)
def words(language: str) -> dict[str, Any]:
    """Return the words that all packs share: methods, periods, fees. Raises DisclosureError."""
    found: dict[str, Any] = read_data(WORDS_FILE)[checked_language(language)]
    return found


def read_data(name: str) -> Any:
    """Return the JSON of a file beside this module."""
    return json.loads(files("fenqi.disclosure").joinpath(name).read_text(encoding="utf-8"))


def require_pack(place: str, plan: Plan) -> Pack:
    """Return the pack that a place asks for, provided the plan discloses by it; call it before anything is signed.

    `place` is the ISO 3166-1 alpha-2 code of where the consumer is. Raises UnknownPlace where no pack applies,
    WrongPack where another one does.
    """
    packs = [pack_of(name) for name in DISCLOSURES]
    needed = next((pack for pack in packs if place in pack.places), None)
    if needed is None:
        raise UnknownPlace(place, ", ".join(code for pack in packs for code in pack.places))
    if plan.disclosure != needed.id:
        raise WrongPack(place, plan.disclosure, needed.id, plan.id)
    return needed
