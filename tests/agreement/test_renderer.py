"""What the rendered agreement shows, and what is refused before anything is drawn."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from merchant_server.ports import UnprintableCharacter
from merchant_server.providers.agreement import (
    TermsRefused,
    TypstRenderer,
    canonical_json,
)
from tests.agreement.conftest import sample_offer, sample_terms, yuan

MakeTerms = Callable[..., dict[str, Any]]
LARGEST_BYTES = 300_000
# Texts of the terms that are for machines alone, or that are read as numbers.
UNPRINTED = {
    "key",
    "figure",
    "law",
    "language",
    "currency",
    "annual_rate",
    "annual_cost",
    "early_settlement_fee_rate",
}
NAUGHTY = Path(__file__).parents[2].parent / "shared" / "vectors" / "fuzz" / "blns.json"


def text_of(pdf: bytes, folder: Path, *options: str) -> str:
    path = folder / "agreement.pdf"
    path.write_bytes(pdf)
    command = ["pdftotext", *options, str(path), "-"]
    return subprocess.run(command, capture_output=True, check=True).stdout.decode()


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_the_same_terms_give_the_same_bytes_in_another_process(
    renderer: TypstRenderer, language: str
) -> None:
    program = (
        "import sys, hashlib\n"
        "from merchant_server.providers.agreement import TypstRenderer\n"
        "from tests.agreement.conftest import sample_terms\n"
        "pdf = TypstRenderer().render(sample_terms(sys.argv[1]), language=sys.argv[1])\n"
        "sys.stdout.buffer.write(pdf)\n"
    )
    elsewhere = subprocess.run(
        [sys.executable, "-c", program, language],
        capture_output=True, check=True, cwd=Path(__file__).parents[2], env=os.environ | {"TZ": "Asia/Shanghai"},
    ).stdout  # fmt: skip
    first = renderer.render(sample_terms(language), language=language)
    assert first == renderer.render(sample_terms(language), language=language) == elsewhere


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_every_amount_stands_in_the_text_exactly(
    renderer: TypstRenderer, make_terms: MakeTerms, tmp_path: Path, language: str
) -> None:
    terms = make_terms(language)
    text = text_of(renderer.render(terms, language=language), tmp_path, "-layout")
    for row in terms["installments"]:
        line = next(line for line in text.splitlines() if line.split()[:1] == [str(row["number"])])
        for part in ("principal", "interest", "fee", "total"):
            minor = row[part]["minor"]
            assert f"¥{minor // 100:,}.{minor % 100:02}" in line
    for figure in ("¥4,999.00", "¥999.80", "¥3,999.20", "¥264.70", "¥20.00", "¥296.70", "¥5,295.70", "12.00%",
                   "13.49%", "¥4,275.90"):  # fmt: skip
        assert figure in text


def test_the_disclosure_is_the_first_page_and_says_what_the_law_asks(
    renderer: TypstRenderer, make_terms: MakeTerms, tmp_path: Path
) -> None:
    terms = make_terms()
    pdf = renderer.render(terms, language="zh-CN")
    first = text_of(pdf, tmp_path, "-l", "1")
    joined = "".join(first.split())
    for phrase in ("综合融资成本明示表", "贷款本金", "¥3,999.20", "综合融资成本（年化）", "13.49%", "一次性费用",
                   "收取方", "逾期金额按年利率18.00%逐日计收罚息", "请根据自身还款能力理性借贷",
                   *("".join(law.split()) for law in terms["disclosure"]["laws"])):  # fmt: skip
        assert phrase in joined
    assert "第1条" not in joined
    assert "".join(text_of(pdf, tmp_path).split()).count("不再收取其他与贷款相关的息费") == 1


@pytest.mark.parametrize(
    ("charged", "phrase"), [(True, "penalty of 18.00% a year"), (False, "No penalty and no other")]
)
def test_the_contract_repeats_what_late_payment_and_early_settlement_cost(
    renderer: TypstRenderer, tmp_path: Path, charged: bool, phrase: str
) -> None:
    offer = sample_offer() if charged else sample_offer(annual_rate="0.12")
    text = " ".join(text_of(renderer.render(sample_terms("en", offer), language="en"), tmp_path).split())
    assert phrase in text
    assert ("the lender takes 1.00% of the principal" in text) == charged
    assert ("Early settlement costs nothing." in text) != charged


def test_the_principal_stands_in_capital_numerals_too(
    renderer: TypstRenderer, make_terms: MakeTerms, tmp_path: Path
) -> None:
    text = text_of(renderer.render(make_terms(), language="zh-CN"), tmp_path)
    assert "人民币叁仟玖佰玖拾玖元贰角整" in text


def test_the_attached_terms_are_the_canonical_terms(
    renderer: TypstRenderer, make_terms: MakeTerms, tmp_path: Path
) -> None:
    (tmp_path / "agreement.pdf").write_bytes(renderer.render(make_terms("en"), language="en"))
    subprocess.run(
        ["pdfdetach", "-saveall", "-o", str(tmp_path), str(tmp_path / "agreement.pdf")], check=True
    )
    assert (tmp_path / "terms.json").read_bytes() == canonical_json(make_terms("en"))


def test_the_file_is_a_small_archival_pdf_with_our_fonts_embedded(
    renderer: TypstRenderer, make_terms: MakeTerms, tmp_path: Path
) -> None:
    pdf = renderer.render(make_terms(), language="zh-CN")
    assert len(pdf) <= LARGEST_BYTES
    assert pdf.startswith(b"%PDF-1.7")
    assert b"<pdfaid:part>3</pdfaid:part><pdfaid:conformance>A</pdfaid:conformance>" in pdf
    path = tmp_path / "agreement.pdf"
    path.write_bytes(pdf)
    listed = subprocess.run(["pdffonts", str(path)], capture_output=True, check=True).stdout.decode()
    fonts = listed.splitlines()[2:]
    assert fonts
    assert all("NotoSansCJKsc" in font and "yes yes yes" in font for font in fonts)


@pytest.mark.parametrize(
    "hostile",
    [
        '#panic("stop") $x^2$ *bold* _em_ `raw` <label> @cite',
        '#read("/etc/passwd") \\ #import "@preview/x:0.1.0"',
        "</script><b>&amp;{{7*7}}{% x %}",
        "{agreement} {0} {name.__class__} %s %(x)s",
        "'; DROP TABLE loans; --",
        "= heading",
        "W" * 200,
        "一" * 200,
        "a_" * 100,
        "///" * 60,
    ],
)
def test_hostile_text_stays_text(
    renderer: TypstRenderer, make_terms: MakeTerms, tmp_path: Path, hostile: str
) -> None:
    text = text_of(renderer.render(make_terms("en", goods=hostile), language="en"), tmp_path)
    assert "".join(hostile.split()) in "".join(text.split())


def test_a_long_word_is_broken_inside_the_page(
    renderer: TypstRenderer, make_terms: MakeTerms, tmp_path: Path
) -> None:
    pdf = renderer.render(make_terms("en", goods="W" * 200), language="en")
    boxes = text_of(pdf, tmp_path, "-bbox").split("<word ")[1:]
    edges = [float(box.split('xMax="')[1].split('"')[0]) for box in boxes]
    assert edges and max(edges) <= 595.3 - 50


@pytest.mark.parametrize(
    ("character", "why"),
    [
        ("\0", "control"), ("\n", "control"), ("\u202e", "bidi override"), ("\u2066", "bidi isolate"),
        ("\u200f", "right-to-left mark"), ("\u200b", "zero width"), ("\u200d", "joiner"), ("\ufeff", "BOM"),
        ("😀", "emoji"), ("א", "not in the font"), ("𠮷", "rare"), ("\ue000", "private use"),
        ("\u2028", "line separator"), ("\ufe0f", "variation selector"), ("š", "not in the font"),
    ],
)  # fmt: skip
def test_a_character_that_cannot_be_seen_or_drawn_is_named_with_its_field(
    renderer: TypstRenderer, make_terms: MakeTerms, character: str, why: str
) -> None:
    terms = make_terms()
    terms["consumer"]["name"] = f"张{character}三"
    with pytest.raises(UnprintableCharacter) as refusal:
        renderer.render(terms, language="zh-CN")
    assert (refusal.value.character, refusal.value.field) == (character, "consumer.name"), why


def test_every_text_of_the_page_is_checked_for_missing_characters(
    renderer: TypstRenderer, make_terms: MakeTerms
) -> None:
    def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        if isinstance(value, str):
            return [path]
        children = (
            value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        )
        return [leaf for key, child in children for leaf in leaves(child, (*path, key))]

    checked = 0
    for path in leaves(make_terms()):
        terms = make_terms()
        place: Any = terms
        for key in path[:-1]:
            place = place[key]
        if (
            path[0] in {"installments", "language", "signed_on", "method", "fees", "plan"}
            or path[-1] in UNPRINTED
        ):
            continue
        place[path[-1]] += "😀"
        with pytest.raises(UnprintableCharacter):
            renderer.render(terms, language="zh-CN")
        checked += 1
    assert checked > 80


def test_a_lone_surrogate_is_refused(renderer: TypstRenderer, make_terms: MakeTerms) -> None:
    with pytest.raises(TermsRefused):
        renderer.render(make_terms(goods="\ud800"), language="zh-CN")


@pytest.mark.skipif(not NAUGHTY.exists(), reason="the naughty strings stand beside the repository only")
def test_naughty_strings_are_printed_as_they_are_or_refused_by_name(
    renderer: TypstRenderer, make_terms: MakeTerms, tmp_path: Path
) -> None:
    content = json.loads(NAUGHTY.read_text())
    strings = next(value for value in content.values() if isinstance(value, list))
    printed = 0
    for string in strings[::4]:
        try:
            pdf = renderer.render(make_terms("en", goods=string), language="en")
        except (UnprintableCharacter, TermsRefused):
            continue
        printed += 1
        if printed % 5 == 0:
            assert "".join(string.split()) in "".join(text_of(pdf, tmp_path).split())
    assert printed > 25


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"goods": "x" * 10_000}, "goods"),
        ({"goods": "  "}, "goods"),
        ({"goods": 7}, "goods"),
        ({"signed_on": "21 November"}, "signed_on"),
        ({"annual_cost": 0.13}, "annual_cost"),
        ({"annual_cost": "NaN"}, "annual_cost"),
        ({"principal": {"minor": 1.5, "currency": "CNY"}}, "principal"),
        ({"principal": {"minor": 399_900, "currency": "XXQ"}}, "principal"),
        ({"principal": yuan(-1)}, "principal"),
        ({"down_payment": {"minor": 0, "currency": "USD"}}, "down_payment"),
        ({"installments": []}, "installments"),
        ({"merchant": "shop"}, "merchant"),
        ({"disclosure": {"pack": "CN", "version": "1"}}, "disclosure.language"),
        ({"disclosure": sample_terms("en")["disclosure"]}, "disclosure.language"),
        ({"disclosure": sample_terms()["disclosure"] | {"statements": "none"}}, "disclosure.statements"),
        ({"disclosure": sample_terms()["disclosure"] | {"charges": []}}, "disclosure.charges"),
        ({"annual_cost": "0.12"}, "disclosure.annual_cost"),
        ({"amount": yuan(499_899)}, "disclosure.amount"),
        ({"language": "fr"}, "language"),
    ],
)
def test_terms_that_make_no_agreement_are_refused_with_the_field(
    renderer: TypstRenderer, make_terms: MakeTerms, changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(TermsRefused) as refusal:
        renderer.render(make_terms() | changes, language="zh-CN")
    assert refusal.value.field.removeprefix("terms.").startswith(field)


def test_figures_that_contradict_each_other_are_refused(
    renderer: TypstRenderer, make_terms: MakeTerms
) -> None:
    def add(terms: dict[str, Any], minor: int, *names: str) -> dict[str, Any]:
        return terms | {name: yuan(terms[name]["minor"] + minor) for name in names}

    fresh, other_part = make_terms(), make_terms()
    other_part["installments"][3]["interest"] = yuan(other_part["installments"][3]["interest"]["minor"] + 1)
    hidden_fee = add(fresh, 1, "total_cost")
    other_principal = add(fresh, 1, "principal")
    other_interest = add(fresh, -1, "total_interest", "total_cost")
    for terms in (other_part, hidden_fee, other_principal, other_interest):
        with pytest.raises(TermsRefused, match="sum to"):
            renderer.render(terms, language="zh-CN")


def test_a_plan_of_zero_interest_and_no_fee_renders(renderer: TypstRenderer, tmp_path: Path) -> None:
    pdf = renderer.render(sample_terms("en", sample_offer(annual_rate="0")), language="en")
    text = text_of(pdf, tmp_path)
    assert "0.00%" in text
    assert "and who takes" not in text


def test_a_schedule_of_thirty_years_renders_and_a_longer_one_is_refused(renderer: TypstRenderer) -> None:
    terms = sample_terms("zh-CN", sample_offer(installments=360, annual_rate="0.05"))
    assert len(renderer.render(terms, language="zh-CN")) <= 2 * LARGEST_BYTES
    with pytest.raises(TermsRefused, match="at most 360"):
        renderer.render(terms | {"installments": [*terms["installments"]] * 2}, language="zh-CN")


def test_threads_share_one_renderer_without_mixing_agreements(
    renderer: TypstRenderer, make_terms: MakeTerms
) -> None:
    wanted = {name: renderer.render(make_terms("en", goods=name), language="en") for name in ("pen", "lamp")}
    found: list[tuple[str, bytes]] = []

    def work(name: str) -> None:
        found.extend((name, renderer.render(make_terms("en", goods=name), language="en")) for _ in range(5))

    threads = [threading.Thread(target=work, args=(name,)) for name in ("pen", "lamp", "pen", "lamp")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 20
    assert all(pdf == wanted[name] for name, pdf in found)
