"""A real HTTP server on the loopback that answers as a test scripts it, and remembers what it was asked."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Seen:
    """One request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Loopback:
    """The script: one answer per request, the last one again and again."""

    answers: list[Callable[[BaseHTTPRequestHandler], None]]
    url: str = ""
    seen: list[Seen] = field(default_factory=list)

    def take(self) -> Callable[[BaseHTTPRequestHandler], None]:
        """Return the next answer."""
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def answer(
    status: int, body: Any = None, *, headers: dict[str, str] | None = None, raw: bytes | None = None
) -> Callable[[BaseHTTPRequestHandler], None]:
    """Answer with JSON (problem+json for errors), or with raw bytes."""

    def send(handler: BaseHTTPRequestHandler) -> None:
        payload = raw if raw is not None else json.dumps(body).encode()
        kind = "application/problem+json" if status >= 400 else "application/json"
        handler.send_response(status)
        for name, value in (
            {"Content-Type": kind, "Content-Length": str(len(payload))} | (headers or {})
        ).items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(payload)

    return send


def problem(status: int, code: str, **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    """Answer with a problem of this code."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return answer(status, {"code": code, "detail": f"{code}.", "request_id": "req_1"}, headers=named)


def hang_up(handler: BaseHTTPRequestHandler) -> None:
    """Close the connection without a word."""
    handler.close_connection = True
    handler.connection.close()


@contextmanager
def loopback(*answers: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[Loopback]:
    """Serve the script until the block ends."""
    script = Loopback(list(answers))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            script.seen.append(Seen(self.command, self.path, dict(self.headers), self.rfile.read(length)))
            script.take()(self)

        do_POST = do_DELETE = do_GET  # noqa: N815

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    script.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield script
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
