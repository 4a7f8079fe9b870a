"""What killed workers had reserved: it comes back, once, and nobody else's with it."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from support.control_plane import snapshot
from support.desk import NOON, Desk
from support.gateway import Gateway, rig
from support.upstream import Held
from vllm_manager.gateway.accounts import EARLIER, SUM, TOKENS, open_accounts
from vllm_manager.gateway.plans import Limited
from vllm_manager.gateway.reservations import Part, Taken, private_reservations

pytestmark = pytest.mark.integration

LIMITS = {"tokens_per_minute": 1000, "tokens_per_day": 10_000, "tokens_per_month": 50_000}
DAY = 86_400


def started(path: Path, *, days: int = 0) -> Desk:
    """Return what a worker has that starts."""
    return Desk(open_accounts(path, is_shared=True), day_seconds=NOON + days * DAY)


def key(desk: Desk) -> Limited:
    return desk.limited("key:k", None, **LIMITS)


def spent(desk: Desk) -> tuple[float, ...]:
    """Return what the key has in its bucket, and what it has used this day and this month."""
    cells, row = desk.book.accounts.cells, key(desk).row
    left = (desk.seconds + 60 - max(desk.seconds, cells[row + TOKENS])) * 1000 / 60
    return round(left, 6), cells[row + SUM] - cells[row + EARLIER], cells[row + SUM]


@asynccontextmanager
async def another(path: Path, *tokens: int) -> AsyncGenerator[asyncio.subprocess.Process]:
    """Run a process that has taken these tokens in one request each, and settles none."""
    code = (
        "import sys; from pathlib import Path\n"
        "from gateway.test_reservations import key, started\n"
        "desk = started(Path(sys.argv[1]))\n"
        "kept = [desk.admitted(key(desk), tokens=int(n)) for n in sys.argv[2:]]\n"
        "print('taken', flush=True); sys.stdin.read()"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        code,
        str(path),
        *map(str, tokens),
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"taken\n"
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_what_a_killed_worker_had_open_comes_back_and_what_was_settled_stays(
    tmp_path: Path,
) -> None:
    path = tmp_path / "limits"
    first = started(path)
    first.admitted(key(first), tokens=100).settle(70)
    async with another(path, 500, 200):
        assert spent(first) == (230, 770, 770)
    second = started(path)
    assert spent(second) == (930, 70, 70)
    assert spent(started(path)) == (930, 70, 70)


async def test_what_living_workers_have_open_stays_taken(tmp_path: Path) -> None:
    path = tmp_path / "limits"
    async with another(path, 300), another(path, 40):
        desk = started(path)
        assert spent(desk) == (660, 340, 340)
        own = desk.admitted(key(desk), tokens=60)
        assert spent(started(path)) == (600, 400, 400)
    assert spent(started(path)) == (940, 60, 60)
    own.settle(50)
    assert spent(started(path)) == (950, 50, 50)


@pytest.mark.parametrize("days", [1, 7], ids=["next day", "next month"])
async def test_what_was_open_when_its_day_or_month_ended_comes_back_to_no_other(
    tmp_path: Path, days: int
) -> None:
    path = tmp_path / "limits"
    async with another(path, 400):
        later = started(path, days=days)
        later.admitted(key(later), tokens=30).settle(30)
    after = started(path, days=days)
    assert spent(after) == (970, 30, 30)


async def test_rows_that_belong_to_another_by_now_get_nothing(tmp_path: Path) -> None:
    path = tmp_path / "limits"
    async with another(path, 400):
        path.unlink()
    after = started(path)
    assert spent(after) == (1000, 0, 0)
    row = key(after).row
    after.book.accounts.names[row] += 1  # as if another's name had come to the same place
    before = [*after.book.accounts.cells[row : row + 8]]
    part = Part(after.book.accounts.names[row] - 1, row, 0.06, takes_quota=1)
    after.book.accounts.give_back(Taken(*after.book.calendar(), [part]), 400)
    assert [*after.book.accounts.cells[row : row + 8]] == before


def test_accounts_of_another_form_are_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "limits"
    path.write_bytes(b"x" * (9 << 19))
    assert spent(started(path)) == (1000, 0, 0)
    desk = started(path)
    desk.admitted(key(desk), tokens=100).settle(100)
    assert spent(started(path)) == (900, 100, 100)


def test_one_plan_s_days_are_told_apart(desk: Desk) -> None:
    plan = desk.book.plan([key(desk)])
    yesterday = desk.book.calendar()
    assert desk.book.has_room(plan, 10, yesterday)
    desk.book.take(plan, 10, yesterday)
    desk.day_seconds += DAY
    today = desk.book.calendar()
    desk.book.take(plan, 10, today)
    desk.book.settle(plan, 10, 10, yesterday)
    is_open = desk.book.accounts.reservations.open
    assert [is_open[at] for at in plan.open_places.values()] == [0, 10]


def test_records_of_those_who_have_nothing_open_are_used_again() -> None:
    reservations = private_reservations()
    plans: list[dict[int, int]] = [{} for _ in range(10_000)]
    for number, places in enumerate(plans):
        at = reservations.place(places, Taken(1, 1, [Part(number, 8, 1, 0)]))
        reservations.open[at] += number % 2
        reservations.open[at] -= number % 2
    in_use = [places[1] for places in plans if places]
    assert len(in_use) == len(set(in_use)) < 5000
    assert 0 not in in_use


def test_more_callers_than_there_are_records_are_still_counted_right() -> None:
    reservations = private_reservations()
    plans: list[dict[int, int]] = [{} for _ in range(5000)]
    for places in plans:
        reservations.open[reservations.place(places, Taken(1, 1, [Part(9, 8, 1, 0)]))] += 5
    without = [places for places in plans if places[1] == 0]
    assert len(without) == 5000 - 4095
    recorded = [reservations.open[places[1]] for places in plans if places[1]]
    assert set(recorded) == {5}


@pytest.fixture
def desk() -> Desk:
    return Desk()


async def refused(gateway: Gateway) -> bool:
    """Ask for a little; return whether a limit is in the way."""
    return (await gateway.chat(max_tokens=5)).status_code == 429


@pytest.mark.parametrize("dies", ["a worker", "the whole gateway"])
@pytest.mark.parametrize(
    "limits", [{"tokens_per_minute": 100}, {"tokens_per_month": 2000}], ids=["bucket", "quota"]
)
async def test_a_killed_gateway_s_reservations_come_back(
    tmp_path: Path, dies: str, limits: dict[str, int]
) -> None:
    async with rig(tmp_path) as made:
        gateway = made.gateway
        content = snapshot({"demo": made.entry()}, limits={"key:key_1": limits})
        await gateway.publish(made.control, content)
        made.engine.handler = held = Held()
        call = asyncio.create_task(gateway.chat(max_tokens=1_000_000))
        await asyncio.wait_for(held.waiting.wait(), 60)
        assert await refused(gateway)
        (worker,) = gateway.worker_pids
        if dies == "the whole gateway":
            os.kill(gateway.pid, signal.SIGKILL)
        os.kill(worker, signal.SIGKILL)
        await asyncio.gather(call, return_exceptions=True)
        held.go_on.set()
        if dies == "a worker":
            await gateway.when(lambda: gateway.worker_pids not in ([], [worker]))
        else:
            await gateway.stop()
            await gateway.start()
        await gateway.wait_until(lambda health: bool(health["snapshot_version"]))
        assert not await refused(gateway)
