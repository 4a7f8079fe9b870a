"""Clients that ask for ten times what they may, at once: each limit holds to the token."""

import asyncio
import time
from pathlib import Path

import pytest

from support.crowd import MOST_OUTPUT_TOKENS, Caller, Crowd, crowd
from vllm_manager.gateway.accounts import REQUESTS, TOKENS, Accounts

pytestmark = pytest.mark.integration

MOST_RESERVED_TOKENS = MOST_OUTPUT_TOKENS + 100
"""What one request takes at most: its answer, and a body of less than 400 bytes."""
SIZES = {"tokens": 30_000, "requests": 600}
MINUTE = 60.0
CALLERS = [
    Caller("tokens", {"tokens_per_minute": SIZES["tokens"]}, 20, 70),
    Caller("requests", {"requests_per_minute": SIZES["requests"]}, 20, 100),
    Caller("quota", {"tokens_per_month": 2000}, 20, 100),
    Caller("at_once", {"concurrent_requests": 3}, 20, 100),
]
CELLS = {"tokens": TOKENS, "requests": REQUESTS}


def bucket(accounts: Accounts, key: str) -> int:
    with accounts:
        found = accounts.place(f"key:{key}", time.monotonic(), 0)
    assert found is not None
    return found[0] + CELLS[key]


def has_met_all(made: Crowd) -> bool:
    """Return whether each limit has been reached: that takes longer on a machine that is busy."""
    engine = made.engine
    return made.statuses[429] > 100 and engine.tokens["quota"] >= 2000


@pytest.mark.parametrize("workers", [1, 2])
async def test_what_is_admitted_is_what_the_buckets_and_quotas_hold(
    tmp_path: Path, workers: int
) -> None:
    """Both buckets begin empty, so that they are a minute away from being full, and that moment
    moves on by what each request took: at the end it says what was taken, to the token. It is never
    further away than a minute, so no more was taken than has flowed in meanwhile.
    """
    async with crowd(tmp_path, CALLERS, workers=workers) as made:
        cells = made.accounts.cells
        at = {key: bucket(made.accounts, key) for key in CELLS}
        began = time.monotonic()
        for cell in at.values():
            cells[cell] = began + MINUTE
        async with asyncio.timeout(300):
            while not has_met_all(made) or made.workers_that_admitted() < workers:
                await made.run(seconds=3)
        admitted = {"tokens": made.engine.tokens, "requests": made.engine.requests}
        for key, cell in at.items():
            taken_seconds = cells[cell] - began - MINUTE
            assert admitted[key][key] == pytest.approx(taken_seconds * SIZES[key] / MINUTE), key
            assert cells[cell] <= time.monotonic() + MINUTE
        assert made.engine.tokens["quota"] <= 2000 + MOST_RESERVED_TOKENS
        assert made.engine.most_at_once["at_once"] <= 3
        assert set(made.statuses) == {200, 429}
        assert made.statuses[200] == made.engine.requests.total()


FIVE = [
    Caller("of_team", {}, 10, 60),
    Caller("of_user", {}, 10, 60),
    Caller("of_key", {"tokens_per_month": 2000}, 10, 60),
]
OF_OTHERS = {
    "team:team_of_team": {"tokens_per_month": 2000},
    "user:usr_of_user": {"concurrent_requests": 3},
    "model:demo": {"concurrent_requests": 6},
    "installation": {"tokens_per_month": 9000},
}


async def test_all_five_scopes_hold_at_once_over_two_workers(tmp_path: Path) -> None:
    async with crowd(tmp_path, FIVE, OF_OTHERS, workers=2) as made:
        engine = made.engine
        async with asyncio.timeout(300):
            while engine.tokens.total() < 9000:
                await made.run(seconds=3)
        await made.run(seconds=1)
        for caller in ("of_team", "of_key"):
            assert 2000 <= engine.tokens[caller] <= 2000 + MOST_RESERVED_TOKENS, caller
        assert engine.tokens.total() <= 9000 + MOST_RESERVED_TOKENS
        assert engine.most_at_once["of_user"] == 3
        assert engine.most_in_all == 6
        assert set(made.statuses) == {200, 429}
        assert made.workers_that_admitted() == 2
