"""Do limits hold? 200 streaming clients ask for ten times what their keys may, for a minute.

    .venv/bin/python bench/limits.py [--seconds N] [--workers N ...]

A gateway of its own before an engine that counts what it makes for each key: the gateway's own
figures have no part in the verdict. Ends with status 1 where an engine made more or less than
limits allow by more than 1 %, or a quota is passed by more than one request's reservation.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from support.crowd import MOST_OUTPUT_TOKENS, PROMPT_TOKENS, Caller, Crowd, crowd

BAR_SHARE = 0.01
TIMES = 10
CLIENTS = 20
MOST_RESERVED_TOKENS = MOST_OUTPUT_TOKENS + 100
"""What one request takes at most: its answer, and a body of less than 400 bytes."""
MEAN_TOKENS = PROMPT_TOKENS + MOST_OUTPUT_TOKENS / 2
TOKENS, REQUESTS, QUOTA, AT_ONCE = 20_000, 200, 20_000, 3
ANSWERS_PER_SECOND = 5
"""About as many as one place gives, of several requests at once."""
KINDS = {
    "tokens a minute": ("tokens_per_minute", TOKENS, TOKENS / 60 / MEAN_TOKENS, 5),
    "requests a minute": ("requests_per_minute", REQUESTS, REQUESTS / 60, 2),
    "tokens a day": ("tokens_per_day", QUOTA, QUOTA / 60 / MEAN_TOKENS, 2),
    "requests at once": ("concurrent_requests", AT_ONCE, AT_ONCE * ANSWERS_PER_SECOND, 1),
}
"""By kind: the limit, its size, about how many requests a second that is, and how many keys."""


class Row(NamedTuple):
    """What came of one key."""

    key: str
    kind: str
    limit: int
    asked_times: float
    """How many times as often it asked as its limit would admit without a full bucket to begin."""
    expected: float
    admitted: float
    holds: bool


def callers() -> list[Caller]:
    return [
        Caller(f"{field}_{number}", {field: size}, CLIENTS, TIMES * admitted_per_second)
        for field, size, admitted_per_second, keys in KINDS.values()
        for number in range(keys)
    ]


async def measure(folder: Path, workers: int, seconds: float) -> list[Row]:
    """Let all ask for so long; return what each key got, beside what its limit allows."""
    async with crowd(folder, callers(), workers=workers) as made:
        began = time.monotonic()
        await made.run(seconds)
        lasted_seconds = min(seconds, time.monotonic() - began)
        assert set(made.statuses) == {200, 429}, made.statuses
        assert made.statuses[200] == len(made.control.records)
        return [row(made, one, lasted_seconds) for one in made.callers]


def row(made: Crowd, caller: Caller, seconds: float) -> Row:
    """Return what a key got; a bucket gives what it held, and what has flowed into it."""
    ((field, limit),) = caller.limits.items()
    kind, per_second = next((kind, it[2]) for kind, it in KINDS.items() if it[0] == field)
    engine, key = made.engine, caller.id
    expected = limit * (1 + seconds / 60)
    if kind == "requests at once":
        expected, admitted = limit, engine.most_at_once[key]
        holds = admitted <= expected
    elif kind == "tokens a day":
        expected, admitted = limit, engine.tokens[key]
        holds = expected <= admitted <= expected + MOST_RESERVED_TOKENS
    else:
        admitted = (engine.tokens if kind == "tokens a minute" else engine.requests)[key]
        holds = abs(admitted / expected - 1) <= BAR_SHARE
    asked_times = made.asked[key] / (per_second * seconds)
    return Row(key, kind, limit, asked_times, expected, admitted, holds)


def table(rows: Sequence[Row]) -> str:
    lines = [f"{'limit':30}{'allows':>10}{'admitted':>10}{'off by':>9}{'asked':>9}"]
    for one in rows:
        off = f"{one.admitted / one.expected - 1:+.2%}"
        name = f"{one.limit:,} {one.kind}"
        word = "" if one.holds else "  DOES NOT HOLD"
        asked = f"{one.asked_times:.1f} ×"
        lines.append(
            f"{name:30}{one.expected:>10,.0f}{one.admitted:>10,.0f}{off:>9}{asked:>9}{word}"
        )
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    asked = parser.parse_args()
    found: dict[str, list[Row]] = {}
    for workers in asked.workers:
        with tempfile.TemporaryDirectory() as folder:
            rows = asyncio.run(measure(Path(folder), workers, asked.seconds))
        found[f"{workers} workers"] = rows
        clients = CLIENTS * len(rows)
        print(f"{clients} clients, {asked.seconds:g} s, gateway workers: {workers}")
        print(table(rows), end="\n\n", flush=True)
    results = ROOT / "bench" / "results"
    results.mkdir(parents=True, exist_ok=True)
    written = {name: [one._asdict() for one in rows] for name, rows in found.items()}
    (results / "limits.json").write_text(json.dumps(written, indent=2) + "\n")
    return 0 if all(one.holds for rows in found.values() for one in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
