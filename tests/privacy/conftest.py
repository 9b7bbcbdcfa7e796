"""What the tests of personal data share."""

import pytest


@pytest.fixture
def real_documents() -> bool:
    """Agreements as they are: they are where a person's name ends up."""
    return True
