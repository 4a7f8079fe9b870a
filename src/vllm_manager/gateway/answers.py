"""Answers that the gateway gives itself: OpenAI-shaped under `/v1`, problem details elsewhere."""

import html
import json
from collections.abc import Sequence
from math import ceil

from vllm_manager.gateway.asgi import Headers, Send

_JSON = (b"content-type", b"application/json")


class Refusal(Exception):
    """A request under `/v1` that the gateway answers with an error."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        param: str | None = None,
        retry_after_seconds: float | None = None,
        is_final: bool = False,
        more_headers: Sequence[tuple[bytes, bytes]] = (),
    ) -> None:
        """`is_final`: trying again by itself won't help, and the client is told so."""
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.param = param
        self.retry_after_seconds = retry_after_seconds
        self.is_final = is_final
        self.more_headers = more_headers

    def body(self, *, anthropic: bool = False) -> bytes:
        return json.dumps(error_object(self, anthropic=anthropic), ensure_ascii=False).encode()

    def headers(self) -> Headers:
        found: Headers = [_JSON, *self.more_headers]
        if self.retry_after_seconds is not None:
            found.append((b"retry-after", b"%d" % max(1, ceil(self.retry_after_seconds))))
        if self.is_final:
            found.append((b"x-should-retry", b"false"))
        if self.status == 401:
            found.append((b"www-authenticate", b'Bearer realm="vllm-manager"'))
        return found


_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
}


def error_object(refusal: Refusal, *, anthropic: bool) -> dict[str, object]:
    """Return OpenAI's error object; `anthropic` adds the member that its SDK looks for."""
    error: dict[str, object] = {
        "message": refusal.message,
        "type": _TYPES.get(refusal.status, "service_unavailable_error"),
        "param": refusal.param,
        "code": refusal.code,
    }
    return {"type": "error", "error": error} if anthropic else {"error": error}


async def reply(send: Send, status: int, body: bytes, headers: Headers) -> None:
    """Send a whole answer."""
    length = (b"content-length", b"%d" % len(body))
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": body})


async def refuse(
    send: Send, refusal: Refusal, request_id: bytes, *, anthropic: bool = False
) -> None:
    """Send a refusal as the API's error."""
    headers = [*refusal.headers(), (b"x-request-id", request_id)]
    await reply(send, refusal.status, refusal.body(anthropic=anthropic), headers)


async def reply_problem(
    send: Send,
    status: int,
    code: str,
    detail: str,
    request_id: bytes,
    *,
    retry_after_seconds: int | None = None,
) -> None:
    """Send problem details (RFC 9457), in the shape that the control plane uses."""
    problem: dict[str, object] = {
        "type": f"urn:vllm-manager:problem:{code}",
        "title": code.replace("_", " ").capitalize(),
        "status": status,
        "detail": detail,
        "code": code,
        "request_id": request_id.decode("latin-1"),
        "retryable": retry_after_seconds is not None,
        "retry_after_seconds": retry_after_seconds,
        "errors": [],
        "causes": [],
        "remediation": [],
    }
    headers: Headers = [
        (b"content-type", b"application/problem+json"),
        (b"x-request-id", request_id),
    ]
    if retry_after_seconds is not None:
        headers.append((b"retry-after", b"%d" % retry_after_seconds))
    await reply(send, status, json.dumps(problem, ensure_ascii=False).encode(), headers)


_AWAY_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><meta http-equiv="refresh" content="3">
<title>vLLM Manager is starting</title><style>
body{{font:16px/1.5 system-ui,sans-serif;max-width:36rem;margin:20vh auto;padding:0 1rem;
color:#1a1a1a;background:#fff}}
@media(prefers-color-scheme:dark){{body{{color:#eee;background:#111}}}}
p+p{{opacity:.7}}</style></head><body><main><h1>The control plane is not answering yet</h1>
<p>{detail}</p>
<p>Models go on answering under /v1 meanwhile. This page tries again every 3 seconds.</p>
</main></body></html>"""


async def reply_away_page(send: Send, detail: str, request_id: bytes) -> None:
    """Send a page for a person whose browser came while the control plane is away."""
    headers: Headers = [
        (b"content-type", b"text/html; charset=utf-8"),
        (b"cache-control", b"no-store"),
        (b"retry-after", b"3"),
        (b"x-request-id", request_id),
    ]
    body = _AWAY_PAGE.format(detail=html.escape(detail)).encode()
    await reply(send, 503, body, headers)
