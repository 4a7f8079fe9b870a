"""13. Wall clock jumps by an hour, both ways: no deadline misfires.

On a fake clock with the real database: a machine's own clock can't be set by a test.
"""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from deployments.room import Room

pytestmark = pytest.mark.survival

HOUR = 3600.0
BOTH_WAYS = pytest.mark.parametrize("jump_seconds", [HOUR, -HOUR])


@pytest.fixture
async def room(tmp_path: Path) -> AsyncGenerator[Room]:
    room = await Room(tmp_path).open()
    yield room
    await room.close()


@BOTH_WAYS
async def test_13_no_start_is_given_up(room: Room, jump_seconds: float) -> None:
    await room.create()
    await room.step()
    replica = room.engine.place("demo", "STARTING")
    for phase in ("starting", "loading", "warming"):
        await room.report(replica, phase)
        await room.step()
        room.clock.jump_wall(jump_seconds)
        await room.step(2)
        view = await room.get()
        assert (view.phase, view.attempt, view.last_error) == (phase, 1, None)
        assert view.deadline_at is not None
        left = (view.deadline_at - room.clock.now()).total_seconds()
        assert left == pytest.approx(600, abs=2)


@BOTH_WAYS
async def test_13_no_placement_is_given_up(room: Room, jump_seconds: float) -> None:
    await room.create()
    await room.step(2)
    room.clock.jump_wall(jump_seconds)
    await room.step(2)
    assert (await room.get()).phase == "scheduling"


@BOTH_WAYS
async def test_13_no_back_off_ends_early_or_lasts_longer(room: Room, jump_seconds: float) -> None:
    await room.create()
    await room.step()
    replica = room.engine.place("demo", "STARTING")
    failure = {"code": "engine_exited", "detail": "It exited."}
    await room.report(replica, "failed", failure=failure)
    await room.step()
    room.clock.jump_wall(jump_seconds)
    await room.pass_time(9.0)
    view = await room.get()
    assert view.phase == "queued"
    assert view.next_retry_at is not None
    assert (view.next_retry_at - room.clock.now()).total_seconds() == pytest.approx(1.0)
    await room.pass_time(1.5)
    assert (await room.get()).next_retry_at is None
    await room.step()
    assert (await room.get()).phase == "scheduling"


@BOTH_WAYS
async def test_13_a_ready_deployment_stays_ready_and_is_not_sent_again(
    room: Room, jump_seconds: float
) -> None:
    replica = await room.serve()
    sent = len(room.engine.sent)
    room.clock.jump_wall(jump_seconds)
    await room.step(2)
    assert (await room.get()).phase == "ready"
    room.clock.advance(11)
    await room.step()
    assert (await room.get()).phase == "unreachable"
    await room.report(replica, "ready")
    await room.step()
    assert (await room.get()).phase == "ready"
    assert len(room.engine.sent) == sent


@BOTH_WAYS
async def test_13_earlier_failures_are_not_forgotten_early(room: Room, jump_seconds: float) -> None:
    """They are after a minute of being ready, not after a minute of wall time."""
    replica = await room.serve()
    failure = {"code": "engine_exited", "detail": "It exited."}
    await room.report(replica, "failed", failure=failure)
    await room.step()
    again = room.engine.place("demo")
    await room.report(again, "ready")
    await room.step()
    room.clock.jump_wall(jump_seconds)
    await room.step()
    assert (await room.get()).last_error is not None
    for _ in range(13):
        room.clock.advance(5)
        await room.report(again, "ready")
        await room.step()
    assert (await room.get()).last_error is None


@BOTH_WAYS
async def test_13_the_lease_stays_with_its_holder(room: Room, jump_seconds: float) -> None:
    room.clock.jump_wall(jump_seconds)
    assert await room.lease.hold()
