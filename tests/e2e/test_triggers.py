"""`fenqi trigger` against the whole demonstration: what the SDK's made-up person does still leads where it should."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from fenqi.cli.trigger_scripts import SCRIPTS

from tests.e2e.conftest import Demo

# One through the pages to the person's own page, and one that is pushed; make soak makes all of them.
EVENTS = (
    sorted(SCRIPTS)
    if os.environ.get("FENQI_TRIGGERS") == "all"
    else ("mandate.revoked", "webhook_endpoint.disabled")
)


@pytest.mark.parametrize("event", EVENTS)
def test_an_event_happens_in_the_sandbox(demo: Demo, event: str) -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("fenqi"), "trigger", event, "--json"],
        env={**os.environ, "FENQI_BASE_URL": demo.server_url, "FENQI_API_KEY": demo.api_key},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["type"] == event
