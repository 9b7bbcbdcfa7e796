"""One call to fenqi: key, timeouts, retries under one Idempotency-Key, typed errors. Knows no resources."""

import platform
import random
import re
import secrets
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import count
from typing import Any, Protocol
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import InvalidHeader
from urllib3.util import Retry

from fenqi._version import __version__
from fenqi.errors import (
    APIError,
    ConfigError,
    ConnectionFailed,
    FenqiError,
    InvalidArgument,
    NotFenqi,
    RateLimitError,
    RequestTimeout,
    TransportError,
    Unavailable,
    from_problem,
)

API_VERSION = "2026-11-22"
USER_AGENT = (
    f"fenqi-python/{__version__} (python {platform.python_version()}; requests {requests.__version__})"
)
BACKOFF_FIRST_SECONDS = 0.5
BACKOFF_MAX_SECONDS = 8.0
# A server that asks for a longer wait is answered by raising: the caller decides whether to wait that long.
RETRY_AFTER_MAX_SECONDS = 60.0
RETRIES_MAX = 10
_BUSY_STATUS = frozenset({429, 502, 503, 504})
_API_KEY = re.compile(r"[a-z]{2,4}_(test|live)_[A-Za-z0-9_-]{4,200}")
Timeout = tuple[float, float]


class Clock(Protocol):
    """Where the SDK takes time from; tests pass one whose sleep returns at once."""

    def now(self) -> datetime:
        """Return the present as an aware UTC datetime."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """Return the present as an aware UTC datetime."""
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


class _BearerKey(requests.auth.AuthBase):
    """Sends the key as requests' auth object: a plain header would be overwritten from the user's .netrc."""

    def __init__(self, api_key: str) -> None:
        self._api_key = api_key

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._api_key}"
        return request


class Transport:
    """Sends one call, with its retries, and returns decoded JSON or raises a FenqiError."""

    def __init__(
        self,
        *,
        api_key: str,
        base_url: str,
        timeout: Timeout,
        max_retries: int,
        session: requests.Session | None,
        clock: Clock,
    ) -> None:
        _check_key(api_key)
        _check_options(timeout, max_retries)
        self.base_url = _checked_url(base_url, live="_live_" in api_key[:10])
        self.clock = clock
        self.timeout = (float(timeout[0]), float(timeout[1]))
        self.max_retries = max_retries
        self._auth = _BearerKey(api_key)
        self._session = session or requests.Session()

    def __repr__(self) -> str:
        return f"Transport({self.base_url!r})"

    def close(self) -> None:
        """Close the connections that are kept open."""
        self._session.close()

    def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
    ) -> "Result":
        """Send until another try would not better the answer; every try carries the same key and id."""
        headers = {"Accept": "application/json", "X-Request-Id": f"req_{secrets.token_hex(13)}"}
        if idempotency_key is not None:
            headers["Idempotency-Key"] = checked_idempotency_key(idempotency_key)
        for attempt in count():
            try:
                return _result(self.send(method, path, query=query, body=body, headers=headers))
            except FenqiError as error:
                pause = self._pause(error, attempt)
                if pause is None or attempt == self.max_retries:
                    raise
                self.clock.sleep(pause)
        raise AssertionError("the loop returns or raises")

    def send(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str],
        query: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        stream: bool = False,
        read_timeout_seconds: float | None = None,
    ) -> requests.Response:
        """Send once, following no redirect. Raises RequestTimeout or ConnectionFailed."""
        timeout = (self.timeout[0], read_timeout_seconds or self.timeout[1])
        failure: TransportError
        try:
            return self._session.request(
                method,
                self.base_url + path,
                params={name: value for name, value in (query or {}).items() if value is not None},
                json=body,
                headers={"User-Agent": USER_AGENT, "Fenqi-Version": API_VERSION, **headers},
                auth=self._auth,
                timeout=timeout,
                allow_redirects=False,
                stream=stream,
            )
        except requests.exceptions.Timeout:
            failure = RequestTimeout(
                f"{method} {self.base_url}{path} was not answered in time "
                f"({timeout[0]:g} s to connect, {timeout[1]:g} s to read).",
                hint="Whether it acted is unknown; repeat it: its Idempotency-Key stops a second effect.",
            )
        except requests.exceptions.RequestException as error:
            failure = ConnectionFailed(
                f"{method} {self.base_url}{path} failed: {type(error).__name__}.",
                hint="Check FENQI_BASE_URL, the network and the server; `fenqi doctor` looks at all three.",
            )
        failure.request_id = headers.get("X-Request-Id")
        # Raised out here, so that no chained exception carries the prepared request and with it the API key.
        raise failure

    def _pause(self, error: FenqiError, attempt: int) -> float | None:
        """Return the seconds to wait before the next try, or None when another try would not help."""
        backoff = min(BACKOFF_MAX_SECONDS, BACKOFF_FIRST_SECONDS * float(2**attempt))
        # Jitter keeps a thousand tills from coming back in the same instant; it is no secret.
        jittered = backoff * (0.5 + random.random() / 2)  # noqa: S311
        if isinstance(error, TransportError):
            return jittered
        if isinstance(error, RateLimitError | Unavailable):
            asked = error.retry_after_seconds
            if asked is None:
                return jittered
            return max(asked, jittered) if asked <= RETRY_AFTER_MAX_SECONDS else None
        if isinstance(error, APIError) and error.code == "idempotency_in_progress":
            return jittered
        return None


class Result:
    """A decoded answer: `body` (None for 204) and whether it is a stored one (`replayed`)."""

    __slots__ = ("body", "replayed", "server_date")

    def __init__(self, body: Any, *, replayed: bool, server_date: str | None) -> None:
        self.body, self.replayed, self.server_date = body, replayed, server_date


def _result(response: requests.Response) -> Result:
    raise_for_problem(response)
    replayed = response.headers.get("Idempotency-Replayed", "").lower() == "true"
    server_date = response.headers.get("Date")
    if response.status_code == 204:
        return Result(None, replayed=replayed, server_date=server_date)
    body = _json(response)
    if not isinstance(body, dict):
        raise _not_fenqi(response)
    return Result(body, replayed=replayed, server_date=server_date)


def raise_for_problem(response: requests.Response) -> None:
    """Raise the typed error for anything but a 2xx answer; NotFenqi when it is no problem+json."""
    if 200 <= response.status_code < 300:
        return
    problem = _json(response)
    if response.status_code < 400 or not isinstance(problem, dict) or "code" not in problem:
        if response.status_code not in _BUSY_STATUS:
            raise _not_fenqi(response)
        # A gateway in front of fenqi answers these in its own words.
        problem = {"code": "unavailable", "detail": f"The gateway answered {response.status_code}."}
    raise from_problem(
        response.status_code,
        problem,
        request_id=response.headers.get("Request-Id"),
        retry_after_seconds=_retry_after_seconds(response),
    )


def _json(response: requests.Response) -> Any:
    try:
        return response.json()
    except (ValueError, RecursionError, requests.exceptions.RequestException):
        return None


def _not_fenqi(response: requests.Response) -> NotFenqi:
    kind = response.headers.get("Content-Type", "no content type")
    return NotFenqi(
        f"{urlsplit(response.url).netloc} answered {response.status_code} ({kind[:60]}), not fenqi's JSON.",
        hint="Check base_url (scheme, host, port), and any proxy or log-in page in between.",
        http_status=response.status_code,
        request_id=response.headers.get("Request-Id"),
    )


def _retry_after_seconds(response: requests.Response) -> float | None:
    text = response.headers.get("Retry-After")
    if text is None:
        return None
    try:
        return float(Retry().parse_retry_after(text))
    except (InvalidHeader, ValueError, OverflowError):
        return None


def checked_idempotency_key(key: str) -> str:
    """Return the key when it is 1 to 255 visible ASCII characters. Raises InvalidArgument."""
    if not isinstance(key, str) or not 1 <= len(key) <= 255 or any(not "!" <= c <= "~" for c in key):
        raise InvalidArgument("Expected 1 to 255 visible ASCII characters.", field="idempotency_key")
    return key


def _check_key(api_key: str) -> None:
    if not isinstance(api_key, str) or not api_key:
        raise ConfigError("No API key: pass api_key= or set FENQI_API_KEY.", field="api_key")
    if not _API_KEY.fullmatch(api_key):
        raise ConfigError(
            "An API key starts with sk_test_ or sk_live_ and holds no spaces or line ends.",
            field="api_key",
            hint="Copy it again from the portal's Keys page.",
        )


def _check_options(timeout: Timeout, max_retries: int) -> None:
    if (
        not isinstance(timeout, tuple)
        or len(timeout) != 2
        or not all(0 < seconds <= 600 for seconds in timeout)
    ):
        raise ConfigError("Expected (connect, read) seconds, each over 0 and up to 600.", field="timeout")
    if type(max_retries) is not int or not 0 <= max_retries <= RETRIES_MAX:
        raise ConfigError(f"Expected a whole number from 0 to {RETRIES_MAX}.", field="max_retries")


def _checked_url(base_url: str, *, live: bool) -> str:
    try:
        parts = urlsplit(base_url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except (ValueError, AttributeError, TypeError):
        usable = False
    if not usable or "@" in parts.netloc or parts.query or parts.fragment:
        raise ConfigError(
            "Expected the server's address, such as https://fenqi.example, in base_url= or FENQI_BASE_URL.",
            field="base_url",
        )
    if live and parts.scheme != "https":
        raise ConfigError("A live key is sent over https only.", field="base_url")
    return base_url.rstrip("/").removesuffix("/v1")
