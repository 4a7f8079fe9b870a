"""Looks into a `config.json`, whose members may be of any type: what does not fit is absent."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, cast

_MOST = 2**48


def number(source: Mapping[str, Any], *names: str) -> int | None:
    """Return the first of these that is a whole number, not negative; of a list, the largest."""
    for name in names:
        value = source.get(name)
        if isinstance(value, list):
            whole = [v for v in cast(list[Any], value) if isinstance(v, int)]
            value = max(whole, default=None)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            continue
        if math.isfinite(value) and 0 <= value <= _MOST:
            return int(value)
    return None


def mapping(value: Any) -> Mapping[str, Any]:
    """Return `value` if it is an object, else an empty one."""
    return cast(Mapping[str, Any], value) if isinstance(value, dict) else {}


def texts(value: Any, count: int) -> Sequence[str] | None:
    """Return the first `count` entries of a list as text, or None if it has fewer or is none."""
    if not isinstance(value, list) or len(cast(list[Any], value)) < count:
        return None
    return [str(entry) for entry in cast(list[Any], value)[:count]]
