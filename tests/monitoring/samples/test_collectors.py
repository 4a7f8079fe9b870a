"""Where samples come from: this machine, GPUs by a scripted NVML, processes, replicas' reports."""

import asyncio
import os
import time
from collections.abc import Sequence
from math import inf
from pathlib import Path
from typing import Any

import pytest

from fakes.clock import FakeClock
from fakes.nvml import GIB, FakeGpu, FakeNvml, datacenter
from hardware.machine import hardware_with, nvidia
from support.application import database_in
from vllm_manager.cluster import SeenMachine
from vllm_manager.cluster.warmers import MachineReport, WarmerNode
from vllm_manager.db import Lease
from vllm_manager.deployments import Report
from vllm_manager.deployments.observed import Identity, SeenHistogram
from vllm_manager.kit.process import own_identity
from vllm_manager.monitoring.samples import BY_NAME, Board, Distribution, Sample, nodes_heard
from vllm_manager.monitoring.samples.archive import Archive
from vllm_manager.monitoring.samples.build import Sources, known_processes
from vllm_manager.monitoring.samples.collectors.engines import EngineFeed
from vllm_manager.monitoring.samples.collectors.growth import Growth
from vllm_manager.monitoring.samples.collectors.machine import (
    Counters,
    MachineCollector,
    cards,
)
from vllm_manager.monitoring.samples.collectors.nodes import NodeFeed
from vllm_manager.monitoring.samples.collectors.processes import Known, ProcessCollector
from vllm_manager.monitoring.samples.recorder import Recorder
from vllm_manager.monitoring.samples.rollup import Rollup
from vllm_manager.monitoring.samples.sampler import CollectorFeed, Sampler
from vllm_manager_engine.machine import cards as engine_cards


def by_name(samples: Sequence[Sample], **labels: str) -> dict[str, Any]:
    wanted = set(labels.items())
    return {s.figure: s.value for s in samples if wanted <= set(s.labels)}


def machine(*gpus: FakeGpu, counters: Sequence[Counters] = ()) -> MachineCollector:
    told = iter(counters or [Counters(0, 0, None, None, None, None)])
    return MachineCollector(hardware_with(*nvidia(FakeNvml(list(gpus)))), lambda: next(told), "a")


def counted(busy: float, total: float, received: int, sent: int) -> Counters:
    return Counters(busy, total, 1, 2, {"eth0": received}, {"eth0": sent})


async def test_every_figure_of_a_gpu_is_told() -> None:
    found = by_name(await machine(datacenter(0)).collect(), gpu="0")
    assert found == {
        "gpu_up": 1,
        "gpu_utilization_ratio": 0.93,
        "gpu_memory_used_bytes": 10 * GIB,
        "gpu_memory_total_bytes": 80 * GIB,
        "gpu_temperature_celsius": 52,
        "gpu_power_watts": 412.345,
        "gpu_power_limit_watts": 700,
        "gpu_throttled": 1,
        "gpu_ecc_uncorrected_total": 0,
    }


async def test_a_gpu_that_is_lost_is_down_and_all_else_of_it_unknown() -> None:
    lost = datacenter(0)
    lost.fault = 15
    assert by_name(await machine(lost).collect(), gpu="0") == {"gpu_up": 0}


@pytest.mark.parametrize(("bits", "throttled"), [(0x01, 0), (0x02, 0), (0x04, 1), (0x48, 1)])
async def test_being_idle_is_no_throttling(bits: int, throttled: int) -> None:
    gpu = datacenter(0, nvmlDeviceGetCurrentClocksEventReasons=bits)
    assert by_name(await machine(gpu).collect(), gpu="0")["gpu_throttled"] == throttled


async def test_what_a_gpu_does_not_tell_has_no_sample() -> None:
    assert set(by_name(await machine(FakeGpu({})).collect(), gpu="0")) == {"gpu_up"}


async def test_processors_are_busy_as_long_as_they_were_since_the_last_look() -> None:
    counters = [counted(100, 400, 3, 4), counted(130, 440, 7, 9)]
    collector = machine(counters=counters)
    first = by_name(await collector.collect(), node="a")
    second = by_name(await collector.collect(), node="a")
    assert "node_cpu_ratio" not in first
    assert second["node_cpu_ratio"] == pytest.approx(0.75)
    assert (first["node_network_sent_bytes_total"], second["node_network_sent_bytes_total"]) == (
        0,
        5,
    )
    assert 0 < second["node_memory_used_bytes"] <= second["node_memory_total_bytes"]


async def test_this_machine_tells_its_counters() -> None:
    collector = MachineCollector(hardware_with(*nvidia(FakeNvml([]))))
    await collector.collect()
    names = by_name(await collector.collect())
    assert {"node_memory_total_bytes", "node_disk_free_bytes"} <= set(names)
    assert set(names) <= set(BY_NAME)


async def test_every_figure_of_a_process_is_told_and_one_that_has_ended_has_none() -> None:
    known = [
        Known(os.getpid(), "control-plane"),
        Known(4_194_304 + 5, "gateway-0"),  # above the highest pid: it has ended
    ]
    samples = await ProcessCollector(lambda: known, "a").collect()
    own = by_name(samples, node="a", process="control-plane")
    assert own["process_anonymous_bytes"] > 1_000_000
    assert own["process_open_descriptors"] > 2
    assert own["process_threads"] >= 1
    assert by_name(samples, process="gateway-0") == {}


async def test_a_card_that_comes_or_goes_is_no_traffic() -> None:
    counters = [
        Counters(0, 0, None, None, received, None)
        for received in ({"eth0": 100}, {"eth0": 105, "eth1": 7000}, {"eth0": 115, "eth1": 7001},
                         {"eth1": 7003}, {"eth0": 3, "eth1": 7003})
    ]  # fmt: skip
    collector = machine(counters=counters)
    found = [by_name(await collector.collect(), node="a") for _ in counters]
    totals = [each["node_network_received_bytes_total"] for each in found]
    assert totals == [0, 5, 16, 18, 18]


def test_only_physical_cards_count_where_there_are_any(tmp_path: Path) -> None:
    networks = {"lo": 1, "docker0": 2, "veth1": 3, "eth0": 4}
    for name in networks:
        (tmp_path / name).mkdir()
    assert cards(networks, tmp_path) == {"docker0": 2, "veth1": 3, "eth0": 4}
    (tmp_path / "eth0" / "device").mkdir()
    assert cards(networks, tmp_path) == {"eth0": 4}
    assert engine_cards(networks, tmp_path) == {"eth0": 4}


async def test_a_process_that_ends_or_is_found_late_is_no_processor_time() -> None:
    """Of an engine that was 100 s at work, with a child of 5000 s that comes and goes."""
    growth = Growth[int]()
    looks: list[dict[int, float]] = [
        {1: 100}, {1: 101, 2: 5000}, {1: 102, 2: 5001}, {1: 103}, {3: 4000}, {3: 4002}
    ]  # fmt: skip
    assert [growth.add(look) for look in looks] == [0, 1, 3, 4, 4, 6]


async def test_processor_time_counts_from_the_first_look() -> None:
    collector = ProcessCollector(lambda: [Known(os.getpid(), "control-plane")], "a")
    first = by_name(await collector.collect())["process_cpu_seconds_total"]
    began = time.process_time()
    while time.process_time() - began < 0.05:
        pass
    second = by_name(await collector.collect())["process_cpu_seconds_total"]
    assert first == 0
    assert 0.02 <= second < 5


def report(clock: FakeClock, **more: Any) -> Report:
    fields: dict[str, Any] = {
        "metrics": {"requests_running": 2.0, "requests_waiting": None, "preemptions_total": 4.0},
        "histograms": {"ttft_seconds": SeenHistogram((1.0, inf), (2.0, 3.0), 5.0)},
        "hostname": "a",
        "engine_pid": 11,
        "supervisor_pid": 10,
        **more,
    }
    return Report(
        Identity("u", 1, 1), "chat", "r1", "i1", "ready", 1, 0, clock.monotonic(), clock.now(),
        **fields,
    )  # fmt: skip


async def test_a_report_is_put_once_and_at_the_time_when_it_came() -> None:
    clock = FakeClock()
    board, reports = Board(clock), [report(clock)]
    feed = EngineFeed(lambda: reports, "a", clock)
    clock.advance(3)
    await feed.feed(board)
    (reading,) = board.fresh().values()
    assert (clock.now() - reading.at).total_seconds() == 3
    assert {s.figure: s.value for s in reading.samples} == {
        "engine_requests_running": 2.0,
        "engine_preemptions_total": 4.0,
        "engine_ttft_seconds": Distribution((1.0, inf), (2.0, 3.0), 5.0),
    }
    clock.advance(6.9)
    await feed.feed(board)
    assert board.fresh()
    clock.advance(0.2)
    await feed.feed(board)
    assert not board.fresh()


async def test_what_an_engine_takes_is_told_of_the_node_where_it_runs_also_while_it_starts() -> (
    None
):
    clock = FakeClock()
    board = Board(clock)
    takes = {"process_anonymous_bytes": 5e9, "process_threads": 90.0, "node_cpu_ratio": 1.0}
    processes = {"engine": takes, "supervisor": {"process_threads": 3.0}, "else": takes}
    reports = [report(clock, metrics=None, histograms={}, hostname="b", processes=processes)]
    await EngineFeed(lambda: reports, "a", clock).feed(board)
    (reading,) = board.fresh().values()
    whose = (("deployment", "chat"), ("replica", "r1"))
    assert reading.samples == [
        Sample("process_anonymous_bytes", (("node", "b"), ("process", "engine"), *whose), 5e9),
        Sample("process_threads", (("node", "b"), ("process", "engine"), *whose), 90.0),
        Sample("process_threads", (("node", "b"), ("process", "supervisor"), *whose), 3.0),
    ]
    clock.advance(10)
    assert not board.fresh()


def sources(run: Path, reports: Sequence[Report] = (), ray: str = "") -> Sources:
    run.mkdir()
    if ray:
        (run / "ray.json").write_text(ray)
    hardware = hardware_with(*nvidia(FakeNvml([])))
    return Sources(hardware, lambda: reports, list[SeenMachine], lambda: {1: 7, 0: 8}, run)


RAY = '{"members": [{"pid": 5, "role": "raylet"}, {"pid": 6, "role": "worker"}]}'


def test_the_product_s_own_processes_are_those_of_this_machine(tmp_path: Path) -> None:
    found = known_processes(sources(tmp_path / "run", [report(FakeClock())], RAY))
    assert [(known.name, known.pid) for known in found] == [
        ("control-plane", os.getpid()),
        ("gateway-0", 8),
        ("gateway-1", 7),
        ("ray-raylet", 5),
    ]


def node_report(clock: FakeClock, hostname: str) -> SeenMachine:
    space = {"node_disk_free_bytes": 5.0, "node_disk_total_bytes": 50.0, "gpu_up": 1.0}
    machine = MachineReport(
        node={"node_cpu_ratio": 0.5, "gpu_up": 9.0},
        gpus={"0": {"gpu_up": 1.0, "gpu_power_watts": 300.0, "made_up": 1.0}},
        disks={"models": space, "made_up": space},
        processes={
            "ray-raylet": {"process_threads": 40.0, "node_cpu_ratio": 1.0},
            "ray-dashboard-agent": {"process_threads": 9.0},
            "made_up": {"process_threads": 1.0},
        },
    )
    node = WarmerNode(id=f"id-{hostname}", hostname=hostname)
    return SeenMachine(node, clock.monotonic(), machine)


def of_process(node: str, name: str, threads: float) -> Sample:
    return Sample("process_threads", (("node", node), ("process", name)), threads)


async def test_other_nodes_tell_of_themselves_and_this_one_is_not_told_twice() -> None:
    clock = FakeClock()
    board, machines = Board(clock), [node_report(clock, "b"), node_report(clock, "here")]
    await NodeFeed(lambda: machines, "here", lambda: {"ray-raylet"}, clock).feed(board)
    other, own = board.fresh().values()
    assert other.samples == [
        Sample("node_cpu_ratio", (("node", "b"),), 0.5),
        Sample("gpu_up", (("node", "b"), ("gpu", "0")), 1.0),
        Sample("gpu_power_watts", (("node", "b"), ("gpu", "0")), 300.0),
        Sample("node_disk_free_bytes", (("node", "b"), ("purpose", "models")), 5.0),
        Sample("node_disk_total_bytes", (("node", "b"), ("purpose", "models")), 50.0),
        of_process("b", "ray-raylet", 40.0),
        of_process("b", "ray-dashboard-agent", 9.0),
    ]
    assert own.samples == [of_process("here", "ray-dashboard-agent", 9.0)]


async def test_two_nodes_of_one_name_are_not_told_as_the_same_series_twice() -> None:
    clock = FakeClock()
    board, first = Board(clock), node_report(clock, "b")
    second = first._replace(node=WarmerNode(id="another", hostname="b"))
    machines = [first, second]
    feed = NodeFeed(lambda: machines, "here", frozenset[str], clock)
    await feed.feed(board)
    assert [bool(reading.samples) for reading in board.fresh().values()] == [True, False]
    assert nodes_heard(board) == {"id-b", "another"}
    clock.advance(5)
    machines[:] = [second._replace(received=clock.monotonic())]
    await feed.feed(board)
    assert board.fresh()["node/another"].samples


async def test_a_node_that_is_silent_is_unknown_after_ten_seconds() -> None:
    clock = FakeClock()
    board, machines = Board(clock), [node_report(clock, "b")]
    feed = NodeFeed(lambda: machines, "here", frozenset[str], clock)
    for _ in range(5):
        clock.advance(1.99)
        await feed.feed(board)
        assert board.fresh()
    clock.advance(0.1)
    await feed.feed(board)
    assert not board.fresh()


class Source:
    """A collector that answers, fails, or hangs."""

    def __init__(self, name: str, how: str) -> None:
        self.name, self.how, self.asked = name, how, 0

    async def collect(self) -> Sequence[Sample]:
        self.asked += 1
        if self.how == "hangs":
            await asyncio.Future[None]()
        if self.how == "fails":
            raise OSError("no such thing")
        return [Sample("node_cpu_ratio", (("node", self.name),), 0.5)]


async def test_a_source_that_fails_or_hangs_takes_nothing_from_the_others(
    tmp_path: Path,
) -> None:
    clock = FakeClock()
    sources = [Source("a", "answers"), Source("b", "fails"), Source("c", "hangs")]
    board, recorder = Board(clock), Recorder()
    async with database_in(tmp_path) as database:
        lease = Lease(database, "reconciler", own_identity(), 30, clock)
        rollup = Rollup(recorder.ring, Archive(database, lease), clock)
    feeds = [CollectorFeed(source) for source in sources]
    sampler = Sampler(board, feeds, recorder, rollup, clock, patience_seconds=0.05)
    for _ in range(3):
        clock.advance(2)
        await sampler.step()
    await sampler.stop()
    assert list(board.fresh()) == ["a"]
    assert [source.asked for source in sources] == [3, 3, 1]
    assert len(recorder.ring.of("node_cpu_ratio")) == 1
