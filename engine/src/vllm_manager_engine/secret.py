"""Guards every route of an engine by a secret; loaded into vLLM with `--middleware`."""

import hmac
import json
import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

HEADER = "x-engine-secret"
VARIABLE = "ENGINE_SECRET"
_HEADER_BYTES = HEADER.encode()

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

# What the gateway and the supervisor use. vLLM has more, some of which change the server.
_EXACT = frozenset(
    ["/health", "/metrics", "/version", "/tokenize", "/detokenize", "/score", "/rerank", "/pooling"]
)
_V1 = "/v1/"
_FORBIDDEN = frozenset(["/v1/load_lora_adapter", "/v1/unload_lora_adapter"])


def is_allowed_path(path: str) -> bool:
    """Say whether an engine answers `path` at all."""
    return path in _EXACT or (path.startswith(_V1) and path not in _FORBIDDEN)


class RequireSecret:
    """ASGI middleware: 401 without the secret, 404 for routes that nobody needs.

    The secret is taken from the environment, so that no command line shows it. An engine started
    without one does not start.
    """

    def __init__(self, app: App) -> None:
        self._app = app
        self._secret = os.environ.get(VARIABLE, "").encode()
        if not self._secret:
            raise RuntimeError(f"{VARIABLE} is not set: the engine would be open to anyone")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        elif not self._knows(scope["headers"]):
            await _refuse(send, 401, "The engine's secret is missing or wrong.")
        elif not is_allowed_path(scope["path"]):
            await _refuse(send, 404, "There is no such route.")
        else:
            await self._app(scope, receive, send)

    def _knows(self, headers: list[tuple[bytes, bytes]]) -> bool:
        given = [value for name, value in headers if name.lower() == _HEADER_BYTES]
        return len(given) == 1 and hmac.compare_digest(given[0], self._secret)


async def _refuse(send: Send, status: int, message: str) -> None:
    body = json.dumps({"error": {"message": message, "type": "invalid_request_error"}}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
