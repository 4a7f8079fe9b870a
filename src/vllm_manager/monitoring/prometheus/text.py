"""Prometheus' text format, version 0.0.4: families, values, histograms, escaping."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal, NamedTuple

from vllm_manager.monitoring.samples import Distribution, Labels

MEDIA_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
PREFIX: Final = "vllm_manager_"
MOST_BOUNDS: Final = 9
"""Finite bounds that a histogram is shown with: vLLM's 22 for each replica would be megabytes."""

Value = float | int | Distribution
_ESCAPED = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})
_HELP_ESCAPED = str.maketrans({"\\": "\\\\", "\n": "\\n"})


class Family(NamedTuple):
    """A metric with all its series: the labels of each, and its value."""

    name: str
    kind: Literal["gauge", "counter", "histogram", "summary"]
    about: str
    series: Iterable[tuple[Labels, Value]]


def render(families: Iterable[Family]) -> str:
    """Return the whole exposition. Families without a series are left out.

    A series is told once: Prometheus refuses a scrape with two values of one.
    """
    lines: list[str] = []
    for family in families:
        known: Mapping[Labels, Value] = dict(family.series)
        if known:
            lines += _family(family, known)
    lines.append("")
    return "\n".join(lines)


def one(value: float) -> list[tuple[Labels, Value]]:
    """Return the only series of a metric without labels."""
    return [((), value)]


def _family(family: Family, series: Mapping[Labels, Value]) -> list[str]:
    name = PREFIX + family.name
    lines = [
        f"# HELP {name} {family.about.translate(_HELP_ESCAPED)}",
        f"# TYPE {name} {family.kind}",
    ]
    for labels, value in series.items():
        inner = ",".join([f'{key}="{text.translate(_ESCAPED)}"' for key, text in labels])
        if not isinstance(value, Distribution):
            lines.append(f"{name}{_braced(inner)} {_number(value)}")
        elif family.kind == "summary":
            lines += _sum_and_count(name, inner, value)
        else:
            lines += _histogram(name, inner, value)
    return lines


def _histogram(name: str, inner: str, value: Distribution) -> list[str]:
    start = f"{name}_bucket{{{inner},le=" if inner else f"{name}_bucket{{le="
    return [
        *[
            f'{start}"{_number(value.bounds[place])}"}} {_number(value.counts[place])}'
            for place in kept_bounds(len(value.bounds))
        ],
        *_sum_and_count(name, inner, value),
    ]


def _sum_and_count(name: str, inner: str, value: Distribution) -> list[str]:
    labels = _braced(inner)
    count = value.counts[-1] if value.counts else 0
    return [f"{name}_sum{labels} {_number(value.total)}", f"{name}_count{labels} {_number(count)}"]


def _braced(inner: str) -> str:
    return f"{{{inner}}}" if inner else ""


def kept_bounds(count: int) -> Sequence[int]:
    """Return the places of the bounds that are shown, evenly spread; the last (infinite) always.

    Since counts are cumulative, leaving bounds out loses precision and nothing else. The same
    number of bounds always gives the same places, so that replicas can be added up.
    """
    finite = count - 1
    if finite <= MOST_BOUNDS:
        return range(count)
    step = (finite - 1) / (MOST_BOUNDS - 1)
    return [*(round(number * step) for number in range(MOST_BOUNDS)), finite]


def _number(value: float) -> str:
    if isinstance(value, int):
        return str(value)
    if value == math.inf:
        return "+Inf"
    if value == -math.inf:
        return "-Inf"
    if value != value:
        return "NaN"
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
