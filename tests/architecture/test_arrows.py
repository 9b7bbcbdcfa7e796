"""The house as design says: arrows run down, packages are listed, rooms stay small enough to hold in one head."""

import ast
import configparser
import graphlib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = {"fenqi": ROOT / "sdk/fenqi", "fenqi.web": ROOT / "sdk/web"} | {
    name: ROOT / name for name in ("merchant_server", "demo_store")
}
MODULE_LINES_MAX = 300
FUNCTION_LINES_MAX = 60
MERCHANT = "merchant_server"

# Room: what it may import of ours. The longest matching name decides, for the importer and for the imported.
ARROWS: dict[str, tuple[str, ...]] = {
    "fenqi.finance": ("fenqi.finance",),
    "fenqi.web": ("fenqi.web", "fenqi.finance", "fenqi.errors", "fenqi.offers", "fenqi.disclosure"),
    "fenqi.disclosure": ("fenqi.disclosure", "fenqi.finance", "fenqi.errors", "fenqi.offers"),
    "fenqi": ("fenqi",),
    f"{MERCHANT}.domain": (f"{MERCHANT}.domain", "fenqi.finance"),
    f"{MERCHANT}.ports": (f"{MERCHANT}.ports", f"{MERCHANT}.domain", "fenqi"),
    f"{MERCHANT}.services": (f"{MERCHANT}.services", f"{MERCHANT}.ports", f"{MERCHANT}.domain", "fenqi"),
    f"{MERCHANT}.storage": (f"{MERCHANT}.storage", f"{MERCHANT}.ports", f"{MERCHANT}.domain", "fenqi"),
    f"{MERCHANT}.providers": (f"{MERCHANT}.providers", f"{MERCHANT}.ports", f"{MERCHANT}.domain", "fenqi"),
    f"{MERCHANT}.web": (
        f"{MERCHANT}.web",
        f"{MERCHANT}.services",
        f"{MERCHANT}.ports",
        f"{MERCHANT}.domain",
        "fenqi",
    ),
    f"{MERCHANT}.worker": (f"{MERCHANT}.services", f"{MERCHANT}.domain", "fenqi"),
    MERCHANT: (MERCHANT, "fenqi"),
    "demo_store": ("demo_store", "fenqi"),
}
# Rooms that stay clean of the outside: the libraries they may not touch.
FORBIDDEN = {
    "fenqi.finance": ("requests", "marshmallow", "flask", "sqlite3", "socket", "os", "datetime.now"),
    f"{MERCHANT}.domain": (
        "flask",
        "requests",
        "sqlite3",
        "psycopg",
        "os",
        "socket",
        "random",
        "secrets",
        "time",
    ),
    f"{MERCHANT}.services": ("flask", "sqlite3", "psycopg", "requests", "socket"),
    f"{MERCHANT}.web": ("sqlite3", "psycopg", "requests", "sqlite_utils"),
}


def modules() -> Iterator[tuple[str, Path]]:
    for package, folder in SOURCES.items():
        for path in sorted(folder.rglob("*.py")):
            inner = path.relative_to(folder).with_suffix("").parts
            yield ".".join((package, *(part for part in inner if part != "__init__"))), path


def imports(name: str, path: Path) -> Iterator[tuple[str, int]]:
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, *filter(None, [base])])
            yield base, node.lineno
            yield from ((f"{base}.{alias.name}", node.lineno) for alias in node.names)


def within(name: str, room: str) -> bool:
    return name == room or name.startswith(room + ".")


def room_of(name: str) -> str | None:
    rooms = [room for room in ARROWS if within(name, room)]
    return max(rooms, key=len) if rooms else None


def broken_arrows(name: str, path: Path) -> list[str]:
    room = room_of(name)
    assert room is not None, f"{name} is in no room"
    broken = []
    for imported, line in imports(name, path):
        target = room_of(imported)
        if target is not None and not any(within(imported, allowed) for allowed in ARROWS[room]):
            # "from fenqi import x" names the package and the thing; the package alone says nothing.
            if any(within(allowed, imported) for allowed in ARROWS[room]):
                continue
            broken.append(f"{path.relative_to(ROOT)}:{line} imports {imported}")
    return broken


def test_arrows_run_down_only() -> None:
    broken = [arrow for name, path in modules() for arrow in broken_arrows(name, path)]
    assert broken == []


def test_a_planted_arrow_is_found(tmp_path: Path) -> None:
    planted = ROOT / "merchant_server" / "domain" / "loan.py"
    copy = tmp_path / "planted.py"
    copy.write_text("from merchant_server.web.pages import harden\nimport merchant_server.storage.engine\n")
    found = [
        imported
        for imported, _ in imports("merchant_server.domain.planted", copy)
        if not any(within(imported, allowed) for allowed in ARROWS["merchant_server.domain"])
    ]
    assert planted.exists()
    assert "merchant_server.web.pages" in found
    assert "merchant_server.storage.engine" in found


def needed(name: str, path: Path, found: dict[str, Path]) -> set[str]:
    """Return the modules that a module imports; of `from package import module` the module, not its package."""
    named = {target for target, _ in imports(name, path)}
    whole = {target.rpartition(".")[0] for target in named - set(found)}
    parts = {target.rpartition(".")[0] for target in named & set(found)}
    return {each for each in named & set(found) if each in whole or each not in parts} - {name}


def circle(found: dict[str, Path]) -> list[str]:
    """Return modules that import one another in a ring, the first one again at the end; empty when there is none."""
    wanted = {name: needed(name, path, found) for name, path in found.items()}
    try:
        graphlib.TopologicalSorter(wanted).prepare()
    except graphlib.CycleError as ring:
        names: list[str] = ring.args[1]
        return names
    return []


def test_no_module_needs_itself_by_a_detour() -> None:
    """Imports inside functions and for types only count too: they hide a ring, they do not undo it."""
    assert circle(dict(modules())) == []


def test_a_planted_ring_is_found(tmp_path: Path) -> None:
    one, two = tmp_path / "one.py", tmp_path / "two.py"
    one.write_text("def late() -> None:\n    from house.two import second\n")
    two.write_text("import house.one\n")
    assert set(circle({"house.one": one, "house.two": two})) == {"house.one", "house.two"}


def test_a_package_is_needed_for_what_stands_in_it_and_not_for_its_modules(tmp_path: Path) -> None:
    room, inner, user = (tmp_path / name for name in ("__init__.py", "inner.py", "user.py"))
    found = {"house": room, "house.inner": inner, "user": user}
    user.write_text("from house import inner\n")
    assert needed("user", user, found) == {"house.inner"}
    user.write_text("from house import inner, word\n")
    assert needed("user", user, found) == {"house", "house.inner"}


def test_clean_rooms_touch_no_outside_library() -> None:
    broken = [
        f"{path.relative_to(ROOT)}:{line} imports {imported}"
        for name, path in modules()
        for room, libraries in FORBIDDEN.items()
        if within(name, room)
        for imported, line in imports(name, path)
        if imported.split(".")[0] in libraries
    ]
    assert broken == []


def test_finance_uses_the_standard_library_only() -> None:
    import sys

    outside = {
        imported.split(".")[0]
        for name, path in modules()
        if within(name, "fenqi.finance")
        for imported, _ in imports(name, path)
    } - {"fenqi"}
    assert outside <= set(sys.stdlib_module_names)


def test_sql_is_written_in_storage_only() -> None:
    verbs = ("SELECT ", "INSERT INTO ", "UPDATE ", "DELETE FROM ")
    allowed = (
        "merchant_server.storage",
        "merchant_server.providers.sandbox",
        "fenqi.inbox",
        "fenqi.till",
        "demo_store",
    )
    found = []
    for name, path in modules():
        if any(within(name, room) for room in allowed):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Constant)
                and isinstance(node.value, str)
                and node.value.startswith(verbs)
            ):
                found.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert found == []


def test_the_clock_is_read_in_clocks_only() -> None:
    clocks = {
        "sdk/fenqi/api/transport.py",
        "sdk/fenqi/webhooks.py",
        "merchant_server/providers/system.py",
        "merchant_server/providers/sandbox/settings.py",
        "demo_store/clock.py",
    }
    reads = ("datetime.now", "datetime.utcnow", "date.today", "datetime.today")
    found = {
        str(path.relative_to(ROOT))
        for _, path in modules()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in reads
    }
    assert found <= clocks


def test_every_package_on_disk_is_listed_by_name() -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    listed = set(config["options"]["packages"].split())
    on_disk = {
        ".".join((package, *path.parent.relative_to(folder).parts))
        for package, folder in SOURCES.items()
        for path in folder.rglob("__init__.py")
    }
    assert listed == on_disk


@pytest.mark.parametrize(
    ("name", "path"), list(modules()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_module_and_its_functions_fit_in_one_head(name: str, path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= MODULE_LINES_MAX, f"{path} is long: split it by meaning"
    long = [
        f"{node.name} ({node.end_lineno - node.lineno + 1} lines)"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno + 1 > FUNCTION_LINES_MAX
    ]
    assert long == []


def test_every_public_name_says_what_it_does() -> None:
    silent = []
    for name, path in modules():
        tree = ast.parse(path.read_text())
        if not ast.get_docstring(tree) and path.read_text().strip():
            silent.append(f"{path.relative_to(ROOT)}: module")
        for node in tree.body:
            public = isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
            if public and not ast.get_docstring(node) and not within(name, "fenqi.cli"):  # type: ignore[arg-type]
                silent.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name}")  # type: ignore[attr-defined]
    assert silent == []
