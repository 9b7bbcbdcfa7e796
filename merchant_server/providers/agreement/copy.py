"""The copy of a person's data as a PDF: sections in the reader's language, every kept value in them as text.

It decides nothing about what is told. A test holds every name and every state against the words of both languages.
"""

import json
import threading
from collections.abc import Mapping, Set
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import typst
from fenqi.disclosure.text import exact_percent_text, money_text
from fenqi.finance.money import Money

from merchant_server.providers.agreement.errors import TemplateBroken
from merchant_server.providers.agreement.figures import short_date_text

ZONE = ZoneInfo("Asia/Shanghai")
SECTIONS = ("person", "applications", "decisions", "loans", "agreements", "mandates", "complaints")
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

    def labels(self) -> dict[str, dict[str, str]]:
        """Return what each member of the copy is called, by its name and the language tag."""
        languages = self._words.items()
        names = [name for name in next(iter(self._words.values())) if "=" not in name]
        return {name: {language: words[name] for language, words in languages} for name in names}

    def _view(self, data: Mapping[str, Any], language: str) -> dict[str, Any]:
        words = self._words[language]
        sections = []
        for name in SECTIONS:
            value = data[name]
            items = [value] if isinstance(value, Mapping) else value
            own = _of(name, words)
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


def _of(name: str, words: Mapping[str, str]) -> dict[str, str]:
    """Return the words with those that hold below one name only in front."""
    return dict(words) | {key.removeprefix(f"{name}:"): text for key, text in words.items()}


def _item(value: Mapping[str, Any], words: Mapping[str, str], language: str) -> dict[str, Any]:
    rows: list[list[str]] = []
    tables, groups = [], []
    for name, each in value.items():
        if name in UNTOLD:
            continue
        if _is_table(each):
            tables.append(_table(words.get(name, name), each, words, language))
        elif isinstance(each, Mapping) and not _is_money(each):
            groups.append(
                {"title": words.get(name, name), "rows": _group(_with_units(each), words, language)}
            )
        else:
            rows.append(_row(name, each, words, language))
    shown = [group for group in groups if group["rows"]]
    return {"title": str(value.get("id", "")), "rows": rows, "groups": shown, "tables": tables}


def _group(value: Mapping[str, Any], words: Mapping[str, str], language: str) -> list[list[str]]:
    return [_row(name, each, words, language) for name, each in value.items()]


def _with_units(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return a map whose amounts and rates are told as such, where the names of its numbers say what they are."""
    if "currency" not in value:
        return dict(value)
    told: dict[str, Any] = {}
    for name, each in value.items():
        if name.endswith("_minor") and isinstance(each, int):
            told[name] = {"minor": each, "currency": value["currency"]}
        elif name.endswith("_bps") and isinstance(each, int):
            told[name] = exact_percent_text(Decimal(each) / 10_000)
        else:
            told[name] = each
    return told


def _is_table(value: Any) -> bool:
    """Say whether a value is a list of rows; a list of reasons has its own words and is no table."""
    return (
        isinstance(value, list) and bool(value) and isinstance(value[0], Mapping) and "zh-CN" not in value[0]
    )


def _row(name: str, value: Any, words: Mapping[str, str], language: str) -> list[str]:
    """Return the label and the text of one value."""
    # What is told in several languages is called by the language.
    own, label = _of(name, words), words.get(name) or words.get(f"={name}", name)
    if isinstance(value, list):
        return [label, "; ".join(_told(each, own, language) for each in value) or words["none"]]
    return [label, _told(value, own, language)]


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
