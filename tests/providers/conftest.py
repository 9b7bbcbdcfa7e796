"""Fixtures of the provider tests: `world` (every port, twice) and `desk` (one running sandbox)."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from merchant_server.providers.sandbox.app import SandboxServer
from tests.fakes.receiver import Receiver
from tests.providers.desk import Desk, settings_in
from tests.providers.world import World, fake_world, sandbox_world


@pytest.fixture(scope="session", params=["sandbox", "fakes"], name="world")
def _world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    if request.param == "fakes":
        yield fake_world()
    else:
        yield from sandbox_world(tmp_path_factory.mktemp("sandbox"))


@pytest.fixture(name="desk")
def _desk(tmp_path: Path) -> Iterator[Desk]:
    with Receiver() as receiver:
        settings = settings_in(tmp_path, receiver.url)
        with SandboxServer(settings) as server:
            yield Desk(settings, server.base_url, receiver)
