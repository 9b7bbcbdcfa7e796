"""Reads the project's Markdown: fenced blocks, stage directions, headings and links, each with its line."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = (*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md")))
_FENCE = re.compile(r"^```(.*)$")
_DIRECTION = re.compile(r"^<!-- (the (?:consumer signs|worker works).*?) -->$")
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
_NOT_IN_SLUG = re.compile(r"[^\w\- ]")


@dataclass(frozen=True)
class Block:
    """One fenced block, or one stage direction (kind "direction"). `line` is that of its text."""

    kind: str
    text: str
    line: int


def blocks(page: Path) -> list[Block]:
    """Return a page's fenced blocks and stage directions in their order."""
    found: list[Block] = []
    kind, start, kept = "", 0, list[str]()
    for number, line in enumerate(page.read_text("utf-8").splitlines(), 1):
        fence = _FENCE.match(line)
        if kind:
            if fence:
                found.append(Block(kind, "\n".join(kept) + "\n", start))
                kind = ""
            else:
                kept.append(line)
        elif fence:
            kind, start, kept = fence[1].strip() or "plain", number + 1, []
        elif direction := _DIRECTION.match(line):
            found.append(Block("direction", direction[1], number))
    assert not kind, f"{page.name}: the fence of line {start - 1} is never closed"
    return found


def prose(page: Path) -> str:
    """Return a page without its fenced blocks."""
    kept, inside = [], False
    for line in page.read_text("utf-8").splitlines():
        if _FENCE.match(line):
            inside = not inside
        elif not inside:
            kept.append(line)
    return "\n".join(kept)


def links(page: Path) -> list[str]:
    """Return the targets of a page's links and pictures."""
    return _LINK.findall(prose(page))


def anchors(page: Path) -> set[str]:
    """Return the names that headings get on the web."""
    names: set[str] = set()
    for heading in _HEADING.findall(prose(page)):
        slug = _NOT_IN_SLUG.sub("", heading.replace("`", "").lower()).replace(" ", "-")
        names.add(slug)
    return names


def code_words(page: Path) -> list[str]:
    """Return what stands between single backticks."""
    return re.findall(r"`([^`\n]+)`", prose(page))


def table_rows(page: Path, heading: str) -> list[list[str]]:
    """Return the cells of the first table whose head begins with `heading`."""
    lines = page.read_text("utf-8").splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(f"| {heading} |"))
    rows = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
    return rows
