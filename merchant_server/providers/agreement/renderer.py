"""Agreement terms to a deterministic PDF/A-3 with the terms attached, by typst.

It must not read the clock, the network or the system's fonts: the same terms give the same bytes.
"""

import json
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import typst

from merchant_server.providers.agreement.canonical import canonical_json
from merchant_server.providers.agreement.copy import CopyPrinter
from merchant_server.providers.agreement.coverage import covered_characters
from merchant_server.providers.agreement.errors import TemplateBroken, TermsRefused
from merchant_server.providers.agreement.layout import view
from merchant_server.providers.agreement.terms import Terms

LANGUAGES = ("zh-CN", "en")
PDF_STANDARD: Literal["a-3a"] = "a-3a"
REGULAR, BOLD = "NotoSansSC-Regular.otf", "NotoSansSC-Bold.otf"


class TypstRenderer:
    """Renders agreements (port AgreementRenderer); fonts load once, and threads may share one renderer."""

    def __init__(self, folder: Path | None = None) -> None:
        """Load the template, wording and fonts of `folder`, which is this package's own by default.

        Raises TemplateBroken when a file is missing or the bold font cannot draw the wording.
        """
        self._folder = folder or Path(str(resources.files(__package__)))
        self._characters = covered_characters(self._folder / "fonts" / REGULAR)
        self._wording = {language: self._read_wording(language) for language in LANGUAGES}
        fonts = typst.Fonts(
            include_system_fonts=False,
            include_embedded_fonts=False,
            font_paths=[str(self._folder / "fonts")],
        )
        self._compiler = typst.Compiler(
            str(self._folder / "agreement.typ"), root=str(self._folder), font_paths=fonts
        )
        self._copies = CopyPrinter(self._folder, fonts, self._characters)
        self._lock = threading.Lock()

    def render(self, terms: Mapping[str, Any], *, language: str) -> bytes:
        """Return the agreement as PDF/A-3a, with the RFC 8785 text of `terms` attached as terms.json.

        `language` is zh-CN or en and must agree with the terms. Raises TermsRefused (a field is missing,
        too long or contradicts another) and UnprintableCharacter, both before anything is drawn.
        """
        if language not in LANGUAGES or terms.get("language") != language:
            raise TermsRefused("language", f"must be one of {', '.join(LANGUAGES)} and the one asked for")
        attached = canonical_json(terms)
        page = view(Terms(terms, self._characters), language, self._wording[language])
        day = page["date"]
        inputs = {"view": json.dumps(page, ensure_ascii=False), "terms": attached.decode()}
        with self._lock:
            try:
                pdf, warnings = self._compiler.compile_with_warnings(
                    format="pdf",
                    sys_inputs=inputs,
                    pdf_standards=PDF_STANDARD,
                    timestamp=datetime(day["year"], day["month"], day["day"], tzinfo=UTC),
                )
            except typst.TypstError as problem:
                raise TemplateBroken(problem.message) from problem
        if warnings or not isinstance(pdf, bytes):
            raise TemplateBroken("; ".join(warning.message for warning in warnings) or "no PDF came out")
        return pdf

    def render_copy(self, data: Mapping[str, Any], *, language: str) -> bytes:
        """Return the copy of a person's data as a PDF in zh-CN or en."""
        return self._copies.render(data, language=language)

    def copy_labels(self) -> dict[str, dict[str, str]]:
        """Return what each member of the copy is called, by its name and the language tag."""
        return self._copies.labels()

    def _read_wording(self, language: str) -> dict[str, Any]:
        path = self._folder / f"wording.{language}.json"
        try:
            text = path.read_text(encoding="utf-8")
            wording: dict[str, Any] = json.loads(text)
        except (OSError, ValueError) as problem:
            raise TemplateBroken(f"{path.name} cannot be read ({problem})") from problem
        bold = covered_characters(self._folder / "fonts" / BOLD)
        missing = {character for character in text if character >= " " and ord(character) not in bold}
        if missing:
            raise TemplateBroken(f"{BOLD} lacks {''.join(sorted(missing))} of {path.name}; rebuild the fonts")
        return wording
