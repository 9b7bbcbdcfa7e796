"""The reference equals the code: generated tables, and the tables that people write."""

import ast
import configparser
import importlib
import inspect
import pkgutil
import re
from dataclasses import fields
from pathlib import Path

import pytest
from fenqi import Plan
from fenqi.finance.terms import METHODS
from fenqi.wire import EventSchema
from fenqi.wire.vocabulary import EVENT_TYPES

import merchant_server.domain
from merchant_server.domain import ledger, settlement_postings
from merchant_server.domain.machine import Machine
from merchant_server.domain.refusal import REFUSALS
from merchant_server.settings import Settings
from scripts import reference, reference_tables
from scripts.error_codes import codes
from tests.docs.pages import PAGES, ROOT, blocks, code_words, table_rows
from tests.installation import Installation

REFERENCE = ROOT / "docs/reference"
GENERATED = [page for page in sorted(REFERENCE.glob("*.md")) if reference.names_in(page.read_text("utf-8"))]
DOMAIN = [
    importlib.import_module(f"merchant_server.domain.{each.name}")
    for each in pkgutil.iter_modules(merchant_server.domain.__path__)
]


def page(name: str) -> str:
    return (REFERENCE / name).read_text("utf-8")


@pytest.mark.parametrize("path", GENERATED, ids=lambda path: path.name)
def test_generated_parts_equal_the_code(path: Path) -> None:
    text = path.read_text("utf-8")

    assert text == reference.filled(text), "run: .venv/bin/python -m scripts.reference"


def test_every_generated_part_has_its_place() -> None:
    placed = [name for path in GENERATED for name in reference.names_in(path.read_text("utf-8"))]

    assert sorted(placed) == sorted(reference.BLOCKS)


def test_every_setting_is_in_the_reference() -> None:
    documented = {row[0].strip("`") for row in table_rows(REFERENCE / "settings.md", "variable")}

    assert documented == {f"FENQI_{each.name.upper()}" for each in fields(Settings)}


def test_every_error_code_in_the_source_is_in_the_reference() -> None:
    """The text of the source is searched in another way than the generator reads it, so a blind spot would show."""
    literal = re.compile(r'\bcode="([a-z][a-z_]+)"')
    class_code = re.compile(r'^    code = "([a-z][a-z_]+)"$', re.MULTILINE)
    written: set[str] = set()
    for room in ("domain", "services", "storage", "web"):
        for path in (ROOT / "merchant_server" / room).rglob("*.py"):
            written |= set(literal.findall(path.read_text("utf-8")))
    written |= set(class_code.findall((ROOT / "merchant_server/domain/errors.py").read_text("utf-8"))) - {
        "refused"
    }
    documented = {row[0].strip("`") for row in table_rows(REFERENCE / "errors.md", "code")}
    never_raised_bare = {"rule_refused"}

    assert written - documented - never_raised_bare == set()
    assert documented == codes()


def test_every_code_that_a_consumer_reads_in_words_is_in_the_reference() -> None:
    from merchant_server.web.error_words import WORDS

    raised_elsewhere = {"character_unprintable", "form_expired"}

    assert set(WORDS) - codes() <= raised_elsewhere


def test_every_reason_of_a_decision_is_in_the_reference() -> None:
    assert all(f"| `{code}` |" in page("errors.md") for code in REFUSALS)


def test_every_state_machine_of_the_domain_is_drawn() -> None:
    machines = [value for module in DOMAIN for value in vars(module).values() if isinstance(value, Machine)]
    found = {machine.noun for machine in machines}

    assert found == {machine.noun for machine in reference_tables.MACHINES}
    assert all(f"## {noun.capitalize()}\n" in page("states.md") for noun in found)


def test_every_event_type_is_explained_once() -> None:
    rows = table_rows(REFERENCE / "events.md", "type")

    assert sorted(row[0].strip("`") for row in rows) == sorted(EVENT_TYPES)
    assert {row[1] for row in rows if row[0].startswith("`checkout.")} == {"checkout"}


def test_the_example_event_has_the_fields_of_an_event() -> None:
    (example,) = [
        ast.literal_eval(block.text) for block in blocks(REFERENCE / "events.md") if block.kind == "json"
    ]

    assert set(example) == set(EventSchema().fields)


def test_every_account_of_the_books_is_in_the_chart() -> None:
    chapters = (ledger.__doc__ or "") + (settlement_postings.__doc__ or "")
    named = re.findall(r"^    ([a-z]+:\S+)", chapters, re.MULTILINE)
    spelled = {
        each for name in named for each in ([name] if "|" not in name else _alternatives(name))
    }  # a|b at an account's end
    chart = {row[0].strip("`") for row in table_rows(REFERENCE / "ledger.md", "account")}

    assert spelled == chart


def _alternatives(name: str) -> list[str]:
    before, _, last = name.rpartition(":")
    return [f"{before}:{each}" for each in last.split("|")]


def test_every_term_of_a_plan_is_explained_with_its_default() -> None:
    parameters = list(inspect.signature(Plan.__init__).parameters.values())[1:]
    expected = {
        each.name: "required"
        if each.default is inspect.Parameter.empty
        else f"`{each.default!r}`".replace("'", '"')
        for each in parameters
    }
    written = {row[0].strip("`"): row[1] for row in table_rows(REFERENCE / "plan-terms.md", "term")}

    assert written == expected
    assert [row[0].strip("`") for row in table_rows(REFERENCE / "plan-terms.md", "method")] == list(METHODS)


def test_every_class_of_the_domain_is_in_the_glossary() -> None:
    words = set(re.findall(r"\w+", " ".join(code_words(REFERENCE / "glossary.md"))))
    classes = {
        name
        for module in DOMAIN
        for name, kind in vars(module).items()
        if inspect.isclass(kind) and kind.__module__ == module.__name__ and not name.startswith("_")
    }

    assert classes - words == set()


def test_every_id_prefix_that_is_made_is_in_the_glossary() -> None:
    made: set[str] = set()
    for path in (ROOT / "merchant_server").rglob("*.py"):
        made |= set(re.findall(r'ids\.new\("([a-z]+)"\)', path.read_text("utf-8")))
    documented = {row[3].strip("`").rstrip("_") for row in table_rows(REFERENCE / "glossary.md", "word")}

    assert made - documented - {""} == set()


def test_every_dependency_is_listed_with_its_licence() -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", "utf-8")
    lines = config["options"]["install_requires"].splitlines()
    for extra in config["options.extras_require"].values():
        lines += extra.splitlines()
    needed = {re.split(r"[\[<>=;~!]", line.strip())[0].lower() for line in lines if line.strip()} - {"fenqi"}
    listed = re.findall(r"^\| ([a-z0-9-]+) \| (.+?) \|", page("dependencies.md"), re.MULTILINE)
    names = {name for name, _ in listed} - {"package"}

    assert names == needed
    assert {name for name, licence in listed if "LGPL" in licence} == {"psycopg", "python-stdnum"}
    assert not [licence for _, licence in listed if re.search(r"\bA?GPL", licence)]


def test_every_route_of_the_openapi_document_is_in_the_reference(live: Installation) -> None:
    described = {
        f"{method.upper()} {path}"
        for path, methods in live.get("/v1/openapi.json").get_json()["paths"].items()
        for method in methods
        if method in ("get", "post", "put", "patch", "delete")
    }
    documented = set(re.findall(r"`([A-Z]+ /v1/\S+)`", page("http-api.md"))) - {"GET /v1/openapi.json"}

    assert documented >= described
    assert described


def test_every_route_says_what_it_does() -> None:
    silent = [
        line for line in page("http-api.md").splitlines() if line.startswith("| `") and line.endswith("|  |")
    ]

    assert silent == [], "give the view a docstring, or add it to UNSPOKEN in scripts/reference_tables.py"


def test_every_page_of_the_docs_is_reached_from_another() -> None:
    reached = set()
    for source in PAGES:
        for target in re.findall(r"\]\(([^)#\s]+)", source.read_text("utf-8")):
            reached.add((source.parent / target).resolve())
    lost = {path for path in (ROOT / "docs").rglob("*.md") if path.resolve() not in reached}

    assert lost == set()
