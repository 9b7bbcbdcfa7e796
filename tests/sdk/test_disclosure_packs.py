"""The packs as data: of one form, complete in both languages, and naming only figures and laws that exist."""

import json
import re
from datetime import date
from importlib.resources import files
from string import Formatter
from typing import Any

import pytest
from fenqi.disclosure import UnknownPlace, WrongPack, pack_of, require_pack
from fenqi.disclosure.charges import ITEMS, LateTerms
from fenqi.disclosure.errors import DisclosureError
from fenqi.disclosure.facts import CONDITIONS, facts_of
from fenqi.disclosure.packs import LANGUAGES, read_data, words
from fenqi.finance import Money, Plan, apr
from fenqi.finance.plan import DISCLOSURES, METHODS
from fenqi.offers import quote
from jsonschema import Draft202012Validator, FormatChecker

PACKS = [read_data(f"{name}.json") for name in DISCLOSURES]
SCHEMA = read_data("pack.schema.json")
EU_MEMBERS = re.findall("..", "ATBEBGHRCYCZDKEEFIFRDEGRHUIEITLVLTLUMTNLPLPTROSKSIESSE")


def figures() -> set[str]:
    (offer,) = quote(Money(100000, "CNY"), [Plan(id="p", installments=3)], on=date(2026, 11, 21))
    names = {"creditor": "a", "merchant": "b"} | {f"{item}_taken_by": "c" for item in ITEMS}
    return set(facts_of(offer, pack_of("CN"), "en", names, LateTerms.read("0", None, "CNY")).figures)


def items(pack: dict[str, Any]) -> list[dict[str, Any]]:
    return [row for section in pack["sections"] for row in section["rows"]]


def strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    return [text for part in value for text in strings(part)]


@pytest.mark.parametrize("pack", PACKS, ids=DISCLOSURES)
def test_a_pack_has_the_published_form(pack: dict[str, Any]) -> None:
    Draft202012Validator.check_schema(SCHEMA)
    faults = Draft202012Validator(SCHEMA, format_checker=FormatChecker()).iter_errors(pack)
    assert [fault.message for fault in faults] == []


def test_the_form_refuses_a_pack_without_english() -> None:
    broken = json.loads(json.dumps(PACKS[0]))
    del broken["texts"]["en"]
    assert not Draft202012Validator(SCHEMA).is_valid(broken)


@pytest.mark.parametrize("pack", PACKS, ids=DISCLOSURES)
def test_no_text_is_missing_in_a_language_and_none_is_left_over(pack: dict[str, Any]) -> None:
    for language in LANGUAGES:
        texts = pack["texts"][language]
        assert list(texts["sections"]) == [section["key"] for section in pack["sections"]]
        assert set(texts["rows"]) == {item["key"] for item in items(pack)}
        assert set(texts["statements"]) == {item["key"] for item in pack["statements"]}
        for item in items(pack):
            assert item.get("figure") or "value" in texts["rows"][item["key"]], item
    chinese, english = (pack["texts"][language] for language in LANGUAGES)
    for key, row in chinese["rows"].items():
        assert set(row) == set(english["rows"][key]), key
    assert bool(chinese["warning"]) == bool(english["warning"])


@pytest.mark.parametrize("pack", PACKS, ids=DISCLOSURES)
def test_a_pack_names_only_figures_conditions_and_laws_that_exist(pack: dict[str, Any]) -> None:
    known = figures()
    for item in [*items(pack), *pack["statements"]]:
        assert item["when"] in CONDITIONS
        assert item["law"] in pack["laws"]
        assert item.get("figure", "creditor") in known
    assert pack["required_when"] in CONDITIONS
    assert {item["law"] for item in [*items(pack), *pack["statements"]]} == set(pack["laws"])
    assert set(pack["brief"]) <= {item["key"] for item in items(pack)}
    keys = [item["key"] for item in items(pack)]
    assert len(keys) == len(set(keys))
    for text in strings(pack["texts"]):
        assert {name for _, name, _, _ in Formatter().parse(text) if name is not None} <= known, text


@pytest.mark.parametrize("pack", PACKS, ids=DISCLOSURES)
def test_both_languages_say_the_same_figures_and_english_has_no_chinese(pack: dict[str, Any]) -> None:
    chinese, english = (pack["texts"][language] for language in LANGUAGES)
    for part in ("rows", "statements"):
        for key, text in english[part].items():
            found = [
                sorted(re.findall(r"\{(\w+)\}", " ".join(strings([said]))))
                for said in (chinese[part][key], text)
            ]
            assert found[0] == found[1], (part, key)
    laws = [law[part]["en"] for law in pack["laws"].values() for part in ("title", "reference")]
    assert not re.search(
        r"[\u3400-\u9fff]", " ".join([*strings(english), *laws, pack["offer_sentence"]["en"]])
    )


def test_shared_words_are_complete_in_both_languages() -> None:
    chinese, english = (words(language) for language in LANGUAGES)
    for part in ("methods", "periods", "charges"):
        assert set(chinese[part]) == set(english[part])
    assert set(chinese["methods"]) == set(METHODS)
    assert len(english["months"]) == 12


@pytest.mark.parametrize("name", DISCLOSURES)
def test_the_packs_yearly_rate_is_the_one_that_offers_carry(name: str) -> None:
    plan = Plan(id="p", installments=12, annual_rate="0.12", first_due_after="45 days", disclosure=name)
    (offer,) = quote(Money(500000, "EUR"), [plan], on=date(2026, 11, 21))
    assert offer.annual_cost == apr.of_schedule(offer.schedule, pack_of(name).yearly_rate)


@pytest.mark.parametrize(
    ("place", "name"), [("CN", "CN"), ("GB", "UK"), ("US", "US"), *((code, "EU") for code in EU_MEMBERS)]
)
def test_each_place_asks_for_its_own_pack(place: str, name: str) -> None:
    assert require_pack(place, Plan(id="p", installments=3, disclosure=name)).id == name


def test_no_place_has_two_packs() -> None:
    places = [place for pack in PACKS for place in pack["places"]]
    assert len(places) == len(set(places))


@pytest.mark.parametrize(("place", "name"), [("CN", "US"), ("DE", "CN"), ("GB", "EU"), ("US", "UK")])
def test_the_wrong_pack_for_the_place_refuses(place: str, name: str) -> None:
    with pytest.raises(WrongPack) as refused:
        require_pack(place, Plan(id="p7", installments=3, disclosure=name))
    found = refused.value
    assert (found.place, found.pack, found.plan_id, found.code) == (
        place,
        name,
        "p7",
        "disclosure_pack_wrong",
    )
    assert found.allowed == found.needed != name
    assert "changed(disclosure=" in str(found)


@pytest.mark.parametrize("place", ["", "HK", "NO", "cn", "XX", "China", None])
def test_a_place_without_a_pack_refuses(place: Any) -> None:
    with pytest.raises(UnknownPlace, match="place"):
        require_pack(place, Plan(id="p", installments=3))


def test_an_unknown_pack_or_language_is_refused_by_name() -> None:
    with pytest.raises(DisclosureError, match="FR"):
        pack_of("FR")
    with pytest.raises(DisclosureError, match="zh-CN, en"):
        pack_of("CN").texts("fr")
    with pytest.raises(DisclosureError, match="zh-TW"):
        pack_of("CN").offer_sentence("fr")


def test_pack_files_travel_with_the_package() -> None:
    names = {path.name for path in files("fenqi.disclosure").iterdir() if path.name.endswith(".json")}
    assert names == {f"{name}.json" for name in DISCLOSURES} | {"words.json", "pack.schema.json"}
