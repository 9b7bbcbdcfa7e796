"""Fixtures of the SDK's tests."""

import pytest
from fenqi import Client
from fenqi.testing import FakeServer


@pytest.fixture
def server() -> FakeServer:
    return FakeServer()


@pytest.fixture
def client(server: FakeServer) -> Client:
    return server.client()
