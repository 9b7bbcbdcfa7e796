"""/docs: the reference of /v1 and of its errors as pages, drawn from what the code says of itself.

No script and nothing from elsewhere, so it works under our own policy and without a network.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from flask import Blueprint, current_app, render_template
from flask.typing import ResponseReturnValue

from merchant_server.web.api.versions import CHANGES, NEWEST
from merchant_server.web.context import deps
from merchant_server.web.pages import page_blueprint

METHODS = ("get", "post", "patch", "delete")
REGISTRY = "errors.json"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One thing that a caller names in the path, the query or a header."""

    name: str
    place: str
    required: bool
    says: str


@dataclass(frozen=True, slots=True)
class Operation:
    """One route as the page shows it; examples are JSON text, empty where there is none."""

    method: str
    path: str
    says: str
    parameters: tuple[Parameter, ...]
    sent: str
    answered: str

    @property
    def anchor(self) -> str:
        """Return a name for links to it."""
        return f"{self.method.lower()}-{self.path.strip('/').replace('/', '-').replace('{', '').replace('}', '')}"

    def curl(self, base_url: str) -> str:
        """Return a call of it for a shell."""
        lines = [f"curl {base_url}{self.path} \\\n  -H 'Authorization: Bearer sk_test_…'"]
        if self.method != "GET":
            lines[0] = lines[0].replace("curl ", f"curl -X {self.method} ", 1)
        if self.method == "POST":
            lines.append("-H 'Idempotency-Key: one-for-each-intent'")
        if self.sent:
            lines.append(f"--json '{json.dumps(json.loads(self.sent), ensure_ascii=False)}'")
        return " \\\n  ".join(lines)


@dataclass(frozen=True, slots=True)
class Group:
    """The routes of one noun."""

    name: str
    says: str
    operations: tuple[Operation, ...]


def docs_pages() -> Blueprint:
    """Return the blueprint of the reference."""
    blp = page_blueprint("docs", __name__)

    @blp.get("/docs")
    def reference() -> ResponseReturnValue:
        spec = current_app.extensions["flask-smorest"]["apis"][""]["ext_obj"].description()
        return render_template(
            "docs/reference.html",
            groups=groups(spec),
            base_url=deps().public_url,
            newest=NEWEST,
            changes=CHANGES,
        )

    @blp.get("/docs/errors")
    def errors() -> ResponseReturnValue:
        return render_template("docs/errors.html", errors=registry())

    return blp


@cache
def registry() -> tuple[Mapping[str, Any], ...]:
    """Return every error code with its status, wordings and hints; written by scripts.reference."""
    return tuple(json.loads((files("merchant_server.web") / REGISTRY).read_text("utf-8")))


def groups(spec: Mapping[str, Any]) -> list[Group]:
    """Return a description's routes by noun, in its own order."""
    found: dict[str, list[Operation]] = {tag["name"]: [] for tag in spec["tags"]}
    for path, item in spec["paths"].items():
        for method in METHODS:
            if method in item:
                shared = item.get("parameters", [])
                operation = _operation(spec, method, path, item[method], shared)
                found[item[method]["tags"][0]].append(operation)
    says = {tag["name"]: tag.get("description", "") for tag in spec["tags"]}
    return [Group(name, says[name], tuple(operations)) for name, operations in found.items()]


def _operation(
    spec: Mapping[str, Any], method: str, path: str, described: Mapping[str, Any], shared: list[Any]
) -> Operation:
    named = [_resolved(spec, each) for each in (*shared, *described.get("parameters", []))]
    good = next(answer for status, answer in described["responses"].items() if str(status)[0] == "2")
    return Operation(
        method=method.upper(),
        path=path,
        says=described.get("summary", ""),
        parameters=tuple(
            Parameter(each["name"], each["in"], bool(each.get("required")), _says(each)) for each in named
        ),
        sent=_example(spec, described.get("requestBody", {})),
        answered=_example(spec, good),
    )


def _says(parameter: Mapping[str, Any]) -> str:
    schema = parameter.get("schema", {})
    words = [str(each) for each in schema.get("enum", []) if each is not None]
    bounds = f"{schema['minimum']} to {schema['maximum']}" if {"minimum", "maximum"} <= set(schema) else ""
    return parameter.get("description", "") or (", ".join(words) if len(words) < 20 else "") or bounds


def _example(spec: Mapping[str, Any], body: Mapping[str, Any]) -> str:
    schema = body.get("content", {}).get("application/json", {}).get("schema", {})
    name = schema.get("$ref", "").rpartition("/")[2]
    if not name:
        return ""
    shown = spec["components"]["schemas"][name]
    if "examples" in shown:
        return json.dumps(shown["examples"][0], ensure_ascii=False, indent=2)
    rows = shown.get("properties", {}).get("data", {}).get("items", {}).get("$ref", "").rpartition("/")[2]
    inner = spec["components"]["schemas"].get(rows, {}).get("examples")
    if not inner:
        return ""
    page = {"object": "list", "data": inner, "has_more": False, "next_cursor": None}
    return json.dumps(page, ensure_ascii=False, indent=2)


def _resolved(spec: Mapping[str, Any], parameter: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" not in parameter:
        return parameter
    found: Mapping[str, Any] = spec["components"]["parameters"][parameter["$ref"].rpartition("/")[2]]
    return found
