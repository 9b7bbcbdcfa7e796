"""Pages do not know which database is behind them: these tests use SQLite; services are tested on both."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from merchant_server.domain.checkout import Checkout
from merchant_server.storage.engine import Engine
from merchant_server.storage.opening import open_engine
from tests.installation import Installation
from tests.web.consumer.phone import Phone


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """A migrated, empty SQLite database."""
    opened = open_engine(f"sqlite:///{tmp_path / 'pages.sqlite'}")
    opened.migrate()
    yield opened
    opened.close()


@pytest.fixture
def checkout(installation: Installation) -> Checkout:
    """A checkout that nobody opened, in Chinese."""
    return installation.checkout(
        store_id=installation.store_id, return_url="https://store.example/orders/1001"
    )


@pytest.fixture
def new_phone(installation: Installation, checkout: Checkout) -> Callable[[], Phone]:
    """Return a function that takes out another phone, with no cookies."""
    return lambda: Phone(installation, checkout)


@pytest.fixture
def phone(new_phone: Callable[[], Phone]) -> Phone:
    """A phone in a hand."""
    return new_phone()


@pytest.fixture
def real_documents() -> bool:
    """Agreements as they are: what these tests look at."""
    return True
