"""Proof of life: the engine is asked to do what it is for, once, as little as possible."""

from collections import Counter
from typing import Any

from vllm_manager_engine.http_client import Answer, HttpError, request
from vllm_manager_engine.request_lines import PROBE_ID
from vllm_manager_engine.secret import HEADER

_ATTEMPTS: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("/v1/completions", {"prompt": "Hi", "max_tokens": 1, "temperature": 0}, "choices"),
    ("/v1/embeddings", {"input": "Hi"}, "data"),
    ("/pooling", {"input": "Hi"}, "data"),
)


class ProbeFailed(Exception):
    """The engine did not do its work; says how."""


class Engine:
    """The HTTP side of one engine, for its supervisor.

    `probes` counts what was proved, `probed` the tokens that it read and wrote: nobody's work,
    though the engine's own counters hold them.
    """

    def __init__(self, endpoint: str, secret: str, model: str) -> None:
        self.endpoint = endpoint
        self.probed = Counter[str]()
        self.probes = 0
        self.max_model_len: int | None = None
        """Tokens that a prompt and its answer may have together; None until the engine said so."""
        self._headers = {HEADER: secret, "x-request-id": PROBE_ID}
        self._model = model
        self._way: tuple[str, dict[str, Any], str] | None = None

    async def is_up(self, timeout_seconds: float) -> bool:
        """Say whether `/health` answers 200. Proves that it listens, not that it works."""
        try:
            return (await self._get("/health", timeout_seconds)).status == 200
        except HttpError:
            return False

    async def metrics(self, timeout_seconds: float) -> str | None:
        """Return the text of `/metrics`, or None."""
        try:
            answer = await self._get("/metrics", timeout_seconds)
        except HttpError:
            return None
        return answer.body.decode("utf-8", "replace") if answer.status == 200 else None

    async def prove(self, timeout_seconds: float) -> None:
        """Have one token generated, or one text embedded where the model does not generate.

        Raises:
            ProbeFailed: that did not happen within `timeout_seconds`.
        """
        for way in (self._way,) if self._way else _ATTEMPTS:
            if await self._try(way, timeout_seconds):
                self._way = way
                if self.max_model_len is None:
                    self.max_model_len = await self._longest(timeout_seconds)
                return
        if not await self.is_up(timeout_seconds):
            raise ProbeFailed("The engine offers no route to try, and /health is not 200.")

    async def _try(self, way: tuple[str, dict[str, Any], str], timeout_seconds: float) -> bool:
        path, body, expected = way
        try:
            answer = await request(
                "POST",
                self.endpoint + path,
                headers=self._headers,
                body={"model": self._model, **body},
                timeout_seconds=timeout_seconds,
            )
            if answer.status in (404, 405):
                return False
            if answer.status == 200 and answer.json().get(expected):
                self._count(answer.json().get("usage") or {})
                return True
        except HttpError as error:
            raise ProbeFailed(f"{path}: {error}") from error
        text = answer.body[:300].decode("utf-8", "replace")
        raise ProbeFailed(f"{path} answered {answer.status}: {text}")

    async def _longest(self, timeout_seconds: float) -> int | None:
        """Return what the engine says of its context; that it says nothing is no failure."""
        try:
            answer = await self._get("/v1/models", timeout_seconds)
            length: object = answer.json()["data"][0]["max_model_len"]
        except (HttpError, ValueError, LookupError, TypeError):
            return None
        return length if isinstance(length, int) and length > 0 else None

    def _count(self, usage: dict[str, Any]) -> None:
        self.probes += 1
        self.probed["prefix_cache_queries_total"] += usage.get("prompt_tokens") or 0
        self.probed["prompt_tokens_total"] += usage.get("prompt_tokens") or 0
        self.probed["generation_tokens_total"] += usage.get("completion_tokens") or 0

    async def _get(self, path: str, timeout_seconds: float) -> Answer:
        return await request(
            "GET",
            self.endpoint + path,
            headers=self._headers,
            timeout_seconds=timeout_seconds,
        )
