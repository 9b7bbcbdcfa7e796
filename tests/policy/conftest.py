"""The shipped policy, and an ordinary applicant to vary."""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from merchant_server.domain.decision import Features
from merchant_server.providers.credit_policy import ZenCreditPolicy

POLICY_PATH = Path(__file__).parents[2] / "merchant_server" / "policy" / "cn-standard.json"


@pytest.fixture(scope="session", name="policy")
def _policy() -> ZenCreditPolicy:
    return ZenCreditPolicy(POLICY_PATH)


@pytest.fixture(scope="session", name="policy_path")
def _policy_path() -> Path:
    return POLICY_PATH


@pytest.fixture(name="document")
def _document() -> dict[str, Any]:
    return json.loads(POLICY_PATH.read_text(encoding="utf-8"))


@pytest.fixture(scope="session", name="applicant")
def _applicant() -> Callable[..., Features]:
    ordinary: dict[str, Any] = {
        "currency": "CNY",
        "amount_minor": 399_900,
        "age_years": 30,
        "identity": "match",
        "bureau_status": "found",
        "bureau_score": 720,
        "bureau_debts_minor": 0,
        "bureau_worst_overdue_days": 0,
        "bureau_inquiries_30d": 0,
        "own_open_loans": 0,
        "own_outstanding_minor": 0,
        "own_worst_overdue_days": 0,
        "own_refusals_30d": 0,
        "merchant_category": "electronics",
        "decided_on": date(2026, 11, 21),
    }
    return lambda **changes: Features(**{**ordinary, **changes})
