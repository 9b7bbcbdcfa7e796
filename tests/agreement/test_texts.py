"""Amounts, rates and dates in print; canonical JSON; wording; what the fonts can draw."""

import hashlib
import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from fenqi.disclosure.packs import LANGUAGES, read_data
from fenqi.finance.money import Money
from fenqi.finance.plan import DISCLOSURES

from merchant_server.providers.agreement import (
    TemplateBroken,
    TermsRefused,
    TypstRenderer,
    canonical_json,
    renderer,
)
from merchant_server.providers.agreement.coverage import covered_characters
from merchant_server.providers.agreement.figures import short_date_text, yuan_in_words

PACKAGE = Path(renderer.__file__).parent
JCS = Path(__file__).parents[2].parent / "shared" / "vectors" / "standards" / "rfc8785_jcs.json"


@pytest.mark.parametrize(
    ("minor", "words"),
    [
        (0, "人民币零元整"), (399_900, "人民币叁仟玖佰玖拾玖元整"), (100_000, "人民币壹仟元整"),
        (140_950, "人民币壹仟肆佰零玖元伍角整"), (600_714, "人民币陆仟零柒元壹角肆分"),
        (168_032, "人民币壹仟陆佰捌拾元叁角贰分"), (10_700_053, "人民币壹拾万柒仟元伍角叁分"),
        (1_640_902, "人民币壹万陆仟肆佰零玖元零贰分"), (32_504, "人民币叁佰贰拾伍元零肆分"),
        (5, "人民币伍分"), (50, "人民币伍角整"), (1_000_000_100, "人民币壹仟万零壹元整"),
        (10_000_000_000, "人民币壹亿元整"), (10_000_000_000_100, "人民币壹仟亿零壹元整"),
        (100_010_000, "人民币壹佰万零壹佰元整"), (10_001_000_000, "人民币壹亿零壹万元整"),
    ],
)  # fmt: skip
def test_yuan_are_written_out_as_the_payment_rules_show(minor: int, words: str) -> None:
    assert yuan_in_words(Money(minor, "CNY")) == words


def test_dates_of_a_column_are_short_in_each_language() -> None:
    day = date(2026, 1, 2)
    assert (short_date_text(day, "zh-CN"), short_date_text(day, "en")) == ("2026-01-02", "2 Jan 2026")


def test_canonical_json_sorts_by_utf_16_and_escapes_as_rfc_8785_shows() -> None:
    value = {"€": 1, "\r": 2, "\ufb33": 3, "1": 4, "😀": 5, "\x80": 6, "ö": 7, "a": '\x0f\n"\\é'}
    expected = '{"\\r":2,"1":4,"a":"\\u000f\\n\\"\\\\é","\x80":6,"ö":7,"€":1,"😀":5,"\ufb33":3}'
    assert canonical_json(value).decode() == expected


@pytest.mark.skipif(not JCS.exists(), reason="the RFC 8785 vectors stand beside the repository only")
def test_canonical_json_gives_the_published_bytes() -> None:
    same, refused = 0, 0
    for case in json.loads(JCS.read_text())["cases"]:
        value = json.loads(case["input"])
        if re.search(r"\d\.\d|\d[eE]", case["input"]):
            with pytest.raises(TermsRefused):
                canonical_json(value)
            refused += 1
            continue
        assert canonical_json(value).hex() == case["output_hex"], case["id"]
        same += 1
    assert (same, refused) == (4, 2)


@pytest.mark.parametrize(
    "value", [1.0, {"a": [0.1]}, 2**53, -(2**53), "\ud800", {1: 2}, {"a": b"x"}, {"\udfff": 1}]
)
def test_canonical_json_refuses_what_another_reader_could_read_differently(value: Any) -> None:
    with pytest.raises(TermsRefused):
        canonical_json(value)


@pytest.mark.parametrize("name", [*DISCLOSURES, "words"])
def test_both_fonts_draw_every_disclosure_in_both_languages(name: str) -> None:
    def texts(value: Any) -> str:
        if isinstance(value, str):
            return value
        children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        return "".join(texts(child) for child in children)

    data = read_data(f"{name}.json")
    parts = [data.get(part, {}) for part in ("texts", "laws", *LANGUAGES)]
    needed = {ord(character) for character in texts(parts)}
    for font in ("NotoSansSC-Regular.otf", "NotoSansSC-Bold.otf"):
        assert not needed - covered_characters(PACKAGE / "fonts" / font)


def test_both_wordings_have_the_same_texts_with_the_same_braces() -> None:
    def shape(value: Any) -> Any:
        if isinstance(value, str):
            return sorted(set(re.findall(r"\{\w+\}", value)))
        if isinstance(value, dict):
            return {key: shape(item) for key, item in value.items()}
        return [shape(item) for item in value]

    chinese, english = (
        json.loads((PACKAGE / f"wording.{name}.json").read_text()) for name in ("zh-CN", "en")
    )
    assert shape(chinese) == shape(english)


def test_the_fonts_draw_the_national_standard_and_characters_of_names() -> None:
    regular = covered_characters(PACKAGE / "fonts" / "NotoSansSC-Regular.otf")
    cells = (bytes([row, cell]) for row in range(0xB0, 0xF8) for cell in range(0xA1, 0xFF))
    standard = {ord(text) for text in (cell.decode("gb2312", "ignore") for cell in cells) if text}
    assert len(standard) == 6763
    assert standard <= regular
    assert {
        ord(character) for character in "喆堃珺翀昇玥璟煊祎翊珅玟旻婳媖·ÀéüñABCxyz0123456789¥€"
    } <= regular
    assert not {0, 0x0A, 0x1F600, 0x20BB7, 0xFFFF} & regular


def test_both_cmap_formats_of_a_font_are_read_alike() -> None:
    bold = covered_characters(PACKAGE / "fonts" / "NotoSansSC-Bold.otf")
    regular = covered_characters(PACKAGE / "fonts" / "NotoSansSC-Regular.otf")
    assert len(bold) == 4658
    assert len(regular) == 9133
    assert bold < regular


def test_a_damaged_font_is_named(tmp_path: Path) -> None:
    for content in (b"", b"OTTO", b"\0" * 100, (PACKAGE / "fonts" / "NotoSansSC-Bold.otf").read_bytes()[:40]):
        (tmp_path / "broken.otf").write_bytes(content)
        with pytest.raises(TemplateBroken, match=r"broken\.otf"):
            covered_characters(tmp_path / "broken.otf")


def test_the_fonts_are_the_ones_recorded_with_their_licence() -> None:
    record = json.loads((PACKAGE / "fonts" / "FONTS.json").read_text())
    assert {font["file"] for font in record["fonts"]} == {
        path.name for path in (PACKAGE / "fonts").glob("*.otf")
    }
    for font in record["fonts"]:
        content = (PACKAGE / "fonts" / font["file"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == font["sha256"]
        assert (PACKAGE / "fonts" / font["license_file"]).read_text().count("SIL OPEN FONT LICENSE") == 1


def test_a_wording_that_the_bold_font_cannot_draw_stops_the_start(tmp_path: Path) -> None:
    own = PACKAGE
    for file in (*own.glob("*.typ"), *own.glob("*.json")):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "fonts").symlink_to(own / "fonts")
    TypstRenderer(tmp_path)
    wording = (own / "wording.zh-CN.json").read_text()
    (tmp_path / "wording.zh-CN.json").write_text(wording.replace("代扣授权", "代扣授權龘"))
    with pytest.raises(TemplateBroken, match="龘"):
        TypstRenderer(tmp_path)
    (tmp_path / "wording.zh-CN.json").unlink()
    with pytest.raises(TemplateBroken, match="wording"):
        TypstRenderer(tmp_path)
