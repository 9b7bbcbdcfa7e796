"""A statement as CSV that a spreadsheet opens without running anything in it (ASVS 1.2.10)."""

import csv
import io

from merchant_server.domain.statement import Statement

COLUMNS = ("occurred_on", "heading", "entry_id", "loan_id", "reference", "amount", "balance", "currency")
# A cell that begins like this is a formula for a spreadsheet.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def statement_csv(statement: Statement) -> str:
    """Return RFC 4180 text: opening, every line with the balance after it, closing. Amounts are decimals."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    balance = statement.opening
    currency = balance.currency
    writer.writerow((statement.first.isoformat(), "opening", "", "", "", "", balance.decimal_text, currency))
    for each in statement.movements:
        balance += each.amount
        texts = (each.heading, each.entry_id, each.loan_id or "", each.reference)
        amounts = (each.amount.decimal_text, balance.decimal_text, currency)
        writer.writerow((each.occurred_on.isoformat(), *map(safe_cell, texts), *amounts))
    writer.writerow((statement.last.isoformat(), "closing", "", "", "", "", balance.decimal_text, currency))
    return out.getvalue()


def safe_cell(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula; an apostrophe says that it is text."""
    return f"'{text}" if text.startswith(_FORMULA) else text
