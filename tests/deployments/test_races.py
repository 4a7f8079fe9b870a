"""What people ask for while a step is under way is judged by the next step, not by this one."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from pathlib import Path

import pytest
from sqlalchemy import delete, update

from deployments.room import Room
from fakes.engine import FakeEngine
from vllm_manager.db.lease import LeaseRow
from vllm_manager.deployments.engine import Launch
from vllm_manager.deployments.observed import Observation, SeenApplication
from vllm_manager.deployments.schemas import DeploymentRequest
from vllm_manager.kit.errors import Problem
from vllm_manager.operations import IdempotencyKey


class SlowEngine(FakeEngine):
    """Lets a test act while a set is on its way to the cluster."""

    def __init__(self) -> None:
        super().__init__()
        self.meanwhile: Callable[[], Awaitable[object]] | None = None

    async def converge(self, launches: Sequence[Launch], observation: Observation) -> None:
        await super().converge(launches, observation)
        if self.meanwhile is not None:
            meanwhile, self.meanwhile = self.meanwhile, None
            await meanwhile()


STRAY = SeenApplication("stray", None, 1, False, False, "", ())


@pytest.fixture
async def slow(tmp_path: Path) -> AsyncGenerator[Room]:
    room = await Room(tmp_path, SlowEngine()).open()
    yield room
    await room.close()


def during_the_next_send(room: Room, act: Callable[[], Awaitable[object]]) -> None:
    """Act in the middle of the next step, which sends a set to remove a stray application."""
    assert isinstance(room.engine, SlowEngine)
    room.engine.meanwhile = act
    room.engine.plant(STRAY)


async def test_a_create_during_a_step_is_not_taken_for_gone(slow: Room):
    during_the_next_send(slow, slow.create)
    await slow.step()
    (operation,) = (await slow.operations.list(10)).items
    assert operation.status == "running"


async def test_a_stop_during_a_step_has_not_succeeded_because_it_was_ready(slow: Room):
    await slow.serve()
    during_the_next_send(slow, lambda: slow.service.stop("demo"))
    await slow.step()
    newest = (await slow.operations.list(10)).items[0]
    assert (newest.kind, newest.status) == ("deployment.stop", "running")
    await slow.step(2)
    assert (await slow.operations.get(newest.id)).message == "Stopped."


async def test_whoever_read_before_a_write_is_given_the_newest_view(slow: Room):
    await slow.serve()
    before = slow.memory.rows[(await slow.get()).uid]
    await slow.service.stop("demo")
    assert slow.memory.refresh(before).desired == "stopped"


async def test_a_phase_that_could_not_be_written_down_is_written_later(slow: Room):
    replica = await slow.serve()
    await slow.report(replica, "degraded")
    async with slow.database.unit_of_work() as session:
        await session.execute(update(LeaseRow).values(holder="another-host/1/1.0"))
    await slow.step()
    async with slow.database.unit_of_work() as session:
        await session.execute(delete(LeaseRow))
    await slow.lease.hold()
    await slow.step()
    events = (await slow.service.events("demo", 10, None)).items
    assert [e.phase for e in events if e.kind == "phase"] == ["degraded", "ready"]


async def test_a_key_whose_deployment_was_deleted_creates_no_other(slow: Room):
    key = IdempotencyKey("key", "usr_1", "body")
    spec = DeploymentRequest(name="demo", model="demo")
    await slow.service.create(spec, key)
    await slow.service.delete("demo")
    await slow.step(3)
    with pytest.raises(Problem) as caught:
        await slow.service.create(spec, key)
    assert caught.value.code == "deployment_deleted"
