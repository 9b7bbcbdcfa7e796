"""Reads every stable error code out of the source, with its HTTP status, its field, its message and its hint.

Looks at the text of the program only; imports the error classes, runs nothing.
"""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from fenqi.wire import first_error
from fenqi.wire.fields import UNKNOWN_FIELD

from merchant_server.domain import errors
from merchant_server.domain.checkout import CheckoutStatus
from merchant_server.domain.errors import DomainError
from merchant_server.web import error_pages, problems

SERVER = Path(__file__).resolve().parent.parent / "merchant_server"
ROOMS = ("domain", "services", "storage", "web")
CLASSES = {
    name: kind
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, DomainError)
}
# What the two readers of bodies raise and `problem` answers: (status, code, message, field).
BY_POSITION = {
    "BodyRefused": ("status", "code", "message", "field"),
    "problem": ("status", "code", "message"),
}


@dataclass(frozen=True, slots=True, order=True)
class Raised:
    """One place that refuses. `status` is the HTTP status that goes with the code."""

    code: str
    status: str
    field: str
    message: str
    hint: str


def raised() -> list[Raised]:
    """Return every refusal of the server, sorted by code, each wording once."""
    found = set(_from_tables())
    for room in ROOMS:
        for path in sorted((SERVER / room).rglob("*.py")):
            found.update(_from_source(path))
    return sorted(found)


def codes() -> set[str]:
    """Return every code."""
    return {each.code for each in raised()}


def _from_tables() -> Iterator[Raised]:
    for status, (code, hint) in problems.HTTP_CODES.items():
        yield Raised(code, str(status), "", "", hint)
    for status, code in error_pages.HTTP_CODES.items():
        yield Raised(code, str(status), "", "", "")
    for messages in ({"amount": ["Expected more."]}, {"extra": [UNKNOWN_FIELD]}):
        told = first_error(messages)
        yield Raised(told.code, "422", "the field", "", "see /v1/openapi.json")


def _from_source(path: Path) -> Iterator[Raised]:
    tree = ast.parse(path.read_text("utf-8"))
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        name = node.func.id
        if name in CLASSES:
            yield from _from_class_call(node, CLASSES[name])
        elif name in BY_POSITION:
            yield from _from_position_call(node, BY_POSITION[name])


def _from_class_call(node: ast.Call, kind: type[DomainError]) -> Iterator[Raised]:
    given = {word.arg: word.value for word in node.keywords if word.arg}
    status = next((str(problems.STATUS[each]) for each in kind.__mro__ if each in problems.STATUS), "422")
    message = _shown(node.args[0]) if node.args else ""
    for code in _alternatives(given["code"]) if "code" in given else (kind.code,):
        shown_status = str(error_pages.STATUS_BY_CODE.get(code, status))
        yield Raised(code, shown_status, _shown(given.get("field")), message, _shown(given.get("hint")))


def _from_position_call(node: ast.Call, names: tuple[str, ...]) -> Iterator[Raised]:
    given = dict(zip(names, node.args, strict=False)) | {w.arg: w.value for w in node.keywords if w.arg}
    if not isinstance(given.get("code"), ast.Constant) or not isinstance(given.get("status"), ast.Constant):
        return
    yield Raised(*(_shown(given.get(name)) for name in ("code", "status", "field", "message", "hint")))


def _alternatives(code: ast.expr) -> Iterable[str]:
    """Return the codes that an expression can be; a checkout's final states stand for a computed ending."""
    if isinstance(code, ast.Constant):
        return (str(code.value),)
    endings = {f"checkout_{each}" for each in CheckoutStatus} & set(error_pages.STATUS_BY_CODE)
    return sorted(endings) if _shown(code).startswith("checkout_") else ()


def _shown(value: ast.expr | None) -> str:
    """Write a text as a reader would see it; what is put in at run time becomes …"""
    if value is None or (isinstance(value, ast.Constant) and value.value is None):
        return ""
    if isinstance(value, ast.Constant):
        return str(value.value)
    if isinstance(value, ast.JoinedStr):
        return "".join(_shown(part) if isinstance(part, ast.Constant) else "…" for part in value.values)
    return "…"
