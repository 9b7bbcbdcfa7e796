"""The description of /v1: valid, complete, and true of what the server does."""

import os
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import fenqi.wire as wire
import schemathesis
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import from_schema
from schemathesis.engine.events import FatalError, NonFatalError, ScenarioFinished
from werkzeug.serving import WSGIRequestHandler, make_server

from merchant_server.web.api.examples import EXAMPLES
from tests.installation import Installation

METHODS = ("get", "post", "put", "patch", "delete")


def operations(description: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{method} {path}", operation)
        for path, item in description["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    ]


def test_the_description_is_valid_openapi(house: Installation) -> None:
    description = house.client.get("/v1/openapi.json").get_json()
    validate(description)
    assert description["openapi"] == "3.1.0"


def test_every_operation_says_who_may_ask_what_it_does_and_how_it_refuses(house: Installation) -> None:
    description = house.client.get("/v1/openapi.json").get_json()
    assert description["security"] == [{"key": []}]
    for name, operation in operations(description):
        assert operation["summary"].endswith("."), name
        assert operation.get("security", description["security"]), name
        assert any(status.startswith("2") for status in operation["responses"]), name
        refusal = operation["responses"]["default"]
        while "$ref" in refusal:
            refusal = description["components"]["responses"][refusal["$ref"].rpartition("/")[2]]
        assert refusal["content"] == {
            "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
        }, name


def test_every_post_names_its_idempotency_key(house: Installation) -> None:
    for name, operation in operations(house.client.get("/v1/openapi.json").get_json()):
        keys = [each for each in operation.get("parameters", []) if each.get("name") == "Idempotency-Key"]
        assert len(keys) == name.startswith("post "), name


def test_every_body_has_an_example_that_fits_its_schema_and_its_reader(house: Installation) -> None:
    description = house.client.get("/v1/openapi.json").get_json()
    schemas = description["components"]["schemas"]
    shown = {name for name in schemas if name[0] != "_" and not name.endswith(("List", "Metadata"))} - {
        "Empty"
    }
    assert shown == set(EXAMPLES)
    for name in sorted(shown):
        assert schemas[name]["examples"] == [EXAMPLES[name]], name
        whole = {"$ref": f"#/components/schemas/{name}", "components": description["components"]}
        Draft202012Validator(whole).validate(EXAMPLES[name])
        getattr(wire, f"{name}Schema")().load(EXAMPLES[name])


def test_every_answer_names_its_headers_and_every_operation_its_version(house: Installation) -> None:
    description = house.client.get("/v1/openapi.json").get_json()
    for name, operation in operations(description):
        assert {"$ref": "#/components/parameters/FenqiVersion"} in operation["parameters"], name
        good = next(answer for status, answer in operation["responses"].items() if status[0] == "2")
        assert {"X-Request-Id", "Fenqi-Version", "RateLimit"} <= set(good["headers"]), name


# How many requests are made up for each operation and phase; `make soak` sets it so that all make fifty thousand.
EXAMPLES_EACH = os.environ.get("FENQI_API_EXAMPLES", "2")
# An address such as https://shop.example#a#b is no URI, and browsers take it: so does the pattern of WebAddress.
TWO_FRAGMENTS = "Value not matching the 'uri' format"
CONFIG = """
seed = 20261121
continue-on-failure = true

[auth.openapi.key]
bearer = "API_KEY"

[generation]
deterministic = true
max-examples = EXAMPLES_EACH
database = "none"

[checks.positive_data_acceptance]
# A rule of the house may still say no (422) to what the schema takes, and 643.0 is an integer to JSON Schema (400).
expected-statuses = ["2xx", "400", "401", "403", "404", "409", "422"]

[phases.stateful]
max-steps = 8
"""


def fresh_key(_context: Any, case: Any) -> Any:
    """Make a good key one that was never used: a replayed answer may name what was deleted since."""
    key = (case.headers or {}).get("Idempotency-Key")
    if isinstance(key, str) and 0 < len(key) <= 200 and all("!" <= character <= "~" for character in key):
        case.headers["Idempotency-Key"] = f"{uuid4().hex}{key.strip(chr(34))}"
    return case


@contextmanager
def served(house: Installation) -> Iterator[str]:
    """Serve over loopback: the in-process transport of schemathesis cannot run its check of ignored keys."""
    server = make_server("127.0.0.1", 0, house.app, threaded=True, request_handler=QuietHandler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class QuietHandler(WSGIRequestHandler):
    """Connections stay open, and nothing is printed."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log(self, type: str, message: str, *args: Any) -> None:
        """Print nothing."""


def run(schema: Any) -> tuple[Counter[int], Counter[str], list[tuple[str, str, str]]]:
    """Return the statuses that came back, how often each check ran, and what failed."""
    statuses: Counter[int] = Counter()
    checks: Counter[str] = Counter()
    failures = []
    for event in from_schema(schema).execute():
        assert not isinstance(event, FatalError | NonFatalError), event.info.format()
        if isinstance(event, ScenarioFinished):
            recorder = event.recorder
            statuses.update(
                each.response.status_code for each in recorder.interactions.values() if each.response
            )
            for check in (each for found in recorder.checks.values() for each in found):
                checks[check.name] += 1
                if check.failure_info is not None and TWO_FRAGMENTS not in check.failure_info.failure.message:
                    failures.append((recorder.label, check.name, check.failure_info.failure.message))
    return statuses, checks, failures


def test_two_thousand_generated_requests_find_no_lie_in_the_description(house: Installation) -> None:
    """Run every check of schemathesis: examples, boundary values, fuzzing and stateful links."""
    config = SchemathesisConfig.from_str(
        CONFIG.replace("API_KEY", house.api_key).replace("EXAMPLES_EACH", EXAMPLES_EACH)
    )
    with served(house) as url:
        schema = schemathesis.openapi.from_url(f"{url}/v1/openapi.json", config=config)
        schema.hook("map_case")(fresh_key)
        statuses, checks, failures = run(schema)
    assert failures == []
    print(f"{sum(statuses.values())} requests, {sum(checks.values())} checks")
    assert sum(statuses.values()) >= 2_000
    assert len(checks) >= 14
    assert {200, 201, 400, 401, 404, 405, 422} <= set(statuses) and max(statuses) < 500
