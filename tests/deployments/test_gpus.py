"""What deployments hear of GPUs that they were given and that are gone."""

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pynvml
import pytest

from deployments.room import Room
from fakes.clock import FakeClock
from fakes.nvml import FakeNvml, datacenter
from hardware.machine import hardware_with, nvidia
from vllm_manager.deployments.gpus import GpuWatch

HERE = "gpu-a"


class Machine:
    """A room on a machine with two GPUs."""

    def __init__(self, folder: Path) -> None:
        clock = FakeClock()
        self.nvml = FakeNvml([datacenter(0), datacenter(1)])
        self.room = Room(folder, clock=clock)
        self.hardware = hardware_with(
            *nvidia(self.nvml), clock=clock, gpu_uses=lambda: self.watch.uses()
        )
        self.watch = GpuWatch(self.room.memory, self.hardware, HERE, lambda: None)

    async def look(self) -> None:
        self.room.clock.advance(3)
        await self.watch.step()
        await self.room.step()

    async def lose(self, index: int) -> None:
        self.nvml.gpus[index].fault = pynvml.NVML_ERROR_GPU_IS_LOST
        await self.look()

    async def serve(self, name: str, *indices: int, hostname: str = HERE) -> str:
        """Bring a deployment to ready on these GPUs; return its replica's id."""
        await self.room.create(name)
        await self.room.step()
        replica_id = self.room.engine.place(name)
        await self.room.report(replica_id, "ready", name, node=node(*indices, hostname=hostname))
        await self.look()
        return replica_id

    async def told(self, name: str) -> tuple[str, list[str]]:
        seen = await self.room.get(name)
        return seen.phase, seen.degradations


def node(*indices: int, hostname: str = HERE) -> dict[str, Any]:
    gpus = [{"index": index, "uuid": f"GPU-{index}"} for index in indices]
    return {"id": "n1", "ip": "127.0.0.1", "hostname": hostname, "gpus": gpus}


@pytest.fixture
async def machine(tmp_path: Path) -> AsyncGenerator[Machine]:
    machine = Machine(tmp_path)
    await machine.room.open()
    yield machine
    await machine.room.close()


async def test_a_replica_shows_its_gpus(machine: Machine) -> None:
    await machine.serve("chat", 0, 1)
    (replica,) = (await machine.room.service.replicas("chat")).items
    assert replica.node.gpus is not None
    assert [(gpu.index, gpu.uuid) for gpu in replica.node.gpus] == [(0, "GPU-0"), (1, "GPU-1")]


async def test_a_lost_gpu_degrades_whoever_was_given_it_with_its_name_and_a_way_out(
    machine: Machine,
) -> None:
    await machine.serve("chat", 1)
    await machine.serve("code", 0)
    assert await machine.told("chat") == ("ready", [])
    await machine.lose(1)
    phase, (told,) = await machine.told("chat")
    assert phase == "degraded"
    for words in ("GPU 1", "H100", "GPU-1", "fallen off the bus", "reboot", "restart"):
        assert words in told
    assert await machine.told("code") == ("ready", [])


async def test_requests_still_reach_an_engine_that_has_not_noticed(machine: Machine) -> None:
    await machine.serve("chat", 1)
    await machine.lose(1)
    routes = machine.room.service.routes()
    assert routes is not None
    assert [len(route.endpoints) for route in routes] == [1]


async def test_what_was_lost_is_still_told_when_the_engine_has_died_of_it(
    machine: Machine,
) -> None:
    replica_id = await machine.serve("chat", 1)
    await machine.lose(1)
    failure = {"code": "gpu_lost", "detail": "The GPU failed."}
    await machine.room.report(replica_id, "failed", "chat", node=node(1), failure=failure)
    machine.room.engine.lose("chat", replica_id)
    await machine.look()
    machine.room.clock.advance(400)  # so long that the report itself is forgotten
    await machine.look()
    phase, degradations = await machine.told("chat")
    assert phase != "ready"
    assert any("GPU 1" in words for words in degradations)


async def test_whole_again_on_another_gpu_it_is_well(machine: Machine) -> None:
    lost = await machine.serve("chat", 1)
    await machine.lose(1)
    machine.room.engine.lose("chat", lost)
    machine.room.clock.advance(400)
    await machine.look()
    again = machine.room.engine.place("chat")
    await machine.room.report(again, "ready", "chat", node=node(0))
    await machine.look()
    assert await machine.told("chat") == ("ready", [])


async def test_a_gpu_that_is_back_degrades_nobody(machine: Machine) -> None:
    replica_id = await machine.serve("chat", 1)
    await machine.lose(1)
    machine.nvml.gpus[1].fault = None
    await machine.room.report(replica_id, "ready", "chat", node=node(1))
    await machine.look()
    assert await machine.told("chat") == ("ready", [])


async def test_a_deployment_on_another_machine_is_not_concerned(machine: Machine) -> None:
    await machine.serve("far", 1, hostname="gpu-b")
    await machine.lose(1)
    assert await machine.told("far") == ("ready", [])


async def test_a_stopped_deployment_holds_no_gpu(machine: Machine) -> None:
    await machine.serve("chat", 1)
    await machine.room.service.stop("chat")
    await machine.room.step()
    assert machine.watch.uses() == []


async def test_without_gpus_in_use_the_hardware_is_not_asked(machine: Machine) -> None:
    await machine.serve("chat")
    before = machine.nvml.inits
    await machine.look()
    assert machine.nvml.inits == before == 0
