"""`fenqi-server export`: the books as one SQLite file for sqlite-utils and Datasette, without personal data."""

from pathlib import Path

import click

from merchant_server.commands import installation, progress_bar, readable


@click.command()
@click.argument("books", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--force", is_flag=True, help="Replace the file when it is there.")
@readable
def export(books: Path, force: bool) -> None:
    """Write entries, postings, loans, installments, deductions and payouts into a SQLite file."""
    from merchant_server.storage.export import export_books

    found = installation()
    found.require_schema()
    if books.exists() and not force:
        raise click.ClickException(f"{books} is there already; choose another name, or give --force")
    with progress_bar("exporting") as progress:
        rows = export_books(found.engine, books, progress)
    click.echo(f"{sum(rows.values())} rows in {books}: " + ", ".join(f"{n} {t}" for t, n in rows.items()))
