"""Every kind of entry and account that the code can book has words for people, and an example in the reference."""

import ast
from collections.abc import Iterator
from pathlib import Path

import merchant_server
from merchant_server.domain import ledger, settlement_postings
from merchant_server.domain.schedule_change import ChangeKind
from merchant_server.domain.statement import HEADINGS
from merchant_server.domain.transfer import TransferKind, TransferStatus
from merchant_server.providers.agreement.statement import TypstStatementPrinter
from merchant_server.services.settlement.statements import LENDER_ACCOUNTS, MERCHANT_ACCOUNTS
from merchant_server.storage.repositories.ledger import KINDS
from merchant_server.web.portal.words import ACCOUNTS, ENTRIES, NOUNS, PARTS

SERVICES = Path(merchant_server.__file__).parent / "services"
LEDGER_PAGE = Path(merchant_server.__file__).parent.parent / "docs" / "reference" / "ledger.md"
BOOKS = ("book", "_book")
# Moves only days, or is told by another change: nothing to book.
NEVER_BOOKED = {kind.value for kind in (ChangeKind.EXTENSION, ChangeKind.DEDUCTION_DAY, ChangeKind.REVERSAL)}


def named_in_code() -> Iterator[str]:
    """Yield every kind that a service names where it books."""
    for file in SERVICES.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            if node.func.id in BOOKS:
                # Before the kind come at most unit of work, deps and a loan or payout, which are no texts.
                texts = [each.value for each in node.args[:4] if isinstance(each, ast.Constant)]
                yield from (str(text) for text in texts[:1])
            if node.func.id == "Entry":
                for given in node.keywords:
                    if given.arg == "kind" and isinstance(given.value, ast.Constant):
                        yield str(given.value.value)


def kinds() -> set[str]:
    ends = [status for status in TransferStatus if status != TransferStatus.PENDING]
    transfers = {kind.value for kind in TransferKind} | {f"{k}_{end}" for k in TransferKind for end in ends}
    changes = {kind.value for kind in ChangeKind}
    return set(named_in_code()) | transfers | changes | {"payout_paid", "payout_failed"}


def test_the_kinds_are_found_in_the_code() -> None:
    assert {
        "signing",
        "capture",
        "repayment",
        "reversal",
        "share",
        "accrual",
        "reserve",
        "money_back",
    } <= kinds()


def test_every_kind_of_entry_has_words() -> None:
    assert kinds() - set(ENTRIES) == set()


def test_every_kind_of_entry_has_an_example_in_the_reference() -> None:
    page = LEDGER_PAGE.read_text("utf-8")
    assert {kind for kind in kinds() - NEVER_BOOKED if f"Entry kind `{kind}`." not in page} == set()


def test_every_account_has_words_and_a_place_in_the_chart() -> None:
    alone = {
        value
        for module in (ledger, settlement_postings)
        for name, value in vars(module).items()
        if name.isupper() and isinstance(value, str) and value.split(":")[0] in ("bank", "income", "loss")
    }
    assert {*KINDS, *alone} - set(ACCOUNTS) == set()
    assert {kind.split(":")[0] for kind in KINDS} <= set(NOUNS)
    assert {kind.split(":")[2] for kind in KINDS} <= set(PARTS)
    page = LEDGER_PAGE.read_text("utf-8")
    assert [each for each in (*KINDS, *alone) if f"`{each.replace('*', '<id>')}`" not in page] == []


def test_every_heading_and_account_of_a_statement_has_words_on_paper() -> None:
    for words in TypstStatementPrinter()._words.values():
        assert {*HEADINGS, *MERCHANT_ACCOUNTS, *LENDER_ACCOUNTS} - set(words) == set()
