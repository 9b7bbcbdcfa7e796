"""A small HTTP receiver for tests: keeps every request, and answers as the test says."""

import contextlib
import queue
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType

WAIT_SECONDS = 20.0
SUCCESS: tuple[int, bytes, dict[str, str]] = (200, b'{"code":"SUCCESS"}', {})


@dataclass(frozen=True)
class Received:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes


class Receiver:
    """Answers with `answers` in turn, then with the last for ever; `next()` waits for one request."""

    def __init__(
        self, *answers: tuple[int, bytes, dict[str, str]], port: int = 0, tls: ssl.SSLContext | None = None
    ) -> None:
        self.answers = list(answers or [SUCCESS])
        self.received: queue.Queue[Received] = queue.Queue()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                status, answer, headers = receiver.answers[0]
                if len(receiver.answers) > 1:
                    receiver.answers.pop(0)
                receiver.received.put(Received(self.path, dict(self.headers.items()), body))
                self.send_response(status)
                self.send_header("content-length", str(len(answer)))
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False

            def handle_error(self, request: object, client_address: object) -> None:
                pass

        self._server = Server(("127.0.0.1", port), Handler)
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.port = int(self._server.server_address[1])
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self.port}/hook"

    def next(self, timeout_seconds: float = WAIT_SECONDS) -> Received:
        """Wait for the next request; fails the test when none comes."""
        return self.received.get(timeout=timeout_seconds)

    def __enter__(self) -> "Receiver":
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


class RawReceiver:
    """Accepts TCP connections and hands each to `behave`; counts them in `connections`."""

    def __init__(self, behave: Callable[[socket.socket], None]) -> None:
        self._behave = behave
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        self.connections = 0
        self.over = threading.Event()

    def __enter__(self) -> "RawReceiver":
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.over.set()
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _accept(self) -> None:
        while not self.over.is_set():
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            self._behave(connection)
