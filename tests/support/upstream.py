"""An engine for the gateway's tests: answers as vLLM does, without a model."""

import asyncio
import json
from typing import Any

from support.http_server import Exchange, HttpServer

USAGE = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
WORDS = ["Hello", " from", " a fake"]


def sse(value: object) -> bytes:
    """Return one server-sent event, written as vLLM writes it."""
    return b"data: " + json.dumps(value, separators=(",", ":")).encode() + b"\n\n"


def chunk(content: str | None, **more: Any) -> dict[str, Any]:
    """Return one chunk of a streamed chat answer; without content, the one for usage."""
    choices = [] if content is None else [{"index": 0, "delta": {"content": content}}]
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "demo"}
    return {**head, "choices": choices, **more}


def completion(content: str = "".join(WORDS)) -> dict[str, Any]:
    message = {"role": "assistant", "content": content}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "demo",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {**USAGE, "prompt_tokens_details": {"cached_tokens": 2}},
    }


async def answer(exchange: Exchange) -> None:
    """Answer a chat request at once, streamed or whole."""
    request: dict[str, Any] = exchange.json
    if not request.get("stream"):
        exchange.reply_json(completion())
        return
    exchange.start(content_type="text/event-stream; charset=utf-8")
    for word in WORDS:
        await exchange.chunk(sse(chunk(word)))
    options: dict[str, Any] = request.get("stream_options") or {}
    if options.get("include_usage"):
        await exchange.chunk(sse(chunk(None, usage=USAGE)))
    await exchange.chunk(b"data: [DONE]\n\n")
    exchange.end()


class FakeEngine(HttpServer):
    """Answers with `answer` unless told otherwise."""

    def __init__(self, port: int = 0) -> None:
        super().__init__(answer, port)

    def endpoint(self, replica_id: str = "r1", secret: str = "engine-secret") -> dict[str, str]:
        return {"replica_id": replica_id, "url": self.url, "secret": secret}


class Held:
    """A handler that lets a test stop an answer at a point: before it, or between its chunks."""

    def __init__(self, *, chunks_first: int | None = None) -> None:
        """`chunks_first`: this many chunks are sent before the wait; None: not even the head."""
        self.chunks_first = chunks_first
        self.go_on = asyncio.Event()
        self.waiting = asyncio.Event()

    async def __call__(self, exchange: Exchange) -> None:
        if self.chunks_first is not None:
            exchange.start(content_type="text/event-stream")
            for number in range(self.chunks_first):
                await exchange.chunk(sse(chunk(f"word{number}")))
        self.waiting.set()
        await self.go_on.wait()
        if self.chunks_first is None:
            await answer(exchange)
        else:
            await exchange.chunk(b"data: [DONE]\n\n")
            exchange.end()
