"""Collect what pages say, bring the Chinese catalogues up to date, and compile them.

New texts come out with an empty translation; a test fails until somebody has written it.
"""

import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCALE = "zh_Hans_CN"


@dataclass(frozen=True)
class Catalogue:
    """One set of texts: where they are said, by which words, and where they are kept."""

    domain: str
    sources: tuple[str, ...]
    texts: str
    keywords: tuple[str, ...]


CATALOGUES = (
    Catalogue("messages", ("merchant_server/web",), "merchant_server/web/texts", ("_l",)),
    Catalogue("desk", ("merchant_server/web",), "merchant_server/web/texts", ("say", "later")),
    Catalogue("messages", ("demo_store",), "demo_store/texts", ("lazy_gettext",)),
)


def main() -> None:
    for catalogue in CATALOGUES:
        with tempfile.NamedTemporaryFile(suffix=".pot") as template:
            _collect(catalogue, template.name)
            kept = ["-D", catalogue.domain, "-d", str(ROOT / catalogue.texts), "-l", LOCALE]
            _babel(
                "update",
                "-i",
                template.name,
                *kept,
                "--ignore-obsolete",
                "--no-fuzzy-matching",
                "--ignore-pot-creation-date",
            )
            _babel("compile", *kept)


def _collect(catalogue: Catalogue, template: str) -> None:
    config = ROOT / "merchant_server/web/texts/babel.cfg"
    words = [each for keyword in catalogue.keywords for each in ("-k", keyword)]
    if catalogue.domain == "desk":
        words = ["--no-default-keywords", *words]
    places = [str(ROOT / each) for each in catalogue.sources]
    _babel("extract", "-F", str(config), "--no-location", "--sort-output", *words, "-o", template, *places)


def _babel(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "babel.messages.frontend", *arguments], check=True, cwd=ROOT)


if __name__ == "__main__":
    main()
