"""`fenqi-server copy`, `backup` and `restore`: the whole database, from one place to another."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from merchant_server.commands import installation, progress_bar, readable
from merchant_server.providers.system import SystemClock
from merchant_server.settings import Settings
from merchant_server.storage import backups, copying
from merchant_server.storage.engine import Engine, StorageError
from merchant_server.storage.opening import open_engine
from merchant_server.storage.wrapping_keys import WrappingKeys

SQLITE = "sqlite:///"
_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("copy")
@click.option("--from", "source_url", required=True, help="The database to read; its programs stand still.")
@click.option("--to", "target_url", required=True, help="An empty database, of either kind.")
@readable
def copy(source_url: str, target_url: str) -> None:
    """Copy every row to another database and compare: whole, or not at all. The state folder stays as it is."""
    if source_url == target_url:
        raise click.ClickException("--from and --to name the same database")
    with (
        _opened(source_url) as source,
        _opened(target_url) as target,
        progress_bar("copying rows") as progress,
    ):
        tallies = copying.copy(source, target, progress)
    for tally in tallies:
        if tally.rows:
            sums = "  ".join(f"{column} {total}" for column, total in tally.sums)
            click.echo(f"{tally.rows:>12}  {tally.table:<22} {tally.digest[:12]}  {sums}".rstrip())
    click.echo(
        f"{sum(tally.rows for tally in tallies)} rows of {len(tallies)} tables are equal on both sides;"
        " every law holds. Set FENQI_DATABASE_URL and keep the state folder"
    )


@click.command()
@click.argument("out", type=_FILE)
@readable
def backup(out: Path) -> None:
    """Write a checked snapshot of the running installation into one new file; keys are not in it."""
    found = installation()
    found.require_schema()
    with progress_bar("backing up") as progress:
        backups.back_up(found.engine, out, progress)
    click.echo(f"{out} is whole: {out.stat().st_size} bytes, pages, schema and laws are checked")
    click.echo(
        f"NOT IN IT: the keys in {found.settings.state_folder}. Without them personal data in this backup"
        " cannot be read by anybody; back that folder up apart from it",
        err=True,
    )


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=False)
@click.option("--replace", is_flag=True, help="Move a SQLite database that is in the way aside.")
@click.option("--reconciled", is_flag=True, help="Let the worker work again after a restore.")
@readable
def restore(file: Path | None, replace: bool, reconciled: bool) -> None:
    """Put a backup in the place of the database, then wait for a person: the worker stands still until --reconciled."""
    settings = Settings.from_env()
    if reconciled == (file is not None):
        raise click.UsageError("name a backup, or say --reconciled after one was restored")
    if file is None:
        with _opened(settings.database_url) as engine:
            backups.mark_reconciled(engine)
        click.echo("the worker may work")
        return
    aside = _restore(settings, file, replace)
    if aside:
        click.echo(f"the database of before is {aside}")
    click.echo(
        "restored. The bank, the shops and the consumers know of acts that this database does not: compare its"
        " deductions with the bank's statement, then run `fenqi-server restore --reconciled`; until then the worker"
        " does not start"
    )


def _restore(settings: Settings, file: Path, replace: bool) -> Path | None:
    keys = WrappingKeys(settings.state_path / "wrapping-keys.json").names()
    now = SystemClock().now()
    if settings.database_url.startswith(SQLITE):
        target = Path(settings.database_url.removeprefix(SQLITE))
        return backups.restore_file(file, target, keys, now, replace=replace)
    with _opened(settings.database_url) as engine, progress_bar("restoring rows") as progress:
        backups.restore_rows(file, engine, keys, now, progress)
    return None


@contextmanager
def _opened(url: str) -> Iterator[Engine]:
    if url.startswith(SQLITE) and not Path(url.removeprefix(SQLITE)).parent.exists():
        raise StorageError(f"there is no folder {Path(url.removeprefix(SQLITE)).parent}: make it first")
    engine = open_engine(url)
    try:
        yield engine
    finally:
        engine.close()
