"""Tables for people: by rich when it is installed and somebody looks, else aligned text. Formats; computes nothing."""

import sys
import unicodedata
from collections.abc import Sequence
from decimal import Decimal

import click


def show_table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, title: str = "") -> None:
    """Print a table; every column but the first is aligned to the right."""
    if sys.stdout.isatty() and _show_rich(columns, rows, title):
        return
    if title:
        click.echo(title)
    widths = [max(_width(row[i]) for row in (columns, *rows)) for i in range(len(columns))]
    for row in (columns, *rows):
        cells = [
            cell + " " * (width - _width(cell)) if i == 0 else " " * (width - _width(cell)) + cell
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        click.echo("  ".join(cells).rstrip())


def _width(text: str) -> int:
    """Return the columns a text takes on a terminal: Chinese characters take two."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def _show_rich(columns: Sequence[str], rows: Sequence[Sequence[str]], title: str) -> bool:
    try:
        from rich.console import Console
        from rich.table import Table
    except ImportError:
        return False
    table = Table(title=title or None, title_justify="left")
    for index, column in enumerate(columns):
        table.add_column(column, justify="left" if index == 0 else "right")
    for row in rows:
        table.add_row(*row)
    Console().print(table)
    return True


def percent(rate: Decimal) -> str:
    """Write a fraction as a percentage with two decimals, half up: 0.126825 is 12.68 %."""
    return f"{(rate * 100).quantize(Decimal('0.01'), rounding='ROUND_HALF_UP')} %"
