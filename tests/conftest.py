"""Fixtures that every folder shares, and the order in which files are handed out."""

import pytest

from tests.browsers import *  # noqa: F403
from tests.databases import *  # noqa: F403
from tests.installation import *  # noqa: F403

# A file stays in one process; one that takes half a minute and comes last would leave the others idle.
LONGEST_FIRST = (
    "tests/e2e",
    "tests/faults",
    "tests/api/test_openapi",
    "tests/benchmarks",
    "tests/evidence",
    "tests/operations",
    "tests/web",
    "tests/sdk_web",
    "tests/life",
    "tests/agreement",
)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Bring the long files to the front, and leave the rest as it is."""

    def place(item: pytest.Item) -> int:
        return next(
            (at for at, start in enumerate(LONGEST_FIRST) if item.nodeid.startswith(start)),
            len(LONGEST_FIRST),
        )

    items.sort(key=place)
