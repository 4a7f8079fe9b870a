"""A REST server that answers what a test tells it to, for clients that block."""

import json
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass
class Call:
    """One request as it came."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: Any


@dataclass
class RestServer:
    """Answers by `METHOD /path`; a list is gone through, its last answer repeated.

    `headers` are those of an answer, by the same name.
    """

    url: str = ""
    answers: dict[str, list[tuple[int, object]]] = field(default_factory=dict[str, Any])
    headers: dict[str, dict[str, str]] = field(default_factory=dict[str, Any])
    calls: list[Call] = field(default_factory=list[Call])

    def answer(self, route: str, *bodies: object, status: int = 200) -> None:
        self.answers[route] = [(status, body) for body in bodies]

    def take(self, call: Call) -> tuple[int, object]:
        self.calls.append(call)
        left = self.answers.get(f"{call.method} {call.path}")
        if not left:
            detail = f"There is nothing at {call.path}."
            return 404, {"type": "t", "title": "T", "status": 404, "detail": detail, "code": "c"}
        return left[0] if len(left) == 1 else left.pop(0)


def _handler(server: RestServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _take(self) -> None:
            url = urlsplit(self.path)
            length = int(self.headers.get("content-length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            headers = {name.lower(): value for name, value in self.headers.items()}
            call = Call(self.command, url.path, parse_qs(url.query), headers, body)
            status, answer = server.take(call)
            data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(data)))
            for name, value in server.headers.get(f"{call.method} {call.path}", {}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _take  # noqa: N815 (names that http.server calls)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    return Handler


@contextmanager
def rest_server() -> Generator[RestServer]:
    """Yield a server on a free port of loopback."""
    server = RestServer()
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler(server)) as http:
        server.url = f"http://127.0.0.1:{http.server_address[1]}"
        thread = threading.Thread(target=http.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server
        finally:
            http.shutdown()
            thread.join()
