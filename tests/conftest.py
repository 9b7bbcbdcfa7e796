"""Fixtures that every folder shares."""

from tests.browsers import *  # noqa: F403
from tests.databases import *  # noqa: F403
from tests.installation import *  # noqa: F403
