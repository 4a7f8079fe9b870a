"""The list of well-known models that comes with this version, for when no hub was ever reached."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

import orjson

from vllm_manager.catalog.reading import is_supported
from vllm_manager.catalog.schemas import ModelSummary

_FILE: Final = Path(__file__).with_name("shipped.json")
_UNKNOWN: Final = (
    "library",
    "private",
    "downloads",
    "likes",
    "trending_score",
    "updated_at",
    "needs_own_code",
)


@cache
def _listed() -> tuple[dict[str, Any], ...]:
    return tuple(orjson.loads(_FILE.read_bytes())["models"])


def shipped(architectures: frozenset[str] | None) -> Sequence[ModelSummary]:
    """Return the models; what changes on the hub from day to day is left unknown."""
    return [_summary(item, architectures) for item in _listed()]


def _summary(item: dict[str, Any], architectures: frozenset[str] | None) -> ModelSummary:
    return ModelSummary(
        **dict.fromkeys(_UNKNOWN),
        **item,
        author=item["repo"].partition("/")[0],
        has_safetensors=True,
        supported=is_supported(item["architectures"], architectures),
        tags=[],
    )
