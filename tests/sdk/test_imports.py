"""What `import fenqi` costs and shows."""

import subprocess
import sys

import fenqi
import pytest

HEAVY = (
    "requests",
    "marshmallow",
    "flask",
    "cryptography",
    "click",
    "qrcode",
    "standardwebhooks",
    "merchant_server",
)

# What the extra "verify" is for: imported when a signature is judged, and by nothing else.
NEEDS_VERIFY = ("fenqi.evidence.heads", "fenqi.evidence.pdf", "fenqi.evidence.signed_file")


def run(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout.strip()


def test_importing_fenqi_loads_no_dependency() -> None:
    found = run(f"import sys, fenqi; print([m for m in {HEAVY!r} if m in sys.modules])")
    assert found == "[]"


def test_pricing_needs_neither_requests_nor_marshmallow() -> None:
    code = (
        "import sys; from datetime import date; from fenqi import Money, Plan, quote;"
        "quote(Money(399900, 'CNY'), [Plan(id='p', installments=12, annual_rate='0.12')], on=date(2026, 11, 21));"
        f"print([m for m in {HEAVY!r} if m in sys.modules])"
    )
    assert run(code) == "[]"


def test_no_module_of_the_sdk_pulls_in_flask_or_server_code() -> None:
    code = (
        "import sys, pkgutil, importlib, fenqi\n"
        "for m in pkgutil.walk_packages(fenqi.__path__, 'fenqi.'): \n"
        # A framework is imported by the module that is named after it, and by nothing else.
        f"    if not m.name.startswith(('fenqi.web.', 'fenqi.frameworks.')) and m.name != 'fenqi.web'"
        f" and m.name not in {NEEDS_VERIFY!r}: importlib.import_module(m.name)\n"
        "print([m for m in ('flask', 'cryptography', 'merchant_server', 'demo_store') if m in sys.modules])"
    )
    assert run(code) == "[]"


def test_all_is_sorted_and_every_name_is_there() -> None:
    assert sorted(fenqi.__all__) == fenqi.__all__
    assert [name for name in fenqi.__all__ if getattr(fenqi, name, None) is None] == []


def test_dir_lists_the_public_names() -> None:
    assert set(fenqi.__all__) <= set(dir(fenqi))


def test_star_import_brings_every_public_name() -> None:
    missing = run(
        "from fenqi import *; import fenqi; have = set(dir()); print([n for n in fenqi.__all__ if n not in have])"
    )
    assert missing == "[]"


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nonsense"):
        fenqi.nonsense  # noqa: B018
