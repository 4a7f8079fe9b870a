"""What the command line prints: tables and lines for people, JSON for programs."""

import json
import sys
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from vllm_manager.kit.errors import ProblemDetails

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

_COLOURS = {
    "ready": "green",
    "running": "green",
    "alive": "green",
    "succeeded": "green",
    "degraded": "yellow",
    "unreachable": "yellow",
    "waiting": "yellow",
    "failed": "red",
    "dead": "red",
    "stopped": "dim",
}


def print_json(value: object) -> None:
    """Write one JSON document to standard output, as it is, with no colours or wrapping."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False, default=str) + "\n")


def state(word: str) -> str:
    """Return a phase or state in its colour. The word itself stays: colour is never alone."""
    colour = _COLOURS.get(word)
    return f"[{colour}]{escape(word)}[/{colour}]" if colour else escape(word)


def print_table(
    columns: Sequence[str], rows: Iterable[Sequence[str]], *, keeps_first: bool = False
) -> None:
    """Print rows of markup under column heads; `keeps_first`: the first is never broken."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for index, column in enumerate(columns):
        table.add_column(column, overflow="fold", no_wrap=keeps_first and index == 0)
    for row in rows:
        table.add_row(*row)
    out.print(table, soft_wrap=False)


def size(count_bytes: int | None) -> str:
    """Return bytes in the unit that people read; a dash where unknown."""
    if count_bytes is None:
        return "–"
    value = float(count_bytes)
    for unit in ("B", "KiB", "MiB"):
        if value < 1024:
            return f"{value:.0f} {unit}"
        value /= 1024
    return f"{value:.1f} GiB"


def elapsed(seconds: float | None) -> str:
    """Return a duration as `45 ms`, `8.1 s`, `3 min 20 s`, `5 h 02 min` or `5 d 3 h`.

    A dash where it is unknown.
    """
    if seconds is None:
        return "–"
    if 0 < seconds < 0.1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(int(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours < 48 else f"{hours // 24} d {hours % 24} h"


def print_problem(problem: ProblemDetails) -> None:
    """Say on standard error what happened, why, and what to do."""
    err.print(f"[red]✗[/red] {escape(problem.detail)}")
    for error in problem.errors:
        told = error.message in problem.detail and (error.suggestion or "") in problem.detail
        if not told:
            hint = f" (try: {error.suggestion})" if error.suggestion else ""
            err.print(f"    {escape(error.field)}: {escape(error.message + hint)}")
    for cause in problem.causes:
        err.print(f"  because: {escape(cause.message)}")
        if cause.evidence:
            err.print(f"    │ {escape(cause.evidence)}", style="dim")
    for remedy in problem.remediation:
        err.print(f"  → {escape(remedy.label)}")
    if problem.request_id:
        err.print(f"  (request {problem.request_id})", style="dim")


def problem_of(body: object) -> ProblemDetails | None:
    """Return a deployment's `last_error`, or None where it has none."""
    try:
        return ProblemDetails.model_validate(body) if body else None
    except ValueError:
        return None
