"""The reference of what a merchant imports, made from the code: resources, answers, functions. Writes nothing."""

import dataclasses
import inspect
import re
import textwrap
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from fenqi import Client, Money, Plan, Till, qr, quote, webhooks
from fenqi.api import (
    checkouts,
    clocks,
    disputes,
    events,
    keys,
    pages,
    places,
    prices,
    refunds,
    resources,
    settlement,
    webhook_endpoints,
)
from fenqi.frameworks import django, fastapi, flask
from fenqi.inbox import Inbox
from fenqi.offers import Offer
from fenqi.testing import FakeServer, ManualClock, sign

_HOMES = (
    checkouts, clocks, disputes, events, keys, pages, places, prices, refunds, resources, settlement,
    webhook_endpoints,
)  # fmt: skip
_DOTTED = re.compile(r"\b(?:[a-z_]+\.)+(\w+)")
_WIDTH = 138
_DEFAULT_MARK = re.compile(r"<[^<>]*>")


def client() -> str:
    """The client itself: how it is made, and its own methods."""
    lines = [f"`Client{_signature(Client)}`", "", _told(Client), ""]
    return _wrapped([*lines, *_methods(Client, "client")])


def client_resources() -> str:
    """Every resource of a client with its methods."""
    made = Client(api_key="sk_test_reference", base_url="https://fenqi.invalid")
    parts: list[str] = []
    for name, resource in vars(made).items():
        if not name.startswith("_"):
            kind = type(resource)
            parts += [f"### `client.{name}`", "", _told(kind), "", *_methods(kind, f"client.{name}"), ""]
    return _wrapped(parts)


def answers() -> str:
    """What the methods return: frozen classes and their fields."""
    seen: dict[str, type] = {}
    for home in _HOMES:
        for name, kind in vars(home).items():
            public = inspect.isclass(kind) and not name.startswith("_") and hasattr(kind, "from_dict")
            if public and kind.__module__.startswith("fenqi.api"):
                seen[name] = kind
    parts: list[str] = []
    for name, kind in sorted(seen.items()):
        shown = ", ".join(
            f"`{each.name}`" for each in dataclasses.fields(kind) if not each.name.startswith("_")
        )
        parts.append(f"- **`{name}`**: {_told(kind)} Fields: {shown}.")
    return _wrapped(parts)


def functions() -> str:
    """The functions and classes beside the client."""
    parts: list[str] = []
    for title, entries in _beside().items():
        parts += [f"### {title}", ""]
        for name, thing in entries:
            parts.append(f"- `{name}{_signature(thing)}`: {_told(thing)}")
            if inspect.isclass(thing) and thing not in (Plan, Offer):
                parts += [f"  {line}" for line in _methods(thing, "")]
        parts.append("")
    return _wrapped(parts)


def _beside() -> dict[str, list[tuple[str, Any]]]:
    return {
        "Prices": [("Money", Money), ("Plan", Plan), ("quote", quote), ("Offer", Offer)],
        "QR codes": [(f"qr.{name}", getattr(qr, name)) for name in sorted(qr.__all__) if _drawn(name)],
        "Webhooks": [
            ("webhooks.verify", webhooks.verify),
            ("webhooks.Inbox", Inbox),
            ("frameworks.flask.webhook_blueprint", flask.webhook_blueprint),
            ("frameworks.django.webhook_view", django.webhook_view),
            ("frameworks.fastapi.webhook_router", fastapi.webhook_router),
        ],
        "At a counter without network": [("Till", Till)],
        "Tests without network": [
            ("testing.FakeServer", FakeServer),
            ("testing.ManualClock", ManualClock),
            ("testing.sign", sign),
        ],
    }


def _drawn(name: str) -> bool:
    return name[0].islower()


def _methods(kind: type, prefix: str) -> list[str]:
    return [
        f"- `{prefix}.{name}{_signature(each) if callable(each) else ''}`".replace("`.", "`")
        + f": {_told(each)}"
        for name, each in _public(kind)
    ]


def _public(kind: type) -> Iterator[tuple[str, Callable[..., Any] | property]]:
    for name, each in vars(kind).items():
        if name.startswith("_") or name in ("from_dict", "to_dict"):
            continue
        found = each.__func__ if isinstance(each, classmethod | staticmethod) else each
        if isinstance(found, property) or inspect.isfunction(found):
            yield name, found


def _signature(thing: Any) -> str:
    if not callable(thing):
        return ""
    signature = inspect.signature(thing)
    kept = [
        each.replace(annotation=_bare(each.annotation))
        for name, each in signature.parameters.items()
        if name not in ("self", "cls")
    ]
    text = str(signature.replace(parameters=kept, return_annotation=_bare(signature.return_annotation)))
    if inspect.isclass(thing):
        text = text.removesuffix(" -> None")
    return _DEFAULT_MARK.sub("…", _DOTTED.sub(r"\1", text)).replace("'", '"')


@dataclasses.dataclass(frozen=True, slots=True, repr=False)
class _Written:
    """An annotation that is a text in the source, shown without its quotes."""

    text: str

    def __repr__(self) -> str:
        return self.text


def _bare(annotation: Any) -> Any:
    return _Written(annotation) if isinstance(annotation, str) else annotation


def _wrapped(lines: Iterable[str]) -> str:
    """Break lines as the pages do; a list's later lines stand under its text."""
    wrapped: list[str] = []
    for line in lines:
        indent = " " * (len(line) - len(line.lstrip())) + ("  " if line.lstrip().startswith("- ") else "")
        wrapped += textwrap.wrap(
            line, _WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
        ) or [""]
    return "\n".join(wrapped)


def _told(thing: Any) -> str:
    text = inspect.getdoc(thing) or ""
    return " ".join(text.split())
