"""Where samples come from: this machine, GPUs by a scripted NVML, processes, replicas' reports."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Generator, Sequence
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
from vllm_manager.monitoring.samples import BY_NAME, Board, Distribution, Sample
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
from vllm_manager.monitoring.samples.collectors.processes import Known, ProcessCollector, together
from vllm_manager.monitoring.samples.collectors.processes import Use as ProcessUse
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


@pytest.fixture
def parent() -> Generator[int]:
    """The pid of a process that has one child; both wait."""
    child = "print(1, flush=True); input()"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', '{child}'])"
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as started:
        assert started.stdout is not None
        started.stdout.readline()  # the child runs
        yield started.pid
        started.communicate(b"\n")


async def test_an_engine_is_its_process_with_all_that_it_started(parent: int) -> None:
    known = [
        Known(parent, "engine", "chat", "r1", has_children=True),
        Known(parent, "supervisor"),
        Known(os.getpid(), "control-plane"),
        Known(4_194_304 + 5, "gateway-0"),  # above the highest pid: it has ended
    ]
    samples = await ProcessCollector(lambda: known, "a", FakeClock()).collect()
    whole, alone = by_name(samples, process="engine"), by_name(samples, process="supervisor")
    assert whole["process_threads"] == 2 * alone["process_threads"]
    assert whole["process_anonymous_bytes"] > alone["process_anonymous_bytes"]
    assert set(by_name(samples, deployment="chat", replica="r1")) == set(whole)
    own = by_name(samples, process="control-plane")
    assert own["process_anonymous_bytes"] > 1_000_000
    assert own["process_open_descriptors"] > 2
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
    collector = ProcessCollector(lambda: [Known(os.getpid(), "control-plane")], "a", FakeClock())
    first = by_name(await collector.collect())["process_cpu_seconds_total"]
    began = time.process_time()
    while time.process_time() - began < 0.05:
        pass
    second = by_name(await collector.collect())["process_cpu_seconds_total"]
    assert first == 0
    assert 0.02 <= second < 5


def test_what_one_of_several_processes_does_not_tell_leaves_the_rest() -> None:
    uses = [ProcessUse(1, None, 2, 0.5), ProcessUse(10, None, 3, 0.25)]
    assert together(uses, 0.1) == ProcessUse(11, None, 5, 0.1)


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
    feed = EngineFeed(lambda: reports, clock)
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


def test_processes_of_other_machines_are_not_looked_for_here(tmp_path: Path) -> None:
    clock = FakeClock()
    (run := tmp_path / "run").mkdir()
    (run / "ray.json").write_text(
        '{"members": [{"pid": 5, "role": "raylet"}, {"pid": 6, "role": "worker"}]}'
    )
    reports = [report(clock), report(clock, hostname="b", engine_pid=99)]
    hardware = hardware_with(*nvidia(FakeNvml([])))
    sources = Sources(hardware, lambda: reports, list[SeenMachine], lambda: {1: 7, 0: 8}, run)
    found = [(k.name, k.pid) for k in known_processes(sources, "a")]
    assert found == [
        ("control-plane", os.getpid()),
        ("gateway-0", 8),
        ("gateway-1", 7),
        ("ray-raylet", 5),
        ("engine", 11),
        ("supervisor", 10),
    ]


def node_report(clock: FakeClock, hostname: str) -> SeenMachine:
    gpus = {"0": {"gpu_up": 1.0, "gpu_power_watts": 300.0, "made_up": 1.0}}
    machine = MachineReport(node={"node_cpu_ratio": 0.5, "gpu_up": 9.0}, gpus=gpus)
    return SeenMachine(WarmerNode(id="n", hostname=hostname), clock.monotonic(), machine)


async def test_other_nodes_tell_of_themselves_and_this_one_is_not_told_twice() -> None:
    clock = FakeClock()
    board, machines = Board(clock), [node_report(clock, "b"), node_report(clock, "here")]
    await NodeFeed(lambda: machines, "here", clock).feed(board)
    (reading,) = board.fresh().values()
    assert reading.samples == [
        Sample("node_cpu_ratio", (("node", "b"),), 0.5),
        Sample("gpu_up", (("node", "b"), ("gpu", "0")), 1.0),
        Sample("gpu_power_watts", (("node", "b"), ("gpu", "0")), 300.0),
    ]


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
