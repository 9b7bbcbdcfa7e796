"""Fixtures that every folder shares, and the order in which files are handed out."""

import pytest
from flask import Flask
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket

from tests.browsers import *  # noqa: F403
from tests.databases import *  # noqa: F403
from tests.installation import *  # noqa: F403


class CompiledTemplates(BytecodeCache):
    """Templates compiled once a process: nearly every test has an application of its own."""

    def __init__(self) -> None:
        self._compiled: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Give a template's code, if its source was compiled before."""
        if bucket.key in self._compiled:
            bucket.bytecode_from_string(self._compiled[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep a template's code."""
        self._compiled[bucket.key] = bucket.bytecode_to_string()


Flask.jinja_options = {**Flask.jinja_options, "bytecode_cache": CompiledTemplates()}

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
