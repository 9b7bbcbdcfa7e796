"""Every operation of /v1 as its own description has it, with a path, a query and a body that fit it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from merchant_server.web.api.examples import EXAMPLES
from tests.installation import Installation

METHODS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True)
class Operation:
    """One operation: `path` has its parameters in braces, `query` what is required, `body` an example or None."""

    method: str
    path: str
    query: str
    body: dict[str, Any] | None
    described: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Return it as people write it."""
        return f"{self.method} {self.path}"

    def at(self, ids: Mapping[str, str]) -> str:
        """Return an address with these ids; a parameter that is not named gets an id that nothing has."""
        path = re.sub(r"\{(\w+)\}", lambda found: ids.get(found[1], f"{found[1]}_1"), self.path)
        return path + (f"?{self.query}" if self.query else "")


def operations(house: Installation) -> Iterator[Operation]:
    """Yield every operation that the description names."""
    description = house.client.get("/v1/openapi.json").get_json()
    for path, item in description["paths"].items():
        for method in METHODS:
            if method in item:
                yield Operation(method.upper(), path, _query(item[method]), _body(item[method]), item[method])


def _query(described: Mapping[str, Any]) -> str:
    needed = [
        each for each in described.get("parameters", []) if each.get("in") == "query" and each["required"]
    ]
    return urlencode({each["name"]: each["schema"]["example"] for each in needed})


def _body(described: Mapping[str, Any]) -> dict[str, Any] | None:
    if "requestBody" not in described:
        return None
    reference = described["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    return EXAMPLES.get(reference.rpartition("/")[2], {})
