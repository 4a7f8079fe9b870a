"""Reads a client's request body, up to the limit and within the time that it may take."""

import asyncio
from collections.abc import Mapping

from vllm_manager.gateway.answers import Refusal
from vllm_manager.gateway.asgi import Receive, Send
from vllm_manager.gateway.config import MEBIBYTE, GatewayConfig

_LINGER_SECONDS = 10.0


class ClientLeft(Exception):
    """The client closed its connection before its request was complete."""


async def read_body(
    config: GatewayConfig, headers: Mapping[bytes, bytes], receive: Receive
) -> bytes:
    """Return the whole body.

    Raises:
        Refusal: it is too large (413, at once where its length is declared), compressed (400), or
            took too long (408).
        ClientLeft: it will never be complete.
    """
    length = headers.get(b"content-length")
    if length is not None and int(length) > config.max_body_bytes:
        raise _too_large(config.max_body_bytes)
    if headers.get(b"content-encoding", b"identity").lower() != b"identity":
        message = "Compressed bodies are not taken. Send it without Content-Encoding."
        raise Refusal(400, "invalid_content_encoding", message)
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientLeft
    if not message.get("more_body", False):
        return _within(config, message["body"])
    try:
        async with asyncio.timeout(config.body_seconds):
            return await _read_rest(config, message["body"], receive)
    except TimeoutError as error:
        text = f"The body did not arrive within {config.body_seconds:.0f} s."
        raise Refusal(408, "request_timeout", text) from error


async def _read_rest(config: GatewayConfig, first: bytes, receive: Receive) -> bytes:
    pieces = [first]
    total_bytes = len(first)
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientLeft
        pieces.append(message["body"])
        total_bytes += len(message["body"])
        if total_bytes > config.max_body_bytes:
            raise _too_large(config.max_body_bytes)
        if not message.get("more_body", False):
            return b"".join(pieces)


async def discard(refusal: Refusal, request_id: bytes, receive: Receive, send: Send) -> None:
    """Answer before the body was read, then take in what is under way, keeping none of it.

    Closing at once would reset the connection, and a client that is still sending would never see
    the answer.
    """
    body = refusal.body()
    headers = [
        *refusal.headers(),
        (b"x-request-id", request_id),
        (b"connection", b"close"),
        (b"content-length", b"%d" % len(body)),
    ]
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": True})
    try:
        async with asyncio.timeout(_LINGER_SECONDS):
            while (message := await receive())["type"] != "http.disconnect":
                if not message.get("more_body", False):
                    break
    except TimeoutError:
        pass
    await send({"type": "http.response.body", "body": b""})


def _within(config: GatewayConfig, body: bytes) -> bytes:
    if len(body) > config.max_body_bytes:
        raise _too_large(config.max_body_bytes)
    return body


def _too_large(limit_bytes: int) -> Refusal:
    message = (
        f"The body is larger than {limit_bytes / MEBIBYTE:.0f} MiB, which is this gateway's limit. "
        "Send less in one request."
    )
    return Refusal(413, "body_too_large", message)
