"""What the rules are given: read off the rooms themselves, and None where they don't answer."""

import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import pytest

from fakes.clock import FakeClock
from fakes.nvml import FakeGpu, FakeNvml
from hardware.machine import hardware_with, nvidia
from vllm_manager.auth.keys import EndingKey
from vllm_manager.cluster import ClusterNode, RayStatus
from vllm_manager.deployments.schemas import Deployment
from vllm_manager.monitoring.alerts.facts import DiskFact, Facts
from vllm_manager.monitoring.alerts.looking import Looking, Rooms
from vllm_manager.monitoring.samples import Board, Sample


@dataclass
class World:
    """What the rooms answer."""

    clock: FakeClock = field(default_factory=FakeClock)
    gpus: Sequence[FakeGpu] = ()
    certificate: Path | None = None
    deployments: Sequence[Deployment] | None = None
    nodes: Sequence[ClusterNode] | None = None

    def __post_init__(self) -> None:
        self.board = Board(self.clock)
        self.hardware = hardware_with(*nvidia(FakeNvml(list(self.gpus))), clock=self.clock)
        self.looking = Looking(
            Rooms(
                deployments=self._deployments,
                machine=self.hardware.snapshot,
                ray=self._ray,
                nodes=self._nodes,
                keys=self._keys,
                unfinished_audit_entries=lambda: 0,
                board=self.board,
                gateway_workers=lambda: 1,
                certificate=self.certificate,
            ),
            self.clock,
        )

    async def facts(self) -> Facts:
        return await self.looking.facts()

    async def _deployments(self) -> Sequence[Deployment]:
        if self.deployments is None:
            raise OSError("the database is away")
        return self.deployments

    async def _ray(self) -> RayStatus:
        return RayStatus(state="up", address="http://127.0.0.1:8265", version="2", message=None)

    async def _nodes(self) -> Sequence[ClusterNode] | None:
        return self.nodes

    async def _keys(self, within: timedelta) -> tuple[int, Sequence[EndingKey]]:
        return 0, ()


def demo() -> Deployment:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    return Deployment.model_validate(
        {
            **dict.fromkeys(Deployment.model_fields),
            "name": "demo",
            "uid": "dep_1",
            "spec": {"name": "demo", "model": "demo"},
            "generation": 1,
            "attempt": 1,
            "desired": "running",
            "phase": "ready",
            "stale": False,
            "degradations": [],
            "replicas_desired": 3,
            "replicas_ready": 3,
            "timeline": [],
            "since": now,
            "created_at": now,
            "updated_at": now,
        }
    )


def of_process(node: str, process: str, size: float, *more: tuple[str, str]) -> Sample:
    labels = (("node", node), ("process", process), *more)
    return Sample("process_anonymous_bytes", labels, size)


async def test_the_memory_of_processes_is_read_off_what_was_measured_here_and_elsewhere() -> None:
    world = World()
    whose = (("deployment", "chat"), ("replica", "r1"))
    here = socket.gethostname()
    world.board.put("processes", [of_process(here, "control-plane", 1e8)])
    world.board.put("engine/i1", [of_process("elsewhere", "engine", 5e9, *whose)])
    sizes = (await world.facts()).process_bytes
    assert {name.words: size for name, size in sizes.items()} == {
        "control-plane": 1e8,
        "engine of chat (replica r1) on elsewhere": 5e9,
    }


async def test_disks_of_other_nodes_are_watched_and_unknown_while_their_node_is_silent() -> None:
    world = World()
    place = (("node", "elsewhere"), ("purpose", "temporary"))
    free = Sample("node_disk_free_bytes", place, 5.0)
    own = (("node", socket.gethostname()), ("purpose", "temporary"))
    samples = [free, Sample("node_disk_total_bytes", place, 50.0)]
    world.board.put("node/n", [*samples, Sample("node_disk_free_bytes", own, 1.0)])

    async def told() -> list[DiskFact]:
        disks = (await world.facts()).disks
        assert disks is not None
        return [disk for disk in disks if disk.path == "temporary of elsewhere"]

    assert await told() == [DiskFact("temporary", "temporary of elsewhere", 5, 50)]
    world.clock.advance(10)
    assert await told() == [DiskFact("temporary", "temporary of elsewhere", None, None)]
    world.clock.advance(3600)
    assert await told() == []


async def test_the_fullest_replica_counts_not_the_mean_of_all() -> None:
    world = World(deployments=[demo()])
    for number, used in enumerate((0.98, 0.1, 0.2)):
        labels = (("deployment", "demo"), ("replica", f"r{number}"))
        sample = Sample("engine_kv_cache_usage_ratio", labels, used)
        world.board.put(f"engine/{number}", [sample])
    assert [d.kv_cache_usage_ratio for d in (await world.facts()).deployments or ()] == [0.98]
    world.clock.advance(10)
    assert [d.kv_cache_usage_ratio for d in (await world.facts()).deployments or ()] == [None]


async def test_gpus_of_other_nodes_are_watched_and_unknown_while_their_node_is_silent() -> None:
    world = World()

    def place(gpu: str) -> tuple[tuple[str, str], ...]:
        return (("node", "elsewhere"), ("gpu", gpu))

    samples = [
        Sample("gpu_up", place("0"), 1.0),
        Sample("gpu_temperature_celsius", place("0"), 91.0),
        Sample("gpu_up", place("1"), 0.0),
    ]
    world.board.put("node/n", samples)
    told = (await world.facts()).gpus
    assert told is not None
    assert [(gpu.name, gpu.state, gpu.temperature_celsius) for gpu in told] == [
        ("GPU 0 of elsewhere", "ok", 91.0),
        ("GPU 1 of elsewhere", "lost", None),
    ]
    world.clock.advance(10)
    assert {gpu.state for gpu in (await world.facts()).gpus or ()} == {"unknown"}
    world.clock.advance(3600)
    assert (await world.facts()).gpus == []


def named(name: str, state: Literal["alive", "dead"] = "alive") -> ClusterNode:
    return ClusterNode(
        id=f"id-{name}", ip=name, hostname=None, is_head=False, state=state, state_message=None,
        cpus=1, gpus=0, memory_bytes=1,
    )  # fmt: skip


async def test_a_node_that_lives_and_tells_nothing_is_silent() -> None:
    world = World(nodes=[named("a"), named("b"), named("c", "dead")])
    world.board.put("node/id-a", [])
    assert (await world.facts()).silent_nodes == ["b"]
    world.clock.advance(10)
    assert (await world.facts()).silent_nodes == ["a", "b"]


async def test_the_only_node_need_not_tell_of_itself_and_without_ray_nothing_is_known() -> None:
    assert (await World(nodes=[named("a"), named("c", "dead")]).facts()).silent_nodes == ()
    assert (await World(nodes=None).facts()).silent_nodes is None


async def test_a_certificate_that_can_t_be_read_is_one_all_the_same(tmp_path: Path) -> None:
    facts = await World(certificate=tmp_path / "gone.pem").facts()
    assert (facts.has_certificate, facts.certificate_ends_at) == (True, None)


async def test_a_room_that_does_not_answer_hides_no_other() -> None:
    facts = await World().facts()
    assert facts.deployments is None
    assert (facts.is_ray_up, facts.knows_keys, facts.gateway_workers) == (True, True, 1)


def node(gpus: float, cpus: float = 8.0, state: str = "alive") -> ClusterNode:
    told = {"id": "n", "is_head": True, "state": state, "cpus": cpus, "gpus": gpus}
    return ClusterNode.model_validate({**dict.fromkeys(ClusterNode.model_fields), **told})


@pytest.mark.parametrize(
    ("nodes", "has_room"),
    [
        (None, None),
        ([node(0, cpus=4)], True),
        ([node(0, cpus=3.5)], False),
        ([node(3)], False),
        ([node(2), node(2)], True),
        ([node(3), node(8, state="dead")], False),
    ],
)
async def test_whether_the_cluster_holds_another_replica_beside_what_is_wanted(
    nodes: Sequence[ClusterNode] | None, has_room: bool | None
) -> None:
    """Of the demo, three replicas are wanted: of one processor, and of one GPU where there are."""
    [seen] = (await World(deployments=[demo()], nodes=nodes).facts()).deployments or []
    assert seen.has_room_for_another is has_room
