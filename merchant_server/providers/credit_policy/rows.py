"""Which rows of a policy's tables matched, told by the tables: the engine's own trace takes longer than all else.

Each table gets one more output column, whose cell is the row's id. It changes no other answer, and no version: that
is of the policy as it was written. A policy whose tables do not hand everything on is asked for the engine's trace.
"""

import json
import re
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

# No name of a policy begins so.
_COLUMN = "_row_{number}"
_PLAIN_ID = re.compile(r"[\w.:-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Rows:
    """How the matched rows of a policy are found. `telling` is the document to evaluate."""

    telling: dict[str, Any]
    tables: tuple[dict[str, Any], ...]
    by_trace: bool

    @classmethod
    def of(cls, document: dict[str, Any]) -> "Rows":
        """Return what finds the matched rows of a checked policy."""
        tables = tuple(node for node in document["nodes"] if node["type"] == "decisionTableNode")
        if not _can_tell(document, tables):
            return cls(document, tables, by_trace=True)
        telling = deepcopy(document)
        copies = (node for node in telling["nodes"] if node["type"] == "decisionTableNode")
        for number, node in enumerate(copies):
            name = _COLUMN.format(number=number)
            node["content"]["outputs"].append({"id": name, "name": name, "field": name})
            for rule in node["content"]["rules"]:
                rule[name] = json.dumps(rule["_id"])
        return cls(telling, tables, by_trace=False)

    def matched(self, response: Any) -> dict[str, Any]:
        """Return by table the row that matched, or the rows where it collects; take our columns out of the result."""
        if self.by_trace:
            traced = response["trace"]
            return {
                node["id"]: _traced(traced[node["id"]]["traceData"])
                for node in self.tables
                if node["id"] in traced
            }
        result, found = response["result"], {}
        for number, node in enumerate(self.tables):
            name, path = _COLUMN.format(number=number), node["content"].get("outputPath")
            if path is None:
                found[node["id"]] = result.pop(name, None)
            else:
                found[node["id"]] = [each.pop(name) for each in result[path]]
        return found


def _can_tell(document: dict[str, Any], tables: tuple[dict[str, Any], ...]) -> bool:
    """Say whether every added column reaches the result: nothing is dropped, and what is collected is a list."""
    bodies = [node["content"] for node in document["nodes"] if "passThrough" in node.get("content", {})]
    paths = [body["outputPath"] for body in bodies if body.get("outputPath") is not None]
    written = {line["key"] for body in bodies for line in body.get("expressions", ())}
    written |= {
        column["field"] for body in bodies if not body.get("outputPath") for column in body.get("outputs", ())
    }
    return (
        all(body["passThrough"] for body in bodies)
        and all(
            (node["content"]["hitPolicy"] == "collect") == (node["content"].get("outputPath") is not None)
            for node in tables
        )
        and len(set(paths)) == len(paths)
        and written.isdisjoint(paths)
        and all(_PLAIN_ID.fullmatch(rule["_id"]) for node in tables for rule in node["content"]["rules"])
    )


def _traced(data: Any) -> str | list[str] | None:
    if isinstance(data, list):
        return [each["rule"]["_id"] for each in data]
    return data["rule"]["_id"] if data else None
