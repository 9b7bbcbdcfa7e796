"""A desk over a fresh installation, on each engine."""

import pytest

from tests.fakes.sandbox_window import FakeSandboxWindow
from tests.installation import Installation
from tests.web.desk.visitor import Desk


@pytest.fixture
def desk(installation: Installation) -> Desk:
    """A desk whose sandbox is in memory."""
    return Desk(installation, FakeSandboxWindow())
