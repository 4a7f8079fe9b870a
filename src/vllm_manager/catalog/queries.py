"""What may be searched for, in our words and in the hub's. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from vllm_manager.catalog.reading import EXPAND
from vllm_manager.catalog.schemas import ModelSummary, Sort

_SORTS: Final[dict[Sort, str]] = {
    "trending": "trendingScore",
    "downloads": "downloads",
    "likes": "likes",
    "updated": "lastModified",
}


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """What is wanted; None: anything."""

    text: str | None = None
    task: str | None = None
    library: str | None = None
    license: str | None = None
    min_parameters: int | None = None
    max_parameters: int | None = None
    sort: Sort = "trending"
    limit: int = 30
    cursor: str | None = None


def hub_query(query: SearchQuery, cursor: str | None) -> dict[str, Any]:
    """Return the parameters of `/api/models`; `cursor` is the hub's own."""
    filters = [query.library, f"license:{query.license}" if query.license else None]
    wanted: dict[str, Any] = {
        "search": query.text,
        "pipeline_tag": query.task,
        "filter": [name for name in filters if name],
        "num_parameters": _range(query.min_parameters, query.max_parameters),
        "sort": _SORTS[query.sort],
        "limit": query.limit,
        "expand": list(EXPAND),
        "cursor": cursor,
    }
    return {name: value for name, value in wanted.items() if value}


def _range(least: int | None, most: int | None) -> str | None:
    bounds = [("min", least), ("max", most)]
    return ",".join(f"{name}:{_amount(n)}" for name, n in bounds if n is not None) or None


def _amount(count: int) -> str:
    """Return a number as the hub reads it: `500M`, `7.5B`."""
    return f"{count / 1e9:g}B" if count >= 1_000_000_000 else f"{count / 1e6:g}M"


def matching(models: Sequence[ModelSummary], query: SearchQuery) -> Sequence[ModelSummary]:
    """Return those of `models` that fit, as the hub would choose them; one page, no order."""
    return [model for model in models if _fits(model, query)][: query.limit]


def _fits(model: ModelSummary, query: SearchQuery) -> bool:
    words = (query.text or "").lower().split()
    count = model.parameters
    return (
        all(word in model.repo.lower() for word in words)
        and query.task in (None, model.task)
        and query.license in (None, model.license)
        and query.library in (None, "transformers", "safetensors")
        and (query.min_parameters is None or (count or 0) >= query.min_parameters)
        and (query.max_parameters is None or (count or 1 << 62) <= query.max_parameters)
    )
