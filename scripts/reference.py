"""Writes the generated parts of docs/reference/*.md from the code, between `<!-- begin NAME -->` and `<!-- end -->`,
and the registry of error codes that /docs/errors shows.

Usage: python -m scripts.reference [--check]. With --check nothing is written and a difference is exit code 1.
"""

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

from scripts import reference_books, reference_sdk, reference_settlement, reference_tables

REGISTRY = Path(__file__).resolve().parent.parent / "merchant_server" / "web" / "errors.json"
FOLDER = Path(__file__).resolve().parent.parent / "docs" / "reference"
BLOCKS: dict[str, Callable[[], str]] = {
    "settings": reference_tables.settings,
    "states": reference_tables.states,
    "errors": reference_tables.errors,
    "reasons": reference_tables.reasons,
    "sdk-errors": reference_tables.sdk_errors,
    "finance-errors": reference_tables.finance_errors,
    "delivery-retries": reference_tables.delivery_retries,
    "deduction-retries": reference_tables.deduction_retries,
    "magic-people": reference_settlement.magic_people,
    "magic-accounts": reference_settlement.magic_accounts,
    "magic-phones": reference_settlement.magic_phones,
    "magic-amounts": reference_settlement.magic_amounts,
    "magic-payouts": reference_settlement.magic_payouts,
    "limits": reference_tables.limits,
    "commands": reference_tables.commands,
    "routes-api": lambda: reference_tables.routes("api"),
    "routes-other": lambda: reference_tables.routes("other"),
    "sdk-client": reference_sdk.client,
    "sdk-resources": reference_sdk.client_resources,
    "sdk-answers": reference_sdk.answers,
    "sdk-beside": reference_sdk.functions,
    "ledger": reference_books.ledger,
    "ledger-changes": reference_books.changes,
    "ledger-settlement": reference_settlement.settlement,
}
_BLOCK = re.compile(r"(<!-- begin ([a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def filled(text: str) -> str:
    """Return a page with every generated block written anew. Raises KeyError for a block that nobody makes."""
    return _BLOCK.sub(lambda block: f"{block[1]}\n{BLOCKS[block[2]]().strip()}\n\n{block[3]}", text)


def names_in(text: str) -> list[str]:
    """Return the names of a page's generated blocks."""
    return [block[2] for block in _BLOCK.finditer(text)]


def registry() -> str:
    """Return what /docs/errors shows, as the JSON text of its file."""
    return json.dumps(reference_tables.registry(), ensure_ascii=False, indent=1) + "\n"


def main(arguments: list[str]) -> int:
    stale = 0
    if not REGISTRY.exists() or REGISTRY.read_text("utf-8") != registry():
        stale += 1
        if "--check" in arguments:
            print(f"{REGISTRY.name} differs from the code: run python -m scripts.reference")
        else:
            REGISTRY.write_text(registry(), "utf-8")
            print(f"wrote {REGISTRY.name}")
    for page in sorted(FOLDER.glob("*.md")):
        text = page.read_text("utf-8")
        fresh = filled(text)
        if fresh == text:
            continue
        stale += 1
        if "--check" in arguments:
            print(f"{page.name} differs from the code: run python -m scripts.reference")
        else:
            page.write_text(fresh, "utf-8")
            print(f"wrote {page.name}")
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
