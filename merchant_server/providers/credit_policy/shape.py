"""The shape of a policy file: one JSON document in GoRules JDM form, with nothing in it that we do not know.

It reads and orders the graph; what the cells say is for policy_check.
"""

import json
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, validate

_NAME = validate.Regexp(r"[a-z][a-z0-9_]*\Z", error="is not a name such as score_points")
KINDS = ("inputNode", "decisionTableNode", "expressionNode", "outputNode")


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One reason not to publish a policy: line (from 1), place in words, what is wrong."""

    line: int
    place: str
    message: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.place}: {self.message}"


class _Strict(Schema):
    class Meta:
        unknown = RAISE


class _Column(_Strict):
    id = fields.String(required=True)
    name = fields.String(required=True)
    field = fields.String(required=True, validate=_NAME)


class _Body(_Strict):
    input_field = fields.Raw(data_key="inputField", allow_none=True, validate=validate.Equal(None))
    pass_through = fields.Boolean(data_key="passThrough", required=True, truthy={True}, falsy={False})
    execution_mode = fields.String(data_key="executionMode", validate=validate.Equal("single"))


class _Table(_Body):
    output_path = fields.String(data_key="outputPath", allow_none=True, validate=_NAME)
    hit_policy = fields.String(
        data_key="hitPolicy", required=True, validate=validate.OneOf(("first", "collect"))
    )
    inputs = fields.List(fields.Nested(_Column), required=True, validate=validate.Length(min=1))
    outputs = fields.List(fields.Nested(_Column), required=True, validate=validate.Length(min=1))
    rules = fields.List(
        fields.Dict(fields.String(), fields.String()), required=True, validate=validate.Length(min=1)
    )


class _Expression(_Strict):
    id = fields.String(required=True)
    key = fields.String(required=True, validate=_NAME)
    value = fields.String(required=True, validate=validate.Length(min=1))


class _Expressions(_Body):
    output_path = fields.Raw(data_key="outputPath", allow_none=True, validate=validate.Equal(None))
    expressions = fields.List(fields.Nested(_Expression), required=True, validate=validate.Length(min=1))


class _Edge(_Strict):
    id = fields.String(required=True)
    source_id = fields.String(data_key="sourceId", required=True)
    target_id = fields.String(data_key="targetId", required=True)
    type = fields.String(validate=validate.Equal("edge"))


class _Node(_Strict):
    id = fields.String(required=True)
    name = fields.String(required=True)
    type = fields.String(required=True, validate=validate.OneOf(KINDS))
    position = fields.Dict(required=True)
    content = fields.Dict()


class _Policy(_Strict):
    content_type = fields.String(
        data_key="contentType", required=True, validate=validate.Equal("application/vnd.gorules.decision")
    )
    nodes = fields.List(fields.Nested(_Node), required=True)
    edges = fields.List(fields.Nested(_Edge), required=True)


class Source:
    """The text of a policy, to find lines in."""

    def __init__(self, text: str) -> None:
        self.text = text

    def line_of(self, *words: str) -> int:
        """Return the line of the last of `words`, each looked for as a JSON string after the one before."""
        position = 0
        for word in words:
            found = self.text.find(json.dumps(word, ensure_ascii=False), position)
            position = position if found < 0 else found
        return self.text.count("\n", 0, position) + 1

    def problem(self, message: str, *words: str) -> Problem:
        """Return a problem at the place that `words` lead to: a node, a row of it, a column."""
        return Problem(self.line_of(*words), " › ".join(words) or "policy", message)


def read(policy: bytes) -> dict[str, Any]:
    """Return the JSON object in `policy`. Raises ValueError for anything else than one."""
    try:
        document = json.loads(policy.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_constant)
    except RecursionError:
        raise ValueError("is nested too deeply") from None
    if not isinstance(document, dict):
        raise ValueError("is not a JSON object")
    return document


def shape_problems(document: dict[str, Any], source: Source) -> list[Problem]:
    """Return what is unknown, missing or mistyped; nothing else can be checked before it is right."""
    found = list(_messages(_Policy(), document, source, ()))
    if found:
        return found
    for node in document["nodes"]:
        schema = {"decisionTableNode": _Table, "expressionNode": _Expressions}.get(node["type"])
        if schema:
            found += _messages(schema(), node.get("content", {}), source, (node["id"],))
    return found


def ordered(
    document: dict[str, Any], source: Source
) -> tuple[list[dict[str, Any]], dict[str, list[str]], list[Problem]]:
    """Return the nodes in order of evaluation, the parents of each id, and faults of the graph."""
    nodes = {node["id"]: node for node in document["nodes"]}
    parents: dict[str, list[str]] = {name: [] for name in nodes}
    found = []
    if len(nodes) < len(document["nodes"]):
        found.append(source.problem("two nodes have the same id"))
    for kind in ("inputNode", "outputNode"):
        if sum(node["type"] == kind for node in nodes.values()) != 1:
            found.append(source.problem(f"there must be exactly one {kind}"))
    for edge in document["edges"]:
        if edge["sourceId"] in nodes and edge["targetId"] in nodes:
            parents[edge["targetId"]].append(edge["sourceId"])
        else:
            found.append(source.problem("joins a node that does not exist", edge["id"]))
    followed = {parent for above in parents.values() for parent in above}
    for name, node in nodes.items():
        if node["type"] != "inputNode" and not parents[name]:
            found.append(source.problem("nothing leads to this node", name))
        if node["type"] != "outputNode" and name not in followed:
            found.append(source.problem("this node leads to nothing", name))
    try:
        order = list(TopologicalSorter(parents).static_order())
    except CycleError as error:
        return [], parents, [*found, source.problem("the nodes form a circle", str(error.args[1][0]))]
    return [nodes[name] for name in order], parents, found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"has a duplicate key {next(name for name in names if names.count(name) > 1)!r}")
    return members


def _no_constant(text: str) -> None:
    raise ValueError(f"has {text}, which is not JSON")


def _messages(schema: Schema, value: Any, source: Source, words: tuple[str, ...]) -> list[Problem]:
    try:
        schema.load(value)
    except ValidationError as error:
        return list(_flat(error.messages, value, source, words))
    return []


def _flat(messages: Any, value: Any, source: Source, words: tuple[str, ...]) -> list[Problem]:
    if isinstance(messages, list):
        return [source.problem(" ".join(str(each) for each in messages), *words)]
    found = []
    for key, below in messages.items():
        inner = _inside(value, key)
        name = inner.get("_id", inner.get("id")) if isinstance(inner, dict) else None
        steps = () if key == "_schema" else (name if isinstance(name, str) else str(key),)
        found += _flat(below, inner, source, (*words, *steps))
    return found


def _inside(value: Any, key: Any) -> Any:
    if isinstance(value, dict):
        return value.get(key)
    return value[key] if isinstance(value, list) and isinstance(key, int) else None
