"""The strict JSON reader: what it refuses, where, and how fast it gives up."""

import base64
import json

import pytest
from fenqi.errors import JsonRefused
from fenqi.wire import strict_json
from hypothesis import given
from hypothesis import strategies as st

from .published import vectors

SUITE = vectors("fuzz/json_parsing.json") or {"cases": []}


@pytest.mark.parametrize(
    ("body", "reason", "position"),
    [
        (b'{"a":1,"a":2}', "twice", 7),
        (b'{"a":1,"b":{"c":1,"c":2},"a":2}', "'c' appears twice", 18),
        (b'{"a":1,"\\u0061":2}', "twice", 7),
        (b'{"a":1.5}', "not whole", 5),
        (b'{"a":1e2}', "not whole", 5),
        (b'{"a":-0.0}', "not whole", 5),
        (b"[NaN]", "NaN", 1),
        (b"[Infinity]", "Infinity", 1),
        (b"[-Infinity]", "-Infinity", 1),
        (b'["99999999999999999999", 1000000000000000001]', "10**18", 25),
        (b'{"a":-1000000000000000001}', "10**18", 5),
        (b"9" * 5000, "10**18", 0),
        (b"[" * 33 + b"]" * 33, "deeper", 32),
        (b'["\\ud800"]', "surrogate", 1),
        (b'{"\\udfff": 1}', "surrogate", 1),
        (b"\xef\xbb\xbf{}", "byte order mark", 0),
        (b"\xff\xfe{\0}\0", "byte order mark", 0),
        (b'["\xff"]', "not UTF-8", 2),
        (b'["\xed\xa0\x80"]', "not UTF-8", 2),
        (b"", "expecting value", 0),
        (b"{} {}", "extra data", 3),
        (b'{"a":1,}', "", 7),
        (b'["\x00"]', "control character", 2),
    ],
)
def test_what_two_readers_could_read_differently_is_refused_with_its_place(
    body: bytes, reason: str, position: int
) -> None:
    with pytest.raises(JsonRefused) as caught:
        strict_json(body)
    assert reason.lower() in caught.value.reason.lower()
    assert caught.value.position == position
    assert caught.value.code == "body_malformed"


def test_text_is_no_body() -> None:
    with pytest.raises(JsonRefused, match="expected bytes, got str"):
        strict_json("{}")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b'{"a":[1,-2,0,1000000000000000000,"1.5",true,false,null]}',
        '{"名":"分期😀"}'.encode(),
        b'["\\ud83d\\ude00"]',
        b"[" * 32 + b"]" * 32,
        b' \t\r\n{"a" :1} ',
        b'["[{NaN 1.5"]',
    ],
)
def test_plain_json_is_read_as_json_reads_it(body: bytes) -> None:
    assert strict_json(body) == json.loads(body)


@pytest.mark.parametrize("case", SUITE["cases"], ids=lambda case: case["name"])
def test_the_parsing_suite_has_no_surprise(case: dict[str, str]) -> None:
    """Invalid documents are refused; valid ones are read, or refused for a rule of ours that is stricter."""
    body = base64.b64decode(case["b64"])
    try:
        read = strict_json(body)
    except JsonRefused as refused:
        if case["expect"] == "accept":
            assert "not whole" in refused.reason or "twice" in refused.reason
        return
    assert case["expect"] == "accept"
    assert read == json.loads(body)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**18), 10**18)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(JSON, st.booleans())
def test_whatever_is_within_the_rules_is_read_back_the_same(value: object, ascii_only: bool) -> None:
    assert strict_json(json.dumps(value, ensure_ascii=ascii_only).encode()) == value


@given(st.binary(max_size=60) | st.text(alphabet='{}[]":,\\u0123456789.eE-naN ', max_size=60).map(str.encode))
def test_no_bytes_raise_anything_but_the_typed_refusal(body: bytes) -> None:
    try:
        strict_json(body)
    except JsonRefused as refused:
        assert refused.position is None or 0 <= refused.position <= len(body)
