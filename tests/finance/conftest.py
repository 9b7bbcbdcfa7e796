"""Hypothesis settings of the arithmetic tests: FENQI_EXAMPLES examples in all, FENQI_SEED to repeat a run exactly."""

import os

import pytest
from hypothesis import HealthCheck, settings

# About as many as there are properties here, so that each takes an even share of the examples.
SHARES = 25
EXAMPLES = max(1, int(os.environ.get("FENQI_EXAMPLES", "10000")) // SHARES)

settings.register_profile(
    "finance",
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
)
settings.load_profile("finance")


def pytest_configure(config: pytest.Config) -> None:
    seed = os.environ.get("FENQI_SEED")
    if seed and config.getoption("hypothesis_seed", None) is None:
        config.option.hypothesis_seed = seed
