"""A question to the samples, in Prometheus' words (pure)."""

import json
import re
from collections.abc import Mapping, Sequence

from vllm_manager.monitoring.prometheus.text import PREFIX
from vllm_manager.monitoring.samples import Question

_LEAST_WINDOW_SECONDS = 60
"""A rate needs two scrapes within it."""
_OPERATORS = {"sum": "sum", "mean": "avg", "highest": "max"}


def value(question: Question, selector: str) -> str:
    """Return the expression that, asked at the end of a step, gives the step's value.

    Each is of the whole step, so that no scrape is left out, however long the steps are.
    """
    name, window = PREFIX + question.figure.name, _window(question)
    inside = matchers(question.where, selector)
    match question.figure.kind, question.function:
        case "gauge", function:
            together = "mean" if function == "mean" else question.figure.together
            return _put_together(
                _OPERATORS[together], question.by, f"avg_over_time({name}{inside}{window})"
            )
        case "counter", "value":
            return f"{_rate(name, question.by, inside, window)} * {question.step}"
        case "histogram", "quantile":
            buckets = _rate(f"{name}_bucket", (*question.by, "le"), inside, window)
            return f"histogram_quantile({question.quantile:g}, {buckets})"
        case "histogram", "mean":
            total = _rate(f"{name}_sum", question.by, inside, window)
            return f"{total} / ({_rate(f'{name}_count', question.by, inside, window)} > 0)"
        case "histogram", _:
            return _rate(f"{name}_count", question.by, inside, window)
        case _:
            return _rate(name, question.by, inside, window)


def highest(question: Question, selector: str) -> str | None:
    """Return the expression for the peak within each step; None where there is none to be had."""
    if question.figure.kind != "gauge" or question.function != "value":
        return None
    name, inside = PREFIX + question.figure.name, matchers(question.where, selector)
    operator = "sum" if question.figure.together == "sum" else "max"
    peak = f"max_over_time({name}{inside}{_window(question)})"
    return _put_together(operator, question.by, peak)


def newest(question: Question, selector: str) -> str:
    """Return the expression for when each line was last scraped, in seconds since 1970."""
    name = PREFIX + question.figure.name
    if question.figure.kind == "histogram":
        name += "_count"
    inside = matchers(question.where, selector)
    return _put_together("max", question.by, f"timestamp({name}{inside})")


def matchers(where: Mapping[str, frozenset[str]], selector: str) -> str:
    """Return what selects series: values are quoted, whatever stands in them."""
    parts = [selector] if selector else []
    for label, values in where.items():
        known = sorted(values)
        if len(known) == 1:
            parts.append(f"{label}={_quoted(known[0])}")
        else:
            parts.append(f"{label}=~{_quoted('|'.join(map(re.escape, known)))}")
    return f"{{{','.join(parts)}}}" if parts else ""


def _rate(name: str, by: Sequence[str], inside: str, window: str) -> str:
    return _put_together("sum", by, f"rate({name}{inside}{window})")


def _put_together(operator: str, by: Sequence[str], expression: str) -> str:
    return f"{operator} by ({', '.join(by)}) ({expression})"


def _window(question: Question) -> str:
    return f"[{max(question.step, _LEAST_WINDOW_SECONDS)}s]"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
