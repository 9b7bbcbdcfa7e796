"""Policies out of texts: open one (compiled once per text), check one, and say what differs between two."""

import json
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from merchant_server.domain.decision import PolicyBroken
from merchant_server.providers.credit_policy.check import check
from merchant_server.providers.credit_policy.engine import ZenCreditPolicy
from merchant_server.providers.credit_policy.shape import read

OPEN_MAX = 32


class ZenWorkshop:
    """Implements ports.PolicyWorkshop; safe to share between threads."""

    def __init__(self) -> None:
        self._opened = lru_cache(OPEN_MAX)(lambda document, name: ZenCreditPolicy(document, name=name))

    def open(self, document: bytes, name: str) -> ZenCreditPolicy:
        """Return the policy in a text. Raises PolicyBroken."""
        return self._opened(document, name)

    def problems(self, document: bytes, *, rate_cap_bps: int) -> tuple[str, ...]:
        """Return every reason not to publish a text, each with its line."""
        return tuple(str(each) for each in check(document, rate_cap_bps=rate_cap_bps))

    def differences(self, old: bytes, new: bytes) -> tuple[str, ...]:
        """Return what changed between two texts, cell by cell: `node › row › column: before → after`.

        Raises PolicyBroken for a text that is no policy at all.
        """
        try:
            return tuple(_differences(_cells(read(old)), _cells(read(new))))
        except (ValueError, LookupError, TypeError, AttributeError):
            raise PolicyBroken("file", ("it is not a policy in JDM form",)) from None


def _cells(document: dict[str, Any]) -> dict[str, str]:
    cells: dict[str, str] = {}
    for node in document.get("nodes", ()):
        content = node.get("content", {})
        fields = {
            each["id"]: each["field"] for side in ("inputs", "outputs") for each in content.get(side, ())
        }
        for position, rule in enumerate(content.get("rules", ())):
            row = f"{node['id']} › {rule.get('_id', position)}"
            cells[f"{row} › (place)"] = str(position + 1)
            cells |= {f"{row} › {fields[key]}": cell for key, cell in rule.items() if key in fields}
        for each in content.get("expressions", ()):
            cells[f"{node['id']} › {each['key']}"] = each["value"]
        frame = {key: content[key] for key in ("hitPolicy", "outputPath", "passThrough") if key in content}
        cells[node["id"]] = json.dumps({"type": node["type"], **frame}, sort_keys=True)
    flow = (f"{edge['sourceId']} → {edge['targetId']}" for edge in document.get("edges", ()))
    return {**cells, "flow": ", ".join(sorted(flow))}


def _differences(old: dict[str, str], new: dict[str, str]) -> Iterator[str]:
    for place in sorted({*old, *new}):
        before, after = old.get(place), new.get(place)
        if before == after:
            continue
        if before is None:
            yield f"+ {place}: {after}"
        elif after is None:
            yield f"- {place}: {before}"
        else:
            yield f"~ {place}: {before} → {after}"
