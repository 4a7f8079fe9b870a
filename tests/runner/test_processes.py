"""Processes are known by pid and birth; nothing else is ever signalled."""

import signal
import subprocess
import sys
from collections.abc import Generator

import pytest

from vllm_manager.cli.runner.processes import (
    Member,
    born,
    end,
    exit_reason,
    kill,
    member,
    send,
    session_of,
    wait_until,
)

SLEEPER = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    "print('up', flush=True); time.sleep(600)",
]


@pytest.fixture
def started() -> Generator[list[subprocess.Popen[str]]]:
    """Processes that a test started; ended afterwards."""
    processes: list[subprocess.Popen[str]] = []
    yield processes
    for process in processes:
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()


def start(
    command: list[str], started: list[subprocess.Popen[str]]
) -> tuple[subprocess.Popen[str], Member]:
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    started.append(process)
    assert process.stdout is not None
    process.stdout.readline()
    found = member(process.pid, "test")
    assert found is not None
    return process, found


def test_a_zombie_counts_as_gone(started: list[subprocess.Popen[str]]) -> None:
    process, found = start(SLEEPER, started)
    assert found.is_alive()
    process.kill()
    assert wait_until(lambda: born(process.pid) is None, 10)
    assert not found.is_alive()


def test_a_reused_pid_is_not_signalled(started: list[subprocess.Popen[str]]) -> None:
    process, found = start(SLEEPER, started)
    send(Member(pid=found.pid, born="another life", role="test"), signal.SIGKILL)
    assert found.is_alive()
    assert process.poll() is None


def test_the_session_of_a_reused_pid_is_not_ours(started: list[subprocess.Popen[str]]) -> None:
    _, found = start(SLEEPER, started)
    assert session_of(found) == {found}
    assert session_of(Member(pid=found.pid, born="another life", role="test")) == set()


def test_workers_left_by_a_killed_leader_are_found(started: list[subprocess.Popen[str]]) -> None:
    family = (
        "import subprocess, sys, time;"
        f"child = subprocess.Popen({SLEEPER!r}); print(child.pid, flush=True); time.sleep(600)"
    )
    process, leader = start([sys.executable, "-c", family], started)
    assert wait_until(lambda: len(session_of(leader)) == 2, 10)
    process.kill()
    process.wait()
    left = session_of(leader)
    assert len(left) == 1
    kill(left)
    assert session_of(leader) == set()


def test_one_that_ignores_the_request_is_killed(started: list[subprocess.Popen[str]]) -> None:
    _, found = start(STUBBORN, started)
    end([found], patience_seconds=0.2)
    assert not found.is_alive()


def test_the_way_of_ending_is_told_in_words() -> None:
    child = subprocess.Popen(SLEEPER, stdout=subprocess.DEVNULL)
    assert exit_reason(child.pid) is None
    child.kill()
    assert exit_reason(child.pid, 60) == "killed by SIGKILL"
    child.returncode = 0  # reaped above, by its pid
