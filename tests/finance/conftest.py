"""Published figures and hypothesis settings for the arithmetic tests. FENQI_EXAMPLES raises the examples a property."""

import os

from hypothesis import HealthCheck, settings

settings.register_profile(
    "finance",
    max_examples=int(os.environ.get("FENQI_EXAMPLES", "400")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
)
settings.load_profile("finance")
