"""What an engine's and Ray's processes take, read by those who know them."""

import os
import subprocess
import sys
import time
from collections.abc import Generator
from pathlib import Path

import psutil
import pytest

from fakes.clock import FakeClock
from support.engines import report_sink, supervised, until
from support.ray_cluster import wait_until
from vllm_manager.monitoring.samples import BY_NAME
from vllm_manager_engine.growth import Growth
from vllm_manager_engine.processes import EngineProcesses, Household, descendants, read_use
from vllm_manager_engine.ray_processes import RayProcesses, ray_processes

_NOBODY = 4_194_304 + 5  # above the highest pid
_WAIT = "import sys; print(1, flush=True); sys.stdin.read()"


def nested(generations: int) -> list[str]:
    """Return a command that starts a process, which starts another…; the last one waits."""
    code = _WAIT
    for _ in range(generations):
        code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {code!r}])"
    return [sys.executable, "-c", code]


def started(command: list[str]) -> "subprocess.Popen[bytes]":
    """Return a process once the last of those that it starts has said so."""
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    return process


@pytest.fixture
def parent() -> Generator[int]:
    """The pid of a process with a child and a grandchild; all wait."""
    with started(nested(2)) as process:
        yield process.pid
        process.communicate()


def test_a_household_is_a_process_with_all_that_it_started(parent: int) -> None:
    whole, alone = Household(parent, alone=False).read(), Household(parent, alone=True).read()
    assert set(whole) == {name for name in BY_NAME if name.startswith("process_")}
    assert (alone["process_threads"], whole["process_threads"]) == (1, 3)
    assert whole["process_anonymous_bytes"] > 2 * alone["process_anonymous_bytes"]
    assert whole["process_open_descriptors"] > 2 * alone["process_open_descriptors"]
    assert whole["process_cpu_seconds_total"] == 0


def test_descendants_are_those_that_the_whole_list_of_processes_shows(parent: int) -> None:
    listed = psutil.Process(parent).children(recursive=True)
    assert len(listed) == 2
    assert set(descendants(parent)) == {child.pid for child in listed}


def test_what_is_started_later_is_found_within_seconds() -> None:
    clock = FakeClock()
    household = Household(os.getpid(), alone=False, clock=clock.monotonic)
    before = household.read()["process_threads"]
    with started(nested(0)) as child:
        clock.advance(2)
        after = household.read()["process_threads"]
        child.communicate()
    assert after > before


def test_of_a_process_that_has_ended_nothing_is_known() -> None:
    assert read_use(_NOBODY) is None
    assert Household(_NOBODY, alone=False).read() == {}
    assert set(EngineProcesses().read(_NOBODY)) == {"supervisor"}


def test_processor_time_counts_from_the_first_look() -> None:
    household = Household(os.getpid(), alone=True)
    assert household.read()["process_cpu_seconds_total"] == 0
    began = time.process_time()
    while time.process_time() - began < 0.05:
        pass
    assert 0.02 <= household.read()["process_cpu_seconds_total"] < 5


def test_a_process_that_ends_or_is_found_late_is_no_processor_time() -> None:
    growth = Growth[int]()
    looks: list[dict[int, float]] = [{1: 100}, {1: 101, 2: 5000}, {1: 102, 2: 5001}, {1: 103}]
    assert [growth.add(look) for look in looks] == [0, 1, 3, 4]


def test_processes_are_read_once_a_second_however_often_it_is_reported(parent: int) -> None:
    clock = FakeClock()
    processes = EngineProcesses(clock.monotonic)
    first = processes.read(parent)
    assert processes.read(parent) is first
    assert "engine" not in processes.read(None)  # it has ended
    again = processes.read(parent)
    assert "engine" in again
    clock.advance(1)
    assert processes.read(parent) is not again


async def test_a_replica_reports_what_its_engine_and_its_supervisor_take() -> None:
    async with report_sink() as sink, supervised(report_url=sink.url) as supervisor:
        await supervisor.start()
        await until(lambda: any(r["phase"] == "ready" for r in sink.reports))
        (told, *_) = [r["processes"] for r in sink.reports if r["phase"] == "ready"]
        assert told["engine"]["process_anonymous_bytes"] > 1_000_000
        assert told["supervisor"]["process_open_descriptors"] > 2
        assert set(told["engine"]) == {name for name in BY_NAME if name.startswith("process_")}


_AGENTS = f"""
import subprocess, sys
for title in ("ray::DashboardAgent", "ray::RuntimeEnvAgent", "ray::IDLE"):
    words = [title, "-c", {_WAIT!r}]
    process = subprocess.Popen(words, executable={sys.executable!r}, stdout=subprocess.PIPE)
    process.stdout.readline()
{_WAIT}
"""
_NODE = f"""
import subprocess, sys
session, other = sys.argv[1:]
for code, *words in (
    ({_AGENTS!r}, "ray/raylet/raylet", f"--raylet_socket_name={{session}}/sockets/raylet"),
    ({_WAIT!r}, "ray/_private/log_monitor.py", f"--session-dir={{session}}"),
    ({_WAIT!r}, "ray/gcs/gcs_server", f"--log_dir={{other}}/logs"),
):
    process = subprocess.Popen([{sys.executable!r}, "-c", code, *words], stdout=subprocess.PIPE)
    process.stdout.readline()
{_WAIT}
"""


@pytest.fixture
def raylet(tmp_path: Path) -> Generator[psutil.Process]:
    """What looks like a raylet, with two agents and a worker, beside parts of two sessions."""
    sessions = [str(tmp_path / "session_1"), str(tmp_path / "session_2")]
    with started([sys.executable, "-c", _NODE, *sessions]) as launcher:
        (found,) = [
            child
            for child in psutil.Process(launcher.pid).children()
            if "ray/raylet/raylet" in child.cmdline()
        ]
        yield found
        launcher.communicate()


@pytest.mark.linux
def test_ray_s_processes_are_the_raylet_and_what_belongs_to_it(raylet: psutil.Process) -> None:
    assert set(ray_processes(raylet.pid)) == {
        "ray-raylet",
        "ray-log-monitor",
        "ray-dashboard-agent",
        "ray-runtime-env-agent",
    }
    told = RayProcesses(raylet.pid).read()
    assert set(told) == set(ray_processes(raylet.pid))
    assert told["ray-raylet"]["process_anonymous_bytes"] > 1_000_000


@pytest.mark.linux
def test_a_process_of_ray_s_that_has_ended_is_unknown_and_looked_for_again(
    raylet: psutil.Process,
) -> None:
    clock = FakeClock()
    processes = RayProcesses(raylet.pid, clock.monotonic)
    monitor = psutil.Process(ray_processes(raylet.pid)["ray-log-monitor"])
    before = processes.read()
    monitor.kill()
    wait_until(lambda: monitor.status() == psutil.STATUS_ZOMBIE, 20, "its end")
    processes.read()
    assert set(processes.read()) == set(before) - {"ray-log-monitor"}


def test_where_no_raylet_started_it_nothing_is_told_of_ray() -> None:
    assert RayProcesses().read() == {}
