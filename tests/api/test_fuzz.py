"""Hostile bytes and texts from published lists: never a 5xx, never an effect, never another text than was sent."""

import base64
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.api.asking import draft, is_problem
from tests.installation import Installation

FOLDER = Path(__file__).parents[2].parent / "shared" / "vectors" / "fuzz"
# Enough of each kind to work from a clone alone; the published lists are used too when they lie beside it.
BODIES = {
    "n_broken": b'{"amount":', "n_two_values": b"{} {}", "n_trailing_comma": b'{"a": 1,}',
    "n_single_quotes": b"{'a': 1}",
    "n_bom": b"\xef\xbb\xbf{}", "n_utf16": '{"a": 1}'.encode("utf-16"), "n_latin1": b'{"a": "\xe9"}',
    "n_deep": b"[" * 100_000, "n_control": b'{"a": "\x00"}', "n_nan": b"[NaN]", "n_lone_surrogate": b'["\\ud800"]',
    "y_structure": b'{"asd": "sdf"}', "y_deep": b"[" * 20 + b"]" * 20,
}  # fmt: skip
TEXTS = (
    "undefined", "null", "-1", "1E400", "../../etc/passwd", "%00", "' OR 1=1 -- ", "<script>alert(1)</script>",
    "{{7*7}}", "\u202etxt", "\ufeff", "田中さん", "👩‍👩‍👧‍👧", "Ω≈ç√", "$(touch x)", "\x00",
    "\r\nSet-Cookie: a=b", "ﷺ" * 20,
)  # fmt: skip


def bodies() -> dict[str, bytes]:
    path = FOLDER / "json_parsing.json"
    if not path.exists():
        return BODIES
    cases = json.loads(path.read_text("utf-8"))["cases"]
    return BODIES | {case["name"]: base64.b64decode(case["b64"]) for case in cases}


def texts() -> tuple[str, ...]:
    path = FOLDER / "blns.json"
    known = json.loads(path.read_text("utf-8"))["strings"] if path.exists() else []
    return (*TEXTS, *known)


def effects(house: Installation) -> list[Any]:
    return [
        house.rows(f"SELECT COUNT(*) AS n FROM {table}")
        for table in ("checkouts", "events", "plans", "callbacks")
    ]


@pytest.mark.parametrize("path", ["/v1/checkouts", "/v1/plans", "/v1/test_clock/advance"])
def test_no_body_of_the_parsing_suite_is_taken_or_breaks_anything(house: Installation, path: str) -> None:
    before = effects(house)
    for name, body in bodies().items():
        answer = house.post(path, body)
        # An empty body stands for {}, which lacks every field.
        assert is_problem(answer)["status"] in (400, 422), name
        if name.startswith("n_") and body:
            assert answer.status_code == 400, name
    assert effects(house) == before


def test_no_body_of_the_parsing_suite_passes_for_a_callback(house: Installation) -> None:
    before = effects(house)
    for name, body in bodies().items():
        assert is_problem(house.client.post("/callbacks/bank", data=body))["status"] == 401, name
    assert effects(house) == before


@pytest.mark.parametrize("field", ["reference", "description", "metadata"])
def test_a_naughty_text_is_given_back_as_sent_or_refused(house: Installation, field: str) -> None:
    for text in texts():
        value: Any = {"note": text} if field == "metadata" else text
        answer = house.post("/v1/checkouts", draft(**{field: value}))
        if answer.status_code == 201:
            assert answer.get_json()[field] == value
            assert house.get(f"/v1/checkouts/{answer.get_json()['id']}").get_json()[field] == value
        else:
            assert is_problem(answer)["field"] in (field, "metadata.note"), text
            assert answer.status_code == 422, text


def test_a_naughty_path_or_query_finds_nothing(house: Installation) -> None:
    for text in texts():
        word = quote(text, safe="")
        for path in (
            f"/v1/checkouts/{word}",
            f"/v1/loans/{word}",
            f"/p/{word}",
            f"/v1/checkouts/{word}/stream",
        ):
            answer = house.get(path)
            assert answer.status_code in (200, 301, 308, 404, 405, 410), (text, answer.status_code)
            assert answer.status_code == 404 or not text.strip("/.") or "//" in text, (
                text,
                answer.status_code,
            )
        for query in ("reference", "cursor", "status", "limit", "checkout_id"):
            assert house.get(f"/v1/checkouts?{query}={word}").status_code in (200, 400, 422), text


def test_a_naughty_header_is_never_more_than_refused(house: Installation) -> None:
    for text in texts():
        header = text.replace("\r", "").replace("\n", "").encode("utf-8", "replace").decode("latin-1")
        key = house.client.post(
            "/v1/checkouts",
            json={},
            headers={"Authorization": f"Bearer {house.api_key}", "Idempotency-Key": header},
        )
        assert is_problem(key)["code"] in (
            "idempotency_key_missing",
            "idempotency_key_invalid",
            "field_invalid",
        ), text
        unknown = house.client.get("/v1/plans", headers={"Authorization": f"Bearer {header}"})
        assert is_problem(unknown)["code"] in ("authentication_required", "key_invalid"), text
        kind = house.post("/v1/checkouts", b"{}", **{"Content-Type": header or "x"})
        assert is_problem(kind)["status"] == 415, text
