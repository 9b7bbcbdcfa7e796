"""What the API tests share: a draft that is right, and what every refusal must look like."""

from typing import Any

from fenqi.wire import ProblemSchema
from werkzeug.test import TestResponse

PROBLEM_FIELDS = {"type", "title", "status", "detail", "code", "field", "hint", "request_id"}


def draft(**changes: Any) -> dict[str, Any]:
    """Return the body of a checkout that is taken, with changes."""
    return {"amount": {"minor": 399_900, "currency": "CNY"}, "reference": "order-1001"} | changes


def refused(response: TestResponse, status: int, code: str, field: str | None = None) -> dict[str, Any]:
    """Assert that an answer is a problem with this status, code and field, and return it."""
    problem: dict[str, Any] = is_problem(response)
    assert (response.status_code, problem["code"], problem["field"]) == (status, code, field), problem
    return problem


def is_problem(response: TestResponse) -> dict[str, Any]:
    """Assert that an answer is a whole RFC 9457 problem of ours, and return it."""
    assert response.status_code >= 400, response.text
    assert response.content_type == "application/problem+json", response.text
    problem: dict[str, Any] = response.get_json(force=True)
    assert set(problem) == PROBLEM_FIELDS
    ProblemSchema().load(problem)
    assert problem["status"] == response.status_code
    assert problem["type"] == f"https://fenqi.dev/errors/{problem['code']}"
    assert problem["detail"] and problem["title"]
    assert (
        problem["request_id"].startswith("req_") and problem["request_id"] == response.headers["Request-Id"]
    )
    return problem
