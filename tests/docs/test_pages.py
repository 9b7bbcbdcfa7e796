"""What every page keeps: links that lead somewhere, commands that exist, two READMEs that say the same."""

import configparser
import re
import shlex
from pathlib import Path
from xml.etree import ElementTree

import click
import pytest
from fenqi.cli import main as fenqi_command

from merchant_server.cli import main as server_command
from tests.docs.pages import PAGES, ROOT, Block, anchors, blocks, code_words, links, prose

README, README_ZH = ROOT / "README.md", ROOT / "README.zh-CN.md"
README_LINES_MAX = 150
CHANGELOG_ORDER = ["Security", "Removed", "Deprecated", "Added", "Changed", "Fixed"]
TREES: dict[str, click.Command] = {"fenqi": fenqi_command, "fenqi-server": server_command}
# Commands of other people's programs that pages may tell a reader to type.
FOREIGN = {"export", "createdb", "pip", "gunicorn"}


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_to_a_file_and_a_heading(page: Path) -> None:
    broken = []
    for link in links(page):
        if link.startswith(("https://", "mailto:")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)

    assert broken == []


def complaint(words: list[str]) -> str:
    """Say what is wrong with a command that a page shows; empty when it exists."""
    program, *rest = words
    program = program.removeprefix(".venv/bin/")
    if program == "make":
        return make_complaint(rest)
    if program == "python":
        return "" if rest[:2] == ["-m", "pytest"] or module_exists(rest) else "no such module"
    if program in TREES:
        return click_complaint(TREES[program], rest)
    return "" if program in FOREIGN else f"{program} is unknown"


def module_exists(rest: list[str]) -> bool:
    return (
        len(rest) >= 2 and rest[0] == "-m" and (ROOT / Path(*rest[1].split("."))).with_suffix(".py").exists()
    )


def make_complaint(rest: list[str]) -> str:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for word in rest:
        variable, is_setting, _ = word.partition("=")
        known = (
            f"$({variable})" in makefile if is_setting else re.search(rf"^{word}:", makefile, re.MULTILINE)
        )
        if not known:
            return f"make knows no {word}"
    return ""


def click_complaint(command: click.Command, rest: list[str]) -> str:
    context = click.Context(command)
    while isinstance(command, click.Group) and rest:
        inner = command.get_command(context, rest[0])
        if inner is None:
            return f"there is no {rest[0]}" if not rest[0].startswith("-") else ""
        command, rest, context = inner, rest[1:], click.Context(inner)
    options = {option for parameter in command.get_params(context) for option in parameter.opts}
    strange = [word for word in rest if word.startswith("--") and word.partition("=")[0] not in options]
    return f"no option {strange[0]}" if strange else ""


def shell_lines(block: Block) -> list[list[str]]:
    """Return the words of each command, without settings before it and redirections after it."""
    lines = []
    for line in block.text.splitlines():
        words = shlex.split(line, comments=True)
        while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
            words.pop(0)
        if words:
            lines.append(words[: words.index(">")] if ">" in words else words)
    return lines


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_commands_that_a_page_shows_exist(page: Path) -> None:
    shown = [words for block in blocks(page) if block.kind == "sh" for words in shell_lines(block)]
    shown += [
        word.split() for word in code_words(page) if re.match(r"(fenqi|fenqi-server|make) [a-z-]+", word)
    ]
    wrong = [(" ".join(words), complaint(words)) for words in shown if complaint(words)]

    assert wrong == []


def test_a_command_that_does_not_exist_is_found() -> None:
    assert complaint(["fenqi", "refund"])
    assert complaint(["fenqi", "quote", "--colour"])
    assert complaint(["make", "coffee"])
    assert complaint(["make", "demo", "PORT=1"])
    assert complaint(["python", "-m", "scripts.nothing"])


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_extras_that_a_page_installs_exist(page: Path) -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", "utf-8")
    named = re.findall(r"(?:fenqi|\.)\[([a-z,]+)\]", page.read_text("utf-8"))

    assert {extra for names in named for extra in names.split(",")} <= set(config["options.extras_require"])


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_paths_of_the_house_that_a_page_names_exist(page: Path) -> None:
    if page.name == "CHANGELOG.md":
        return
    rooms = (
        "sdk/",
        "merchant_server/",
        "demo_store/",
        "scripts/",
        "tests/",
        "docs/",
        "requirements/",
        "benchmarks/",
        "deploy/",
    )
    named = {
        word.split("::")[0]
        for word in code_words(page)
        if word.startswith(rooms) and not re.search(r"[<*N]", word)
    }

    assert {path for path in named if not (ROOT / path).exists()} == set()


def test_the_steps_of_a_sale_name_files_that_exist() -> None:
    page = ROOT / "docs/explanation/architecture.md"
    inside = ("web/", "services/", "domain/", "providers/", "storage/", "policy/")
    named = {word for word in code_words(page) if word.startswith(inside)}

    assert len(named) > 15
    assert {path for path in named if not (ROOT / "merchant_server" / path).exists()} == set()


@pytest.mark.parametrize("page", [README, README_ZH], ids=name)
def test_the_readme_is_short(page: Path) -> None:
    assert len(page.read_text("utf-8").splitlines()) < README_LINES_MAX


def test_both_readmes_show_the_same_code_and_commands() -> None:
    def code(page: Path) -> list[tuple[str, str]]:
        return [
            (block.kind, re.sub(r"  # .*[^\d%.\s].*$", "", block.text, flags=re.MULTILINE))
            for block in blocks(page)
        ]

    assert code(README) == code(README_ZH)


def test_both_readmes_have_the_same_parts_links_and_lists() -> None:
    def shape(page: Path) -> tuple[int, int, int]:
        text = prose(page)
        return (
            text.count("\n## "),
            len(re.findall(r"^\|", text, re.MULTILINE)),
            len(re.findall(r"^- ", text, re.MULTILINE)),
        )

    def targets(page: Path) -> list[str]:
        return sorted(link for link in links(page) if "README" not in link)

    assert shape(README) == shape(README_ZH)
    assert targets(README) == targets(README_ZH)


def test_the_readme_shows_a_schedule_ten_lines_of_python_and_two_commands_first() -> None:
    console, python, shell = blocks(README)[:3]

    assert console.text.startswith("$ fenqi quote")
    assert len([line for line in python.text.splitlines() if line.strip()]) <= 10
    assert shell.text == "make demo\nmake test\n"
    assert shell.line < 40


def test_the_changelog_keeps_its_grammar() -> None:
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    releases = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    for release in releases:
        groups = re.findall(r"^### (.+)$", release, re.MULTILINE)
        assert groups == sorted(groups, key=CHANGELOG_ORDER.index)
        entries = re.findall(r"^- (.+)$", release, re.MULTILINE)
        assert entries
        assert [each for each in entries if not each.endswith((".", ")"))] == []

    assert re.match(r"\[\d+\.\d+\.\d+\] - (unreleased|\d{4}-\d\d-\d\d)", releases[0])


def test_the_picture_is_well_formed_and_fetches_nothing() -> None:
    file = ROOT / "docs/explanation/architecture.svg"
    root = ElementTree.parse(file).getroot()
    text = file.read_text("utf-8").replace('xmlns="http://www.w3.org/2000/svg"', "")

    assert root.find("{http://www.w3.org/2000/svg}title") is not None
    assert "http" not in text
    assert "<script" not in text


def test_the_licence_is_apache_2() -> None:
    text = (ROOT / "LICENSE").read_text("utf-8")

    assert "Apache License" in text
    assert "END OF TERMS AND CONDITIONS" in text


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_lines_are_short_enough_to_read_in_an_editor(page: Path) -> None:
    long = [line for line in prose(page).splitlines() if len(line) > 160 and not line.startswith("|")]

    assert long == []
