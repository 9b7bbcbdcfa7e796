"""Log lines of every program: JSON for machines, text in a terminal, and nothing in them that names a person.

Times are UTC. Whoever logs passes no personal data; the scrubber here is the second fence, not the first.
"""

import logging
import re
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

import msgspec
import structlog

HIDDEN = "[hidden]"
FRAMES_MAX = 12
# Mobile and id numbers of China, keys, secrets, tokens in addresses, and passwords in URLs.
_SECRETS = re.compile(
    r"(?:\+?86)?1[3-9]\d{9}(?!\d)|(?<!\d)\d{17}[\dXx](?!\d)|\b[sp]k_(?:test|live)_[\w-]+|\bwhsec_[\w+/=-]+"
    r"|(?<=/p/)[\w-]{8,}|(?<=://)[^/\s:@]*:[^@\s/]+(?=@)|(?<=Bearer )\S+"
)


# What every record has; what comes after it was passed as `extra`.
_PLAIN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}
_PLAIN_COUNT = len(vars(logging.makeLogRecord({})))
_JSON = msgspec.json.Encoder(enc_hook=str)


def set_up(log_format: str, stream: TextIO | None = None) -> None:
    """Send every logger's lines to a stream, standard error by default; `log_format` is auto, json or text."""
    target = stream or sys.stderr
    as_text = log_format == "text" or (log_format == "auto" and target.isatty())
    handler = logging.StreamHandler(target)
    handler.setFormatter(
        _Line(structlog.dev.ConsoleRenderer(colors=target.isatty()) if as_text else _as_json)
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    # No line tells them, and each costs every line a little (Python's Logging HOWTO, "Optimization").
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None


def _as_json(_logger: Any, _method: str, event: Mapping[str, Any]) -> str:
    return _JSON.encode(event).decode()


class _Line(logging.Formatter):
    """A record as one line: what was passed, what the context knows, and when, where and how grave.

    Every request writes one, so this goes straight to structlog's renderer instead of through its processors.
    """

    def __init__(self, render: Any) -> None:
        super().__init__()
        self._render = render

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        event = structlog.contextvars.get_contextvars()
        for name, value in islice(vars(record).items(), _PLAIN_COUNT, None):
            if name not in _PLAIN:
                event[name] = value
        event["event"] = record.getMessage()
        if record.exc_info:
            event["exc_info"] = record.exc_info
        line = _scrub(_tell(event))
        line["level"] = record.levelname.lower()
        line["logger"] = record.name
        line["timestamp"] = datetime.fromtimestamp(record.created, UTC).isoformat().replace("+00:00", "Z")
        return str(self._render(None, "", line))


def _tell(event: dict[str, Any]) -> dict[str, Any]:
    """Say an exception as its kind, its words and where it came from: no values of local names."""
    error = event.pop("exc_info", None)
    if isinstance(error, tuple):
        error = error[1]
    if isinstance(error, BaseException):
        event["error"] = type(error).__name__
        event["why"] = str(error)
        event["at"] = _frames(error.__traceback__)
        cause = error.__cause__ or error.__context__
        if cause is not None:
            event["because"] = f"{type(cause).__name__}: {cause}"
    return event


def _frames(traceback: TracebackType | None) -> list[str]:
    places = []
    while traceback is not None:
        code = traceback.tb_frame.f_code
        places.append(f"{Path(code.co_filename).name}:{traceback.tb_lineno} {code.co_name}")
        traceback = traceback.tb_next
    return places[-FRAMES_MAX:]


def _scrub(event: dict[str, Any]) -> dict[str, Any]:
    # No pattern goes over a line break, so that one search tells of most lines that there is nothing to hide.
    texts = [value for value in event.values() if type(value) is str]
    others = [value for value in event.values() if type(value) not in (str, int, float)]
    if not others and not _SECRETS.search("\n".join(texts)):
        return event
    return {name: scrubbed(value) for name, value in event.items()}


def scrubbed(value: Any) -> Any:
    """Return a value in whose texts nothing looks like a phone, an id number, a key, a token or a password."""
    if isinstance(value, str):
        return _SECRETS.sub(HIDDEN, value)
    if isinstance(value, Mapping):
        return {name: scrubbed(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [scrubbed(each) for each in value]
    return value if isinstance(value, int | float | None) else _SECRETS.sub(HIDDEN, str(value))
