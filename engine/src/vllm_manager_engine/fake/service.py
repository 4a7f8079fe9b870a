"""What the fake engine answers to which route, and how long it takes over it."""

import asyncio
import hmac
import json
import secrets
from collections.abc import AsyncIterator, Iterator
from typing import Any, cast

from vllm_manager_engine import secret
from vllm_manager_engine.fake.behaviour import Behaviour
from vllm_manager_engine.fake.dialects import DIALECTS
from vllm_manager_engine.fake.state import Counters
from vllm_manager_engine.fake.texts import count_tokens, error, now, usage

# status, body, content type
Answer = tuple[int, bytes, str]

_VERSION = "0.32.0+fake"
_SECRET_HEADER = secret.HEADER.encode()


class Service:
    """One fake engine. `is_hanging` and `core_is_dead` are set from outside."""

    def __init__(self, behaviour: Behaviour, model: str, engine_secret: str) -> None:
        self.behaviour = behaviour
        self.model = model
        self.counters = Counters()
        self.is_hanging = behaviour.hang == "generation"
        self.core_is_dead = False
        self.crash = asyncio.Event()
        self._secret = engine_secret.encode()

    @property
    def is_paced(self) -> bool:
        """Whether tokens take time at all."""
        slow = self.behaviour.tokens_per_second or self.behaviour.first_token_seconds
        return bool(slow) or self.is_hanging

    def refusal(self, path: str, headers: dict[bytes, bytes]) -> Answer | None:
        """Return what the secret's middleware would answer, or None."""
        if self._secret and not hmac.compare_digest(headers.get(_SECRET_HEADER, b""), self._secret):
            return _json(401, error(401, "The engine's secret is missing or wrong."))
        if not secret.is_allowed_path(path):
            return _json(404, {"detail": "Not Found"})
        return None

    def take(self, method: str, path: str, body: bytes) -> Answer | dict[str, Any]:
        """Return the answer where no token is to be generated, else the parsed request."""
        if method == "GET":
            return self._get(path)
        if path in DIALECTS and self.behaviour.pooling:
            return _json(404, {"detail": "Not Found"})
        try:
            asked = json.loads(body)
            model = asked.get("model", self.model)
        except (ValueError, AttributeError):
            return _json(400, error(400, "The body is not a JSON object."))
        if model != self.model:
            missing = error(404, f"The model `{model}` does not exist.", "NotFoundError")
            return _json(404, missing)
        if self.core_is_dead:
            return _json(500, error(500, "EngineCore encountered an issue.", "EngineDeadError"))
        return asked if path in DIALECTS else self._post(path, asked)

    async def whole(self, path: str, body: dict[str, Any]) -> bytes:
        """Return a finished generation, after the time that it takes."""
        pace = self.pace()
        for _ in range(self._tokens(body)):
            await anext(pace)
        return self.whole_now(path, body)

    def whole_now(self, path: str, body: dict[str, Any]) -> bytes:
        """Return a finished generation."""
        return _bytes(DIALECTS[path].whole(body, _id(), self._tokens(body)))

    def stream(self, path: str, body: dict[str, Any]) -> Iterator[bytes]:
        """Return the pieces of a streamed generation, one per token."""
        return DIALECTS[path].stream(body, _id(), self._tokens(body))

    async def pace(self) -> AsyncIterator[None]:
        """Yield when the next token is due; never while hanging."""
        await self._pause(self.behaviour.first_token_seconds)
        rate = self.behaviour.tokens_per_second
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            yield
            due += 1 / rate if rate else 0
            await self._pause(due - loop.time())

    async def _pause(self, seconds: float) -> None:
        if self.is_hanging:
            await asyncio.Future[None]()
        if seconds > 0:
            await asyncio.sleep(seconds)

    def done(self, body: dict[str, Any], seconds: float) -> None:
        """Count a generation that was delivered."""
        counters = self.counters
        counters.succeeded += 1
        counters.took(seconds, self.behaviour.first_token_seconds or 0.0, self._tokens(body))
        counters.generation_tokens += self._tokens(body)
        counters.prompt_tokens += count_tokens(
            body.get("messages") or body.get("prompt") or body.get("input")
        )
        behaviour = self.behaviour
        if counters.succeeded == behaviour.hang_after_requests:
            self.is_hanging = True
        if counters.succeeded == behaviour.crash_after_requests:
            self.crash.set()

    def _tokens(self, body: dict[str, Any]) -> int:
        names = ("max_completion_tokens", "max_tokens", "max_output_tokens")
        asked = next((body[n] for n in names if isinstance(body.get(n), int)), None)
        most = self.behaviour.tokens
        return most if asked is None else max(1, min(asked, most))

    def _get(self, path: str) -> Answer:
        if path == "/health":
            dead = self.core_is_dead and not self.behaviour.ignore_core_death
            return (503 if dead else 200), b"", "text/plain"
        if path == "/metrics":
            text = self.counters.as_text(self.model).encode()
            return 200, text, "text/plain; version=0.0.4; charset=utf-8"
        if path == "/version":
            return _json(200, {"version": _VERSION})
        if path == "/v1/models":
            model = {"id": self.model, "object": "model", "created": now(), "owned_by": "vllm"}
            return _json(200, {"object": "list", "data": [{**model, "max_model_len": 131072}]})
        return _json(404, {"detail": "Not Found"})

    def _post(self, path: str, body: dict[str, Any]) -> Answer:
        self.counters.requests += 1
        given = next((body[n] for n in _INPUTS if n in body), "")
        count = count_tokens(given)
        made = _POSTS.get(path)
        if made is None:
            return _json(404, {"detail": "Not Found"})
        self.counters.prompt_tokens += count
        return _json(200, {"id": _id(), "model": self.model, **made(body, count)})


_INPUTS = ("input", "prompt", "messages", "documents", "text_2", "tokens")


def _listed(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else [value]


def _embeddings(body: dict[str, Any], count: int) -> dict[str, Any]:
    texts = _listed(body.get("input"))
    data = [
        {"index": i, "object": "embedding", "embedding": [0.5, -0.5, 0.5, -0.5]}
        for i in range(len(texts))
    ]
    return {"object": "list", "data": data, "usage": usage(count, 0)}


def _rerank(body: dict[str, Any], count: int) -> dict[str, Any]:
    documents: list[Any] = body.get("documents") or []
    results = [
        {"index": i, "document": {"text": d}, "relevance_score": 1 / (i + 1)}
        for i, d in enumerate(documents)
    ]
    return {"results": results, "usage": usage(count, 0)}


def _score(body: dict[str, Any], count: int) -> dict[str, Any]:
    texts = _listed(body.get("text_2"))
    data = [{"index": i, "object": "score", "score": 1 / (i + 1)} for i in range(len(texts))]
    return {"object": "list", "data": data, "usage": usage(count, 0)}


def _tokenize(body: dict[str, Any], count: int) -> dict[str, Any]:
    return {"count": count, "max_model_len": 131072, "tokens": list(range(count))}


def _detokenize(body: dict[str, Any], count: int) -> dict[str, Any]:
    return {"prompt": " ".join(map(str, body.get("tokens") or []))}


def _count(body: dict[str, Any], count: int) -> dict[str, Any]:
    return {"input_tokens": count}


_POSTS = {
    "/v1/embeddings": _embeddings,
    "/pooling": _embeddings,
    "/v1/rerank": _rerank,
    "/rerank": _rerank,
    "/v1/score": _score,
    "/score": _score,
    "/tokenize": _tokenize,
    "/detokenize": _detokenize,
    "/v1/messages/count_tokens": _count,
}


def _id() -> str:
    return secrets.token_hex(8)


def _bytes(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _json(status: int, value: Any) -> Answer:
    return status, _bytes(value), "application/json"
