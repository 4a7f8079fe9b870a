"""A process is known by its pid and its start, over restarts, reused pids and clock jumps."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from vllm_manager.kit.process import ProcessIdentity, own_identity


def identity_of_another() -> ProcessIdentity:
    """Return the identity of a process that is over when this returns."""
    program = "from vllm_manager.kit.process import own_identity; print(own_identity())"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    return ProcessIdentity.parse(answer.stdout.decode().strip())


def test_it_is_read_back_as_it_was_written():
    assert ProcessIdentity.parse(str(own_identity())) == own_identity()
    assert own_identity().pid == os.getpid()


@pytest.mark.parametrize("text", ["", "host", "host/pid/1.0", "host/1"])
def test_what_is_no_identity_is_refused(text: str):
    with pytest.raises(ValueError, match=r"."):
        ProcessIdentity.parse(text)


def test_this_process_is_not_dead():
    assert not own_identity().is_known_dead()


def test_a_process_that_ended_is_known_to_be_dead():
    assert identity_of_another().is_known_dead()


def test_a_child_that_ended_and_was_not_collected_is_dead():
    child = subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE)
    assert child.stdout
    child.stdout.read()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert replace(own_identity(), pid=child.pid).is_known_dead()
    child.wait()
    child.stdout.close()


def test_another_process_with_the_same_pid_does_not_pass_for_it():
    assert replace(own_identity(), started=own_identity().started - 100).is_known_dead()


def test_of_processes_elsewhere_nothing_is_known():
    assert not ProcessIdentity("another-host", 1, 1.0).is_known_dead()


@pytest.mark.linux
def test_the_start_does_not_come_from_the_wall_clock():
    ticks = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
    seconds = ticks / os.sysconf("SC_CLK_TCK")
    assert own_identity().started % 10**9 == pytest.approx(seconds, abs=0.1)
