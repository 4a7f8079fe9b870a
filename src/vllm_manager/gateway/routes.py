"""The gateway's own route table. What is not listed here does not exist under `/v1`."""

from typing import NamedTuple


class EngineRoute(NamedTuple):
    """A path under `/v1` that an engine answers."""

    path: str
    engine_path: bytes
    asks_usage: bool = False
    """A stream on it reports usage only where `stream_options.include_usage` is set."""
    is_anthropic: bool = False
    generates: bool = False
    """Its answer is made of tokens, and so takes from limits of tokens."""


def _route(name: str, engine_path: str | None = None, **more: bool) -> EngineRoute:
    path = f"/v1/{name}"
    return EngineRoute(path, (engine_path or path).encode(), **more)


ENGINE_ROUTES = {
    route.path: route
    for route in (
        _route("chat/completions", asks_usage=True, generates=True),
        _route("completions", asks_usage=True, generates=True),
        _route("embeddings"),
        _route("rerank"),
        _route("score"),
        _route("responses", generates=True),
        _route("messages", is_anthropic=True, generates=True),
        _route("messages/count_tokens", is_anthropic=True),
        _route("tokenize", "/tokenize"),
        _route("detokenize", "/detokenize"),
    )
}

MODELS_PATH = "/v1/models"
HEALTH_PATH = "/gateway/healthz"
METRICS_PATH = "/gateway/metrics"


def is_api(path: str) -> bool:
    """Return True for what belongs to the OpenAI-compatible API, known or not."""
    return path == "/v1" or path.startswith("/v1/")


def is_hidden(path: str) -> bool:
    """Return True for what the outside must not reach, in whatever spelling."""
    segments = [segment for segment in path.replace("\\", "/").split("/") if segment != "."]
    if ".." in segments:
        return True
    first = next((segment for segment in segments if segment), "")
    return first.lower() in ("internal", "gateway")
