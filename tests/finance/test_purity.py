"""finance stands alone: the standard library, no float, no clock, and a quick import."""

import ast
import subprocess
import sys
from pathlib import Path

import fenqi.finance
import pytest

FILES = sorted(Path(fenqi.finance.__file__).parent.glob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_module_uses_no_float_no_clock_and_nothing_outside(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant):
            assert not isinstance(node.value, float), ast.unparse(node)
        if isinstance(node, ast.Name):
            assert node.id not in {"float", "open", "print"}
        if isinstance(node, ast.Attribute):
            assert node.attr not in {"now", "today", "utcnow", "time"}
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            assert path.stem in {"apr", "money", "regulation_z", "repayment", "solver"}, (
                "a quotient of ints is a float"
            )
        if isinstance(node, ast.ImportFrom):
            module = node.module or ""
            root = module.split(".")[0]
            assert module.startswith("fenqi.finance") or root in sys.stdlib_module_names, module
        if isinstance(node, ast.Import):
            assert all(alias.name.split(".")[0] in sys.stdlib_module_names for alias in node.names)


def test_importing_it_brings_in_nothing_heavy():
    code = "import sys, fenqi.finance; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert "fenqi.finance" in loaded
    for heavy in (
        "requests",
        "flask",
        "cryptography",
        "marshmallow",
        "qrcode",
        "json",
        "inspect",
        "logging",
        "asyncio",
    ):
        assert heavy not in loaded
