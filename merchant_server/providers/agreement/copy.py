"""The copy of a person's data as a PDF: sections in the reader's language, every kept value in them as text.

It decides nothing about what is told; what has no wording of its own is printed under its name in the data.
"""

import json
import threading
from collections.abc import Mapping, Set
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import typst
from fenqi.disclosure.text import money_text
from fenqi.finance.money import Money

from merchant_server.providers.agreement.errors import TemplateBroken
from merchant_server.providers.agreement.figures import short_date_text

ZONE = ZoneInfo("Asia/Shanghai")
SECTIONS = ("person", "applications", "decisions", "loans", "agreements", "mandates", "disputes", "complaints")
TEXT_CHARACTERS_MAX = 10_000
# The title says the id; a list of agreements, not their terms; a version number says nothing to a person.
UNTOLD = ("object", "id", "terms", "sequence")


class CopyPrinter:
    """Prints copies; threads may share one."""

    def __init__(self, folder: Path, fonts: typst.Fonts, characters: Set[int]) -> None:
        """Load the template and its words from `folder`. Raises TemplateBroken."""
        self._characters = characters
        try:
            words = json.loads((folder / "copy-words.json").read_text(encoding="utf-8"))
        except (OSError, ValueError) as problem:
            raise TemplateBroken(f"copy-words.json cannot be read ({problem})") from problem
        self._words: dict[str, dict[str, str]] = words
        self._compiler = typst.Compiler(str(folder / "copy.typ"), root=str(folder), font_paths=fonts)
        self._lock = threading.Lock()

    def render(self, data: Mapping[str, Any], *, language: str) -> bytes:
        """Return the PDF. A character that the font lacks is printed as its code point, so nothing is left out."""
        view = self._clean(self._view(data, language))
        with self._lock:
            try:
                pdf = self._compiler.compile(
                    format="pdf", sys_inputs={"view": json.dumps(view, ensure_ascii=False)}
                )
            except typst.TypstError as problem:
                raise TemplateBroken(problem.message) from problem
        if not isinstance(pdf, bytes):
            raise TemplateBroken("no PDF came out")
        return pdf

    def _view(self, data: Mapping[str, Any], language: str) -> dict[str, Any]:
        words = self._words[language]
        sections = []
        for name in SECTIONS:
            value = data[name]
            items = [value] if isinstance(value, Mapping) else value
            own = words | {key.removeprefix(f"{name}:"): text for key, text in words.items()}
            sections.append({"title": words[name], "items": [_item(each, own, language) for each in items]})
        return {
            "title": words["title"],
            "lead": words["lead"],
            "nothing": words["nothing"],
            "made": f"{words['made_at']} {_text(data['made_at'], language)}",
            "kept_by": data["kept_by"],
            "sections": sections,
            "lang": language.split("-")[0],
            "region": "CN" if language == "zh-CN" else "GB",
        }

    def _clean(self, value: Any) -> Any:
        if isinstance(value, str):
            return "".join(self._printable(each) for each in value[:TEXT_CHARACTERS_MAX])
        if isinstance(value, Mapping):
            return {key: self._clean(each) for key, each in value.items()}
        return [self._clean(each) for each in value] if isinstance(value, list) else value

    def _printable(self, character: str) -> str:
        if character in "\n ":
            return character
        known = ord(character) in self._characters and character.isprintable()
        return character if known else f"[U+{ord(character):04X}]"


def _item(value: Mapping[str, Any], words: Mapping[str, str], language: str) -> dict[str, Any]:
    rows: list[list[str]] = []
    tables = []
    for name, each in value.items():
        if _is_table(each):
            tables.append(_table(words.get(name, name), each, words, language))
        elif name not in UNTOLD:
            rows += _rows(words.get(name, name), each, words, language)
    return {"title": str(value.get("id", "")), "rows": rows, "tables": tables}


def _is_table(value: Any) -> bool:
    """Say whether a value is a list of rows; a list of reasons has its own words and is no table."""
    return (
        isinstance(value, list) and bool(value) and isinstance(value[0], Mapping) and "zh-CN" not in value[0]
    )


def _rows(label: str, value: Any, words: Mapping[str, str], language: str) -> list[list[str]]:
    """Return the pairs of one value; a map has one for each of its parts."""
    if isinstance(value, Mapping) and not _is_money(value):
        inner = [
            (f"{label} · {words.get(name, name)}", each) for name, each in value.items() if name != "currency"
        ]
        return [row for name, each in inner for row in _rows(name, each, words, language)]
    if isinstance(value, list):
        return [[label, "; ".join(_told(each, words, language) for each in value) or words["none"]]]
    return [[label, _told(value, words, language)]]


def _is_money(value: Mapping[str, Any]) -> bool:
    return set(value) == {"minor", "currency"}


def _told(value: Any, words: Mapping[str, str], language: str) -> str:
    if value is None or value == "":
        return words["none"]
    if isinstance(value, Mapping):
        if _is_money(value):
            return money_text(Money(value["minor"], value["currency"]))
        return f"{value.get(language, '')} ({value.get('code', '')})"
    text = str(value)
    return words.get(f"={text}") or _text(text, language)


def _table(title: str, rows: list[dict[str, Any]], words: Mapping[str, str], language: str) -> dict[str, Any]:
    names = [name for name in rows[0] if name != "id"]
    body = [[_told(row[name], words, language) for name in names] for row in rows]
    return {"title": title, "rows": [[words.get(name, name) for name in names], *body]}


def _text(text: str, language: str) -> str:
    """Write a date or a time as the language does; any other text stays as it is."""
    try:
        if len(text) == 10:
            return short_date_text(date.fromisoformat(text), language)
        if text.endswith("Z") and len(text) >= 20:
            moment = datetime.fromisoformat(text).astimezone(ZONE)
            return f"{short_date_text(moment.date(), language)} {moment:%H:%M:%S} (UTC+8)"
    except ValueError:
        pass
    return text
