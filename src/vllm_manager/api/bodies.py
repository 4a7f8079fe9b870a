"""Looks at request bodies before anything else does: size, media type, and JSON that is plain.

What json libraries let through and later code chokes on is refused here: depth, duplicate names,
NaN and infinities, NUL characters, halves of surrogate pairs.
"""

import json
import math
from typing import Any, NoReturn

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vllm_manager.api.problems import answer
from vllm_manager.kit.errors import Problem

MAX_API_BYTES = 1 << 20
MAX_INTERNAL_BYTES = 16 << 20
MAX_DEPTH = 64
_WITH_BODY = frozenset({"POST", "PUT", "PATCH", "DELETE"})


class BodyGuard:
    """Refuses bad bodies under /api, and too large ones anywhere, with a problem document."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            _check_address(scope)
            if scope["method"] in _WITH_BODY:
                receive = _replay(await self._checked(Request(scope, receive)), receive)
        except Problem as problem:
            request_id = scope.get("state", {}).get("request_id")
            close = {"connection": "close"} if problem.details.status == 413 else {}
            await answer(problem.details, request_id, close)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    async def _checked(self, request: Request) -> bytes:
        internal = request.url.path.startswith("/internal/")
        body = await _read(request, MAX_INTERNAL_BYTES if internal else MAX_API_BYTES)
        if body and request.url.path.startswith("/api/"):
            _require_json_type(request.headers.get("content-type", ""))
            _require_plain_json(body)
        return body


def _check_address(scope: Scope) -> None:
    if "\0" in scope["path"] or b"%00" in scope["query_string"]:
        raise Problem("bad_request", "The address holds a NUL character (%00). Leave it out.")


async def _read(request: Request, limit_bytes: int) -> bytes:
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > limit_bytes:
        raise _too_large(limit_bytes)
    chunks: list[bytes] = []
    size_bytes = 0
    async for chunk in request.stream():
        size_bytes += len(chunk)
        if size_bytes > limit_bytes:
            raise _too_large(limit_bytes)
        chunks.append(chunk)
    return b"".join(chunks)


def _too_large(limit_bytes: int) -> Problem:
    limit_mib = limit_bytes >> 20
    return Problem(
        "body_too_large", f"The body is larger than {limit_mib} MiB, the limit here.", status=413
    )


def _replay(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that gives `body` once, then whatever the connection says."""
    given = False

    async def replayed() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed


def _require_json_type(content_type: str) -> None:
    kind = content_type.partition(";")[0].strip().lower()
    if kind != "application/json" and not kind.endswith("+json"):
        raise Problem(
            "unsupported_media_type",
            "The body must be JSON: send it with `Content-Type: application/json`.",
            status=415,
        )


def _require_plain_json(body: bytes) -> None:
    try:
        document = json.loads(body, parse_constant=_not_a_number, object_pairs_hook=_object)
        _walk(document)
    except RecursionError:
        raise _bad_json(f"it is nested deeper than {MAX_DEPTH} levels") from None
    except ValueError as error:
        raise _bad_json(str(error)) from None


def _walk(document: Any) -> None:
    """Visit every value without recursion; raise ValueError at the first that is not plain."""
    stack: list[tuple[Any, int]] = [(document, 1)]
    while stack:
        value, depth = stack.pop()
        if isinstance(value, str):
            _require_plain_text(value)
        elif isinstance(value, float):
            if math.isinf(value):
                raise ValueError("a number is too large")
        elif isinstance(value, (dict, list)):
            if depth > MAX_DEPTH:
                raise ValueError(f"it is nested deeper than {MAX_DEPTH} levels")
            stack.extend((inner, depth + 1) for inner in _inner(value))  # pyright: ignore[reportUnknownArgumentType]


def _inner(value: dict[str, Any] | list[Any]) -> list[Any]:
    return [*value.keys(), *value.values()] if isinstance(value, dict) else value


def _require_plain_text(text: str) -> None:
    if "\0" in text:
        raise ValueError("a text holds a NUL character")
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("a text holds half of a surrogate pair")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the member “{twice[:100]}” stands twice in one object")
    return members


def _not_a_number(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a JSON number")


def _bad_json(why: str) -> Problem:
    return Problem("invalid_json", f"The body is not plain JSON: {why}.", status=400)
