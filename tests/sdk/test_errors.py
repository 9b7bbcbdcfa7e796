"""The error tree and how answers become errors."""

import pytest
from fenqi import errors


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (401, "key_invalid", errors.AuthenticationError),
        (403, "scope_missing", errors.PermissionDenied),
        (404, "not_found", errors.NotFoundError),
        (409, "transition_not_allowed", errors.ConflictError),
        (409, "idempotency_in_progress", errors.IdempotencyError),
        (422, "idempotency_mismatch", errors.IdempotencyError),
        (400, "body_malformed", errors.InvalidRequestError),
        (410, "checkout_expired", errors.InvalidRequestError),
        (422, "field_invalid", errors.InvalidRequestError),
        (429, "rate_limited", errors.RateLimitError),
        (500, "internal", errors.ServerError),
        (503, "unavailable", errors.Unavailable),
    ],
)
def test_status_and_code_choose_the_class(status: int, code: str, kind: type[errors.APIError]) -> None:
    error = errors.from_problem(
        status, {"code": code, "detail": "d", "field": "f", "hint": "h", "request_id": "req_1"}
    )
    assert type(error) is kind
    assert (error.code, error.field, error.hint, error.request_id, error.http_status) == (
        code,
        "f",
        "h",
        "req_1",
        status,
    )


def test_the_text_of_an_error_says_what_where_how_and_which_request() -> None:
    text = str(
        errors.from_problem(
            422,
            {
                "code": "field_invalid",
                "detail": "Too small.",
                "field": "amount.minor",
                "hint": "Send 1 or more.",
                "request_id": "req_9",
            },
        )
    )
    for part in ("Too small.", "amount.minor", "Send 1 or more.", "req_9", "field_invalid"):
        assert part in text


def test_a_clause_and_its_hint_do_not_run_into_each_other() -> None:
    told = {"code": "currency_not_supported", "detail": "this merchant sells in CNY", "hint": "send CNY"}
    assert str(errors.from_problem(422, told)).startswith("this merchant sells in CNY; send CNY")


def test_a_sloppy_problem_still_becomes_a_typed_error() -> None:
    error = errors.from_problem(
        500, {"code": 7, "detail": None, "title": "", "field": ["x"]}, request_id="req_2"
    )
    assert isinstance(error, errors.ServerError)
    assert (error.code, error.field, error.request_id) == ("api_error", None, "req_2")


def test_waiting_time_is_kept_on_errors_that_may_be_retried() -> None:
    limited = errors.from_problem(429, {"code": "rate_limited"}, retry_after_seconds=3)
    assert isinstance(limited, errors.RateLimitError)
    assert limited.retry_after_seconds == 3


def test_the_drawn_tree_names_every_class() -> None:
    drawn = errors.__doc__ or ""
    kinds = [
        name
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and kind.__module__ == "fenqi.errors"
    ]
    assert [name for name in kinds if name not in drawn] == []
