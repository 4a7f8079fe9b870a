"""How large is a year of usage, and how long do the page's questions take?

    .venv/bin/python bench/usage.py [--days N]

1,000,000 requests a day from 200 keys on 20 models, as the rows that they leave: keys are used as
1, 1/2, 1/3 … of the busiest one, each on one to six models, by night a fifth as much as by day.
Hours stand for the last 40 days, so that housekeeping has some to delete; what it would have
deleted before is not written first. Ends with status 1 above 200 MB, or where a question about up
to 90 days takes longer than a second.
"""

import argparse
import asyncio
import json
import math
import random
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from fakes.clock import FakeClock
from vllm_manager.auth.subjects import Subjects
from vllm_manager.db import Database
from vllm_manager.kit.ids import new_id
from vllm_manager.limits import UsageLedger, UsageReport, UsageTotals
from vllm_manager.limits.schemas import GroupBy
from vllm_manager.limits.tables import SUMMED
from vllm_manager.migrations import upgrade

BAR_MB = 200
BAR_MS = 1000
REQUESTS_A_DAY = 1_000_000
KEYS, MODELS, TEAMS, MOST_MODELS = 200, 20, 12, 6
NOW = datetime(2027, 1, 1, 12, tzinfo=UTC)
HOURS_KEPT = timedelta(days=35)
LATENCY = (0.05, 0.1, 0.2, 0.25, 0.2, 0.1, 0.06, 0.04)
"""Shares of the buckets from 0.25 s up."""


class Series(NamedTuple):
    id: int
    who: tuple[str, str, str, str]
    share: float


def series(chance: random.Random) -> list[Series]:
    """Return who asks what, and the share of all requests that each makes."""
    models = [f"llama-{number}-instruct" for number in range(MODELS)]
    teams = [new_id("team") for _ in range(TEAMS)]
    users = [(new_id("usr"), chance.choice(teams)) for _ in range(KEYS // 2)]
    found: list[tuple[tuple[str, str, str, str], float]] = []
    for number in range(KEYS):
        key, (user, team) = new_id("key"), chance.choice(users)
        used = chance.sample(models, chance.randint(1, MOST_MODELS))
        weight = sum(1 / rank for rank in range(1, len(used) + 1))
        for rank, model in enumerate(used, 1):
            found.append(((key, user, team, model), 1 / (number + 1) / rank / weight))
    whole = sum(share for _, share in found)
    return [Series(id_, who, share / whole) for id_, (who, share) in enumerate(found, 1)]


def sums(requests: int, chance: random.Random) -> tuple[int, ...]:
    """Return the counters of so many requests."""
    errors, left = requests // 100, requests // 200
    prompt = requests * chance.randint(300, 1500)
    fine = requests - errors - left
    latency = [0, 0, 0, *(round(fine * share) for share in LATENCY), 0, 0, 0, 0]
    ttft = [*(round(fine * share) for share in LATENCY), 0, 0, 0, 0, 0, 0, 0]
    ended = (requests, errors, errors // 4, left, left // 4)
    refused = (requests // 50, requests // 500, requests // 200)
    tokens = (prompt, requests * 250, prompt // 3)
    return (*ended, *refused, *tokens, fine * 1700, fine * 210, *latency, *ttft)


def rows_of(
    whos: list[Series], first: int, end: int, *, by_hour: bool, chance: random.Random
) -> Iterator[tuple[int, ...]]:
    for period in range(first, end):
        for one in whos:
            expected = one.share * REQUESTS_A_DAY
            if by_hour:
                expected *= (0.6 - 0.4 * math.cos(period % 24 / 24 * math.tau)) / 14.4
            requests = round(chance.gauss(expected, math.sqrt(expected)))
            if requests > 0:
                yield (period, one.id, *sums(requests, chance))


def fill(file: Path, days: int) -> dict[str, int]:
    """Write the year; return how many rows of each kind there are."""
    chance = random.Random(1)
    whos = series(chance)
    today = int(NOW.timestamp()) // 86400
    with sqlite3.connect(file) as database:
        database.execute("PRAGMA synchronous=OFF")
        database.executemany(
            "INSERT INTO usage_series (id, key_id, user_id, team_id, model) VALUES (?,?,?,?,?)",
            ((one.id, *one.who) for one in whos),
        )
        marks = ",".join("?" * (2 + len(SUMMED)))
        for table, period, rows in (
            (
                "usage_by_day",
                "day",
                rows_of(whos, today - days, today, by_hour=False, chance=chance),
            ),
            (
                "usage_by_hour",
                "hour",
                rows_of(whos, 24 * (today - 40), 24 * today, by_hour=True, chance=chance),
            ),
        ):
            columns = ",".join((period, "series_id", *SUMMED))
            database.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", rows)
        database.executemany(
            "INSERT INTO usage_prices VALUES (?,?,?,?,?,?)",
            [
                (f"llama-{number}-instruct", today - age, 0.5, 0.1, 1.5, "2026-01-01 00:00:00")
                for number in range(MODELS)
                for age in (days, days // 2)
            ],
        )
        counted = "SELECT count(*) FROM"
        return {
            name: database.execute(f"{counted} {name}").fetchone()[0]
            for name in ("usage_series", "usage_by_day", "usage_by_hour")
        }


QUESTIONS: list[tuple[str, list[GroupBy], timedelta | None]] = [
    ("30 days by day", ["day"], timedelta(days=30)),
    ("30 days by key", ["key"], timedelta(days=30)),
    ("30 days from noon, by key", ["key"], timedelta(days=29, hours=12)),
    ("90 days by day", ["day"], timedelta(days=90)),
    ("90 days by model", ["model"], timedelta(days=90)),
    ("a year by day", ["day"], timedelta(days=366)),
    ("a year by user", ["user"], timedelta(days=366)),
    ("a year by key and model", ["key", "model"], timedelta(days=366)),
]


async def ask(totals: UsageTotals) -> dict[str, float]:
    """Return how many milliseconds each question takes: the best of three."""
    midnight = NOW.replace(hour=0)
    found: dict[str, float] = {}
    for name, groups, span in QUESTIONS:
        best = math.inf
        for _ in range(3):
            began = time.perf_counter()
            since = midnight - span if span else None
            page = await totals.page(totals.asked(groups, since), None, 1000)
            assert page.items
            best = min(best, time.perf_counter() - began)
        found[name] = best * 1000
    return found


class Found(NamedTuple):
    """What was measured."""

    rows: dict[str, int]
    size_mb: float
    prune_ms: float
    answers_ms: dict[str, float]


def table(found: Found) -> str:
    lines = [f"{name:30}{count:>12,} rows" for name, count in found.rows.items()]
    lines.append(f"{f'size (bar: {BAR_MB} MB)':30}{found.size_mb:>12.1f} MB")
    lines.append(f"{'housekeeping':30}{found.prune_ms:>12.0f} ms")
    lines += [f"{name:30}{ms:>12.0f} ms" for name, ms in found.answers_ms.items()]
    return "\n".join(lines)


async def measure(folder: Path, days: int) -> Found:
    file = folder / "usage.db"
    url = f"sqlite+aiosqlite:///{file}"
    await asyncio.to_thread(upgrade, url, folder)
    empty = file.stat().st_size
    rows = fill(file, days)
    database = Database(url)
    clock = FakeClock(NOW)
    ledger = UsageLedger(database, clock, HOURS_KEPT)
    await ledger.record(UsageReport("bat_1", []))
    began = time.perf_counter()
    await ledger.prune()
    prune_ms = (time.perf_counter() - began) * 1000
    totals = UsageTotals(database, clock, Subjects(database), HOURS_KEPT, "USD")
    answers_ms = await ask(totals)
    await database.close()
    with sqlite3.connect(file) as after:
        after.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (kept,) = after.execute("SELECT count(*) FROM usage_by_hour").fetchone()
    size_mb = (file.stat().st_size - empty) / 1e6
    return Found({**rows, "usage_by_hour": kept}, size_mb, prune_ms, answers_ms)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=365)
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(measure(Path(folder), parser.parse_args().days))
    results = ROOT / "bench" / "results"
    results.mkdir(exist_ok=True)
    (results / "usage.json").write_text(json.dumps(found._asdict(), indent=2) + "\n")
    print(table(found))
    slow = [name for name, ms in found.answers_ms.items() if "year" not in name and ms > BAR_MS]
    return 1 if found.size_mb > BAR_MB or slow else 0


if __name__ == "__main__":
    sys.exit(main())
