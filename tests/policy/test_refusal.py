"""Refusals: both texts for every code, and nothing about fraud for the person at the other end."""

import re

import pytest

from merchant_server.domain.refusal import REFUSALS, Kind, UnknownReason, public, public_reasons, refusal

CHINESE = re.compile(r"[一-鿿]")


@pytest.mark.parametrize("code", sorted(REFUSALS))
def test_each_code_has_a_sentence_and_a_way_out_in_both_languages(code):
    entry = refusal(code)

    assert entry.code == code and re.fullmatch(r"[a-z][a-z_]*", code)
    for text in (entry.text("zh-CN"), entry.change("zh-CN")):
        assert CHINESE.search(text) and text.endswith("。")
    for text in (entry.text("en"), entry.change("en")):
        assert not CHINESE.search(text) and text.endswith(".")


def test_an_unknown_code_is_a_typed_error_that_carries_it():
    with pytest.raises(UnknownReason) as caught:
        refusal("no_such_code")

    assert caught.value.code == "no_such_code"


@pytest.mark.parametrize("code", [code for code in sorted(REFUSALS) if code.startswith("fraud_")])
def test_a_fraud_code_is_shown_as_the_general_refusal(code):
    assert refusal(code).leak is False
    assert public(code) is REFUSALS["general"]
    assert public_reasons(["score_too_low", code, "high_debts"], proven=True) == (REFUSALS["general"],)


def test_other_codes_are_shown_as_they_are_in_order_and_once():
    shown = public_reasons(["score_too_low", "high_debts", "high_debts"], proven=True)

    assert [entry.code for entry in shown] == ["score_too_low", "high_debts"]


def test_any_chinese_locale_reads_chinese_and_any_other_english():
    entry = refusal("age")

    assert entry.text("zh_Hans_CN") == entry.text("zh-CN") == entry.text_zh
    assert entry.text("en-GB") == entry.text("fr") == entry.text_en


def test_every_code_that_the_shipped_policy_can_emit_is_registered(document):
    written = set()
    for node in document["nodes"]:
        for rule in node.get("content", {}).get("rules", []):
            written |= {
                cell.strip('"')
                for column, cell in rule.items()
                if (column == "code" or column.startswith("factor_")) and cell != '""'
            }

    assert len(written) > 10
    assert written <= set(REFUSALS)
    assert not any(refusal(code).kind is Kind.FACTOR for code in written if code in ("age", "score_too_low"))
