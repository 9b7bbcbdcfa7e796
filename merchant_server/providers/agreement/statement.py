"""Statements as PDF, by typst. It decides and adds up nothing: balances come with the statement."""

import json
import threading
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import Any

import typst
from fenqi.disclosure.text import money_text
from fenqi.finance.money import Money

from merchant_server.domain.statement import Statement
from merchant_server.providers.agreement.coverage import covered_characters
from merchant_server.providers.agreement.errors import TemplateBroken
from merchant_server.providers.agreement.figures import short_date_text

REGULAR = "NotoSansSC-Regular.otf"
TEXT_CHARACTERS_MAX = 120


class TypstStatementPrinter:
    """Implements ports.StatementPrinter; threads may share one."""

    def __init__(self, folder: Path | None = None) -> None:
        """Load the template, its words and the font. Raises TemplateBroken."""
        home = folder or Path(str(resources.files(__package__)))
        self._characters = covered_characters(home / "fonts" / REGULAR)
        try:
            self._words: dict[str, dict[str, str]] = json.loads(
                (home / "statement-words.json").read_text(encoding="utf-8")
            )
        except (OSError, ValueError) as problem:
            raise TemplateBroken(f"statement-words.json cannot be read ({problem})") from problem
        fonts = typst.Fonts(
            include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(home / "fonts")]
        )
        self._compiler = typst.Compiler(str(home / "statement.typ"), root=str(home), font_paths=fonts)
        self._lock = threading.Lock()

    def render_statement(self, statement: Statement, *, language: str, printed_at: datetime) -> bytes:
        """Return the PDF in zh-CN or en; a character that the font lacks is printed as its code point."""
        view = json.dumps(self._view(statement, language, printed_at), ensure_ascii=False)
        with self._lock:
            try:
                pdf = self._compiler.compile(format="pdf", sys_inputs={"view": view})
            except typst.TypstError as problem:
                raise TemplateBroken(problem.message) from problem
        if not isinstance(pdf, bytes):
            raise TemplateBroken("no PDF came out")
        return pdf

    def _view(self, statement: Statement, language: str, printed_at: datetime) -> dict[str, Any]:
        words = self._words[language]
        first, last = (short_date_text(day, language) for day in (statement.first, statement.last))
        totals = [
            [words["opening"], _signed(statement.opening)],
            *([words[name], _signed(amount)] for name, amount in statement.totals),
            [words["closing"], _signed(statement.closing)],
        ]
        balance, lines = statement.opening, []
        for each in statement.movements:
            balance += each.amount
            day, what = short_date_text(each.occurred_on, language), words[each.heading]
            figures = (_signed(each.amount), _signed(balance))
            lines.append([day, what, self._clean(each.reference), each.entry_id[-12:], *figures])
        return {
            "title": words["title"],
            "owner": self._clean(statement.owner_name),
            "account": words[statement.account.rpartition(":")[2]],
            "period": f"{first} {words['to']} {last}",
            "made": f"{words['made_at']} {printed_at:%Y-%m-%d %H:%M:%S} (UTC)",
            "totals": totals,
            "lines_title": words["lines"],
            "nothing": words["nothing"],
            "columns": [
                words[name] for name in ("date", "heading", "reference", "entry", "amount", "balance")
            ],
            "lines": lines,
            "lang": language.split("-")[0],
            "region": "CN" if language == "zh-CN" else "GB",
        }

    def _clean(self, text: str) -> str:
        return "".join(
            each
            if each == " " or (each.isprintable() and ord(each) in self._characters)
            else f"[U+{ord(each):04X}]"
            for each in text[:TEXT_CHARACTERS_MAX]
        )


def _signed(amount: Money) -> str:
    return f"-{money_text(-amount)}" if amount.minor < 0 else money_text(amount)
