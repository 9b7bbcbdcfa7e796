"""What every provider client shares: one bounded JSON exchange, and a strict JSON parser.

It knows no provider's vocabulary, and puts no request body, answer or URL into an error: they hold
personal data.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn
from urllib.parse import quote

import requests
from fenqi.finance.money import Money
from urllib3.exceptions import HTTPError, ReadTimeoutError

from merchant_server.ports import ProviderGarbled, ProviderRefused, ProviderUnavailable
from merchant_server.providers.sockets import DeadlineAdapter

INTEGER_MAX = 10**15
_CODE = re.compile(r"[a-z][a-z0-9_]{0,63}")


class NotStrictJson(ValueError):
    """The bytes are not the JSON that was agreed on. Attributes: reason (no piece of the text itself)."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


def _refuse_float(_: str) -> NoReturn:
    raise NotStrictJson("a number is not an integer")


def _refuse_constant(_: str) -> NoReturn:
    raise NotStrictJson("NaN and Infinity are not JSON")


def _bounded_integer(text: str) -> int:
    # Length first: converting a million digits is itself an attack.
    if len(text) > 17 or abs(int(text)) > INTEGER_MAX:
        raise NotStrictJson(f"an integer is beyond {INTEGER_MAX}")
    return int(text)


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise NotStrictJson("a key appears twice in one object")
    return found


_STRICT = json.JSONDecoder(
    parse_float=_refuse_float,
    parse_int=_bounded_integer,
    parse_constant=_refuse_constant,
    object_pairs_hook=_without_duplicates,
)


def parse_json(raw: bytes) -> Any:
    """Parse UTF-8 JSON (RFC 8259), refusing duplicate keys, NaN, floats, huge integers and lone surrogates.

    Raises NotStrictJson and nothing else.
    """
    try:
        text = raw.decode("utf-8")
        if text.startswith("\ufeff"):
            raise NotStrictJson("a byte order mark is not JSON")
        value = _STRICT.decode(text)
        if "\\u" in text:
            # Escaped lone surrogates parse, and then fail at the first write to a file or a database.
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except NotStrictJson:
        raise
    except UnicodeError:
        raise NotStrictJson("the text is not UTF-8") from None
    except RecursionError:
        raise NotStrictJson("nested too deeply") from None
    except ValueError:
        raise NotStrictJson("not well-formed JSON") from None
    return value


def closed_object(value: Any, fields: Mapping[str, type]) -> dict[str, Any]:
    """Return `value` if it is an object with exactly these fields and types; a bool is never an int.

    Raises NotStrictJson, naming the field.
    """
    if not isinstance(value, dict):
        raise NotStrictJson("not a JSON object")
    for name, kind in fields.items():
        if name not in value:
            raise NotStrictJson(f"the field {name} is missing")
        if type(value[name]) is not kind:
            raise NotStrictJson(f"the field {name} is not of type {kind.__name__}")
    if len(value) != len(fields):
        raise NotStrictJson("a field is not known")
    return value


def wire_money(amount: Money) -> dict[str, Any]:
    """Return the JSON form of an amount: `{"minor": …, "currency": …}`."""
    return {"minor": amount.minor, "currency": amount.currency}


def read_money(value: Any) -> Money:
    """Read the JSON form of an amount. Raises NotStrictJson."""
    found = closed_object(value, {"minor": int, "currency": str})
    try:
        return Money(found["minor"], found["currency"])
    except (ValueError, TypeError):
        raise NotStrictJson("an amount or its currency is out of range") from None


@dataclass(frozen=True, slots=True)
class Answer:
    """A provider's definite answer: a status below 500 and its JSON object."""

    status: int
    data: dict[str, Any]
    raw: bytes = field(default=b"", compare=False, repr=False)


class JsonService:
    """One provider's HTTP address: bearer key, one session, bounded times and sizes.

    No proxy, netrc or redirect may send personal data elsewhere. Every request is safe to repeat, because
    it carries our own reference; so a connection that broke is tried once more, a time-out never.
    """

    def __init__(
        self,
        *,
        provider: str,
        base_url: str,
        api_key: str,
        connect_timeout_seconds: float = 1.0,
        read_timeout_seconds: float = 2.0,
        answer_bytes_max: int = 65_536,
    ) -> None:
        self.provider = provider
        self._base_url = base_url.rstrip("/")
        self._timeouts = (connect_timeout_seconds, read_timeout_seconds)
        self._answer_bytes_max = answer_bytes_max
        self._session = requests.Session()
        self._session.trust_env = False
        # No compression: a small answer that unpacks to a gigabyte is a known attack.
        self._session.headers.update(
            {
                "authorization": f"Bearer {api_key}",
                "accept": "application/json",
                "accept-encoding": "identity",
            }
        )
        adapter = DeadlineAdapter(total_timeout_seconds=read_timeout_seconds, pool_maxsize=16)
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, adapter)

    def get(self, *path: str) -> Answer:
        """Ask for one resource. Raises ProviderUnavailable."""
        return self._call("GET", path, None)

    def post(self, *path: str, body: Mapping[str, Any]) -> Answer:
        """Send one JSON object. Raises ProviderUnavailable."""
        return self._call("POST", path, json.dumps(body, ensure_ascii=False).encode("utf-8"))

    def unavailable(self, reason: str) -> ProviderUnavailable:
        """Return the error that says: no usable answer."""
        return ProviderUnavailable(self.provider, reason)

    def garbled(self, reason: str, raw: bytes) -> ProviderGarbled:
        """Return the error that says: an answer came, and it is none. Its bytes are for quarantine only."""
        return ProviderGarbled(self.provider, reason, raw)

    def refused(self, answer: Answer) -> ProviderRefused:
        """Return the error for a 4xx: the provider's code when it is a plain one, never its free text."""
        code = answer.data.get("code")
        plain = code if isinstance(code, str) and _CODE.fullmatch(code) else "refused"
        return ProviderRefused(self.provider, plain, f"HTTP {answer.status}")

    def _call(self, method: str, path: tuple[str, ...], body: bytes | None) -> Answer:
        url = "/".join((self._base_url, *(quote(part, safe="") for part in path)))
        try:
            status, raw = self._exchange(method, url, body)
        except requests.Timeout:
            raise self.unavailable("it did not answer in time") from None
        except requests.ConnectionError:
            try:
                status, raw = self._exchange(method, url, body)
            except requests.Timeout:
                raise self.unavailable("it did not answer in time") from None
            except requests.RequestException as error:
                raise self.unavailable(f"the connection failed ({type(error).__name__})") from None
        except requests.RequestException as error:
            raise self.unavailable(f"the exchange failed ({type(error).__name__})") from None
        if status >= 500 or status == 429 or status < 200 or 300 <= status < 400:
            raise self.unavailable(f"HTTP {status}")
        if status in (401, 403):
            # A key of ours that is not accepted says nothing about the person or the money.
            raise self.unavailable(f"HTTP {status}: it does not accept our API key")
        try:
            data = parse_json(raw)
        except NotStrictJson as error:
            raise self.garbled(f"HTTP {status} without strict JSON: {error.reason}", raw) from None
        if not isinstance(data, dict):
            raise self.garbled(f"HTTP {status} without a JSON object", raw)
        return Answer(status, data, raw)

    def _exchange(self, method: str, url: str, body: bytes | None) -> tuple[int, bytes]:
        headers = {"content-type": "application/json"} if body is not None else {}
        with self._session.request(
            method,
            url,
            data=body,
            headers=headers,
            timeout=self._timeouts,
            allow_redirects=False,
            stream=True,
        ) as response:
            raw = bytearray()
            try:
                while piece := response.raw.read1(8192):
                    raw += piece
                    if len(raw) > self._answer_bytes_max:
                        raise requests.RequestException("the answer is too long")
            except (ReadTimeoutError, TimeoutError):
                raise requests.Timeout from None
            except (HTTPError, OSError):
                raise requests.ConnectionError from None
            return response.status_code, bytes(raw)
