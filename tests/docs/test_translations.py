"""A translated page says what its English one says: the same headings, code, links and tables, in the same order."""

import re
from pathlib import Path

import pytest

from tests.docs.pages import PAGES, ROOT, blocks, links, prose

TRANSLATED = [page for page in PAGES if page.name.endswith(".zh-CN.md")]
# A comment, or the name of somebody in quotes.
_WORDS = re.compile(r"\s*#.*|\"[^\"]*\"")
_CHINESE = re.compile(r"[㐀-鿿]")


def english(page: Path) -> Path:
    return page.with_name(page.name.replace(".zh-CN.md", ".md"))


def skeleton(page: Path) -> list[str]:
    """Return what stands at the beginning of each line that is not plain text: headings, list items, table rows."""
    found = [re.match(r"(#{1,6} |- |\d+\. |\|)", line) for line in prose(page).splitlines()]
    return [each[1] for each in found if each]


def code(page: Path) -> list[tuple[str, str]]:
    """Return the blocks without comments and texts, which may be translated."""
    return [
        (block.kind, "\n".join(_WORDS.sub("", line) for line in block.text.splitlines()))
        for block in blocks(page)
    ]


def destinations(page: Path) -> set[str]:
    """Return where a page leads; a translation may lead to translations, and each to the other."""
    pair = {page.name, english(page).name, page.name.replace(".md", ".zh-CN.md")}
    named = {link.replace(".zh-CN.md", ".md").partition("#")[0] for link in links(page)}
    return {link for link in named if Path(link).name not in pair and link}


def test_the_first_pages_of_a_reader_are_translated() -> None:
    assert {page.relative_to(ROOT).as_posix() for page in TRANSLATED} >= {
        "README.zh-CN.md",
        "docs/tutorial/first-sale.zh-CN.md",
    }


@pytest.mark.parametrize("page", TRANSLATED, ids=lambda page: page.name)
def test_a_translation_is_as_new_as_its_original(page: Path) -> None:
    original = english(page)
    assert skeleton(page) == skeleton(original)
    assert code(page) == code(original)
    assert destinations(page) == destinations(original)


@pytest.mark.parametrize("page", TRANSLATED, ids=lambda page: page.name)
def test_a_translation_is_in_chinese(page: Path) -> None:
    paragraphs = [
        each for each in prose(page).split("\n\n") if len(re.sub(r"`[^`]*`|\([^)]*\)|<[^>]*>", "", each)) > 20
    ]
    assert [each for each in paragraphs if not _CHINESE.search(each)] == []
