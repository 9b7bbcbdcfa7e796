"""poppler's pdfsig, a validator that shares no code with ours. `make test` installs it where it can."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest


def pdfsig(path: Path) -> str:
    """Return what pdfsig says of a file; a machine without it fails the test and says what to do."""
    program = os.environ.get("FENQI_TEST_PDFSIG") or shutil.which("pdfsig")
    if program is None:
        pytest.fail("signatures are also judged by pdfsig: run make test, or install poppler-utils")
    done = subprocess.run([program, "-nocert", str(path)], capture_output=True, check=False)
    return done.stdout.decode()
