"""Log lines of every program: JSON for machines, text in a terminal, and nothing in them that names a person.

Times are UTC. Whoever logs passes no personal data; the scrubber here is the second fence, not the first.
"""

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

import structlog

HIDDEN = "[hidden]"
FRAMES_MAX = 12
# Mobile and id numbers of China, keys, secrets, tokens in addresses, and passwords in URLs.
_SECRETS = re.compile(
    r"(?:\+?86)?1[3-9]\d{9}(?!\d)|(?<!\d)\d{17}[\dXx](?!\d)|\b[sp]k_(?:test|live)_[\w-]+|\bwhsec_[\w+/=-]+"
    r"|(?<=/p/)[\w-]{8,}|(?<=://)[^/\s:@]*:[^@\s/]+(?=@)|(?<=Bearer )\S+"
)


def set_up(log_format: str, stream: TextIO | None = None) -> None:
    """Send every logger's lines to a stream, standard error by default; `log_format` is auto, json or text."""
    target = stream or sys.stderr
    as_text = log_format == "text" or (log_format == "auto" and target.isatty())
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: Any = (
        structlog.dev.ConsoleRenderer(colors=target.isatty())
        if as_text
        else structlog.processors.JSONRenderer(ensure_ascii=False, default=str)
    )
    handler = logging.StreamHandler(target)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _tell, _scrub, last],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)


def _tell(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
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


def _scrub(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
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
