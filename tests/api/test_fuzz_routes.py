"""Everything hostile that is published, at every place of every route of /v1: never a 5xx, always a problem of ours.

A sample of it by default; FENQI_FUZZ is how many texts a place gets, or all (`make soak`).
"""

import copy
import json
import os
import random
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from werkzeug.test import TestResponse

from tests.api.asking import is_problem
from tests.api.inventory import Operation, operations
from tests.api.test_fuzz import bodies, texts
from tests.api.test_tenancy import POLICY, belongings
from tests.installation import Installation

_WANTED = os.environ.get("FENQI_FUZZ", "2")
SAMPLE = None if _WANTED == "all" else int(_WANTED)
HEADERS = (
    "Authorization", "Idempotency-Key", "Fenqi-Version", "If-None-Match", "Content-Type",
    "Accept", "Accept-Language", "Forwarded", "Traceparent",
)  # fmt: skip


@pytest.fixture(scope="module")
def ids(house: Installation) -> dict[str, str]:
    """One of everything that has an id."""
    return belongings(house)


@pytest.fixture(scope="module")
def described(house: Installation) -> dict[str, Operation]:
    """Every operation by its name."""
    return {each.name: each for each in operations(house)}


def some(values: list[Any], place: str) -> list[Any]:
    """Return a sample that is the same in every run and another at every place."""
    return values if SAMPLE is None else random.Random(place).sample(values, min(SAMPLE, len(values)))


def ask(house: Installation, operation: Operation, path: str, body: Any, **headers: str) -> TestResponse:
    raw = body if isinstance(body, bytes | None) else json.dumps(body).encode()
    sent = {"Authorization": f"Bearer {house.api_key}", "Content-Type": "application/json"}
    if operation.method == "POST":
        sent["Idempotency-Key"] = f"fuzz-{random.getrandbits(64)}"
    return house.client.open(path, method=operation.method, data=raw, headers=sent | headers)


def judge(answer: TestResponse, what: object) -> None:
    """Assert that an answer is a whole one: a success, a redirection, or a problem of ours below 500."""
    assert answer.status_code < 500, (what, answer.status_code)
    if answer.status_code >= 400:
        is_problem(answer)
    answer.close()


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to every value of a body, and to the body's own fields."""
    if isinstance(value, dict):
        for name, each in value.items():
            yield (*path, name)
            yield from leaves(each, (*path, name))
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from leaves(each, (*path, number))


def with_leaf(body: Any, path: tuple[Any, ...], value: Any) -> Any:
    changed = copy.deepcopy(body)
    at = changed
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    return changed


def wire(text: str) -> str:
    """Return a text as a header can carry it."""
    return text.replace("\r", "").replace("\n", "").encode("utf-8", "replace").decode("latin-1")


@pytest.mark.parametrize("name", sorted(POLICY))
def test_nothing_hostile_breaks_a_route(
    house: Installation, ids: dict[str, str], described: dict[str, Operation], name: str
) -> None:
    operation = described[name]
    hostile, path = list(texts()), operation.at(ids)
    if operation.body is not None:
        for label, raw in some(sorted(bodies().items()), f"{name} body"):
            judge(ask(house, operation, path, raw), (name, label))
        for leaf in leaves(operation.body):
            for text in some(hostile, f"{name} {leaf}"):
                judge(ask(house, operation, path, with_leaf(operation.body, leaf, text)), (name, leaf, text))
    for place in operation.path.split("{")[1:]:
        parameter = place.partition("}")[0]
        for text in some(hostile, f"{name} {parameter}"):
            hostile_path = operation.at(ids | {parameter: quote(text, safe="")})
            judge(ask(house, operation, hostile_path, operation.body), (name, parameter, text))
    for described_parameter in operation.described.get("parameters", []):
        if described_parameter.get("in") == "query":
            parameter = described_parameter["name"]
            for text in some(hostile, f"{name}?{parameter}"):
                query = f"{operation.path and path.partition('?')[0]}?{parameter}={quote(text, safe='')}"
                judge(ask(house, operation, query, operation.body), (name, parameter, text))
    for header in some(list(HEADERS), f"{name} headers") if SAMPLE else HEADERS:
        for text in some(hostile, f"{name} {header}"):
            judge(ask(house, operation, path, operation.body, **{header: wire(text)}), (name, header, text))
