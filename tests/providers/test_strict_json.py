"""The strict JSON parser takes what RFC 8259 allows, without floats, and raises one error for everything else."""

import base64
import json
from pathlib import Path

import pytest

from merchant_server.providers.http import INTEGER_MAX, NotStrictJson, closed_object, parse_json, read_money

VECTORS = Path(__file__).parents[2].parent / "shared" / "vectors" / "fuzz" / "json_parsing.json"
OURS = [
    (b'{"a": 1}', True),
    (b'{"a": {"b": [1, 2, null, true, "\xe4\xb8\xad"]}}', True),
    (str(INTEGER_MAX).encode(), True),
    (str(-INTEGER_MAX).encode(), True),
    (str(INTEGER_MAX + 1).encode(), False),
    (b"1.0", False),
    (b"1e2", False),
    (b"-0.0", False),
    (b'{"a": 1, "a": 1}', False),
    (b'{"a": {"b": 1, "\\u0062": 2}}', False),
    (b'"\\ud83d\\ude00"', True),
    (b'"\\ud83d"', False),
    (b'{"\\udc00": 1}', False),
    (b"\xff\xfe1\x00", False),
    (b"NaN", False),
    (b"-Infinity", False),
    (b"9" * 10_000, False),
    (b"[" * 100_000, False),
    (b'[{"":' * 50_000, False),
    (b"", False),
    (b"\xef\xbb\xbf{}", False),
]


@pytest.mark.parametrize(("raw", "good"), OURS)
def test_each_shape_is_taken_or_refused_by_the_one_error(raw: bytes, good: bool) -> None:
    if good:
        assert parse_json(raw) == json.loads(raw)
    else:
        with pytest.raises(NotStrictJson):
            parse_json(raw)


def test_the_public_parsing_suite_agrees_except_for_our_stricter_rules() -> None:
    """nst/JSONTestSuite: every bad text is refused; a good one is refused only for a number or a repeated key."""
    if not VECTORS.exists():
        pytest.skip("the reference vectors are not beside this checkout")
    suite = json.loads(VECTORS.read_text("utf-8"))
    refused_good = set()
    for case in suite["cases"]:
        try:
            parse_json(base64.b64decode(case["b64"]))
        except NotStrictJson as error:
            if case["expect"] == "accept":
                refused_good.add(error.reason)
        else:
            assert case["expect"] != "reject", case["name"]
    assert refused_good <= {
        "a number is not an integer",
        "a key appears twice in one object",
        f"an integer is beyond {INTEGER_MAX}",
    }


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        {"minor": 1},
        {"minor": True, "currency": "CNY"},
        {"minor": "1", "currency": "CNY"},
        {"minor": 1, "currency": "ZZZ"},
        {"minor": 1, "currency": "CNY", "x": 1},
        {"minor": INTEGER_MAX * 10, "currency": "CNY"},
    ],
)
def test_an_amount_is_a_closed_object_of_minor_units_and_a_known_currency(value: object) -> None:
    with pytest.raises(NotStrictJson):
        read_money(value)


def test_a_closed_object_names_the_field_that_is_wrong() -> None:
    with pytest.raises(NotStrictJson, match="the field b is missing"):
        closed_object({"a": 1}, {"a": int, "b": str})
    with pytest.raises(NotStrictJson, match="the field a is not of type int"):
        closed_object({"a": True}, {"a": int})
