"""Every error the SDK raises, as one tree; catch the branch that matches the decision you make. No I/O here.

FenqiError                      .code .message .field .hint .request_id .http_status .body
├── ConfigError                 key, base URL or option unusable; nothing was sent
├── InvalidArgument             an argument refused before anything was sent
├── JsonRefused                 bytes that are not the strict JSON fenqi speaks (.position)
├── TransportError              no answer; the same call with the same key may be repeated safely
│   ├── RequestTimeout
│   └── ConnectionFailed
├── NotFenqi                    an answer came, but not from a fenqi server
├── APIError                    fenqi answered with a problem
│   ├── AuthenticationError     401  the key is missing, wrong or revoked
│   ├── PermissionDenied        403  the key lacks a scope
│   ├── NotFoundError           404  no such thing, or another merchant's
│   ├── ConflictError           409  the state does not allow it, or somebody else moved first
│   │   └── IdempotencyError    409/422  the Idempotency-Key is in use or belongs to another request
│   ├── InvalidRequestError     4xx  change the request (.field says where)
│   ├── RateLimitError          429  wait (.retry_after_seconds)
│   └── ServerError             5xx  fenqi's fault
│       └── Unavailable         502/503/504  try again later (.retry_after_seconds)
└── SignatureVerificationError  a webhook that must not be believed (.reason .skew_seconds)

Errors of the arithmetic (`fenqi.finance.errors.FinanceError`) stand apart: finance imports nothing.
No error carries an API key or a webhook secret.
"""

from collections.abc import Mapping
from typing import Any


class FenqiError(Exception):
    """Base of all SDK errors.

    Attributes: code (permanent snake_case name), message, field (JSON path such as "amount.minor"),
    hint (what to do), request_id, http_status, body (the decoded answer); the last five may be None.
    """

    default_code = "error"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        field: str | None = None,
        hint: str | None = None,
        request_id: str | None = None,
        http_status: int | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> None:
        self.message = message
        self.code = code or self.default_code
        self.field, self.hint, self.request_id = field, hint, request_id
        self.http_status, self.body = http_status, body
        super().__init__(message)

    def __str__(self) -> str:
        said = self.message
        if self.field:
            said += f" (field {self.field})"
        if self.hint:
            # The service's messages are clauses, the SDK's are sentences.
            said += f" {self.hint}" if self.message.endswith((".", "!", "?")) else f"; {self.hint}"
        if self.request_id:
            said += f" [{self.code}, request {self.request_id}]"
        return said


class ConfigError(FenqiError):
    """The client cannot be built as asked: no key, a malformed key or URL, an unusable option."""

    default_code = "config_invalid"


class InvalidArgument(FenqiError):
    """An argument was refused before anything was sent; `field` names it."""

    default_code = "argument_invalid"


class JsonRefused(FenqiError):
    """The bytes are not strict JSON. Attributes: reason, position (an offset, or None)."""

    default_code = "body_malformed"

    def __init__(self, reason: str, position: int | None = None) -> None:
        self.reason, self.position = reason, position
        where = "" if position is None else f" at position {position}"
        super().__init__(f"The JSON was refused{where}: {reason}.")


class TransportError(FenqiError):
    """No answer arrived. Whether the request acted is unknown; repeat it with the same Idempotency-Key."""

    default_code = "transport_failed"


class RequestTimeout(TransportError):
    """The server did not answer within the timeout."""

    default_code = "timeout"


class ConnectionFailed(TransportError):
    """The server could not be reached, or the connection broke."""

    default_code = "connection_failed"


class NotFenqi(FenqiError):
    """Something answered, but the answer is not fenqi's: check base_url, proxies and captive portals."""

    default_code = "not_fenqi"


class APIError(FenqiError):
    """fenqi answered with a problem (RFC 9457); `code` is permanent and safe to branch on."""

    default_code = "api_error"


class AuthenticationError(APIError):
    """The API key is missing, wrong or revoked (401)."""


class PermissionDenied(APIError):
    """The API key is genuine but lacks the scope this call needs (403)."""


class NotFoundError(APIError):
    """No such resource under this key; another merchant's or mode's resource looks the same (404)."""


class ConflictError(APIError):
    """The resource's state does not allow this, or another moved first: retrieve it and decide (409)."""


class IdempotencyError(ConflictError):
    """The Idempotency-Key is still in use (409), or was used for a different request (422)."""


class InvalidRequestError(APIError):
    """The request must be changed before it can succeed; `field` and `hint` say how (4xx)."""


class RateLimitError(APIError):
    """Too many requests (429). Attribute: retry_after_seconds, None when the server named no time."""

    retry_after_seconds: float | None = None


class ServerError(APIError):
    """fenqi failed (5xx); the request id leads to the server's log."""


class Unavailable(ServerError):
    """fenqi is not ready (502, 503, 504). Attribute: retry_after_seconds, None when none was named."""

    retry_after_seconds: float | None = None


class SignatureVerificationError(FenqiError):
    """A webhook that must not be believed.

    Attributes: reason, one of body_parsed, body_not_utf8, body_not_event, header_missing, header_malformed,
    secret_invalid, signature_mismatch, clock_skew, argument_invalid; skew_seconds, our clock minus the
    sender's (None but for clock_skew).
    """

    default_code = "signature_invalid"

    def __init__(self, message: str, *, reason: str, skew_seconds: int | None = None) -> None:
        self.reason, self.skew_seconds = reason, skew_seconds
        super().__init__(message)


_BY_STATUS: dict[int, type[APIError]] = {
    401: AuthenticationError,
    403: PermissionDenied,
    404: NotFoundError,
    409: ConflictError,
    429: RateLimitError,
    502: Unavailable,
    503: Unavailable,
    504: Unavailable,
}
_BY_CODE: dict[str, type[APIError]] = {
    "idempotency_mismatch": IdempotencyError,
    "idempotency_in_progress": IdempotencyError,
}


def from_problem(
    http_status: int,
    problem: Mapping[str, Any],
    *,
    request_id: str | None = None,
    retry_after_seconds: float | None = None,
) -> APIError:
    """Make the error for a problem+json answer (RFC 9457): by code first, else by HTTP status.

    Members of the wrong type are ignored, so a sloppy answer still becomes a typed error.
    """

    def text(name: str) -> str | None:
        value = problem.get(name)
        return value if isinstance(value, str) and value else None

    code = text("code") or "api_error"
    fallback = ServerError if http_status >= 500 else InvalidRequestError
    kind = _BY_CODE.get(code) or _BY_STATUS.get(http_status, fallback)
    error = kind(
        text("detail") or text("title") or f"fenqi answered {http_status}.",
        code=code,
        field=text("field"),
        hint=text("hint"),
        request_id=text("request_id") or request_id,
        http_status=http_status,
        body=problem,
    )
    if isinstance(error, RateLimitError | Unavailable):
        error.retry_after_seconds = retry_after_seconds
    return error
