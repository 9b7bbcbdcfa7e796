"""A house for requests that must leave no trace: one a module, on SQLite, since no database sees them."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from merchant_server.storage.opening import open_engine
from tests.installation import Installation, build


@pytest.fixture(scope="module")
def house(
    migrated_sqlite: Path, authority_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    """An installation that a whole module shares; afterwards the laws of the house hold."""
    path = tmp_path_factory.mktemp("house") / "fenqi.sqlite"
    shutil.copyfile(migrated_sqlite, path)
    engine = open_engine(f"sqlite:///{path}")
    made = build(engine, authority_folder, real_documents=False)
    yield made
    assert made.breaches() == []
    engine.close()
