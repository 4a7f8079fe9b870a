"""Back-off grows to a limit, logs stay bounded, ports are named with who holds them."""

import os
import socket
from pathlib import Path

import pytest

from vllm_manager.cli.runner import RunFiles, ServiceRecord, check_ports
from vllm_manager.cli.runner.backoff import delay_seconds, failures_after
from vllm_manager.cli.runner.logs import bound, tail
from vllm_manager.cli.runner.ports import free_ports, is_free
from vllm_manager.cli.runner.processes import member
from vllm_manager.kit.errors import Problem
from vllm_manager.settings import Settings


def test_the_first_end_is_mended_at_once_and_a_crash_loop_slows_down() -> None:
    assert [delay_seconds(n) for n in (1, 2, 3, 4, 7, 50)] == [0, 1, 2, 4, 30, 30]


def test_a_healthy_minute_wipes_out_earlier_failures() -> None:
    assert failures_after(5, healthy_seconds=59) == 6
    assert failures_after(5, healthy_seconds=61) == 1


def test_a_log_that_grew_too_large_is_moved_aside_and_goes_on(tmp_path: Path) -> None:
    log = tmp_path / "service.log"
    with log.open("ab") as writer:
        writer.write(b"old\n" * 100)
        writer.flush()
        assert bound(log, largest_bytes=100)
        writer.write(b"new\n")
    assert log.read_text() == "new\n"
    assert log.with_name("service.log.1").read_text().startswith("old\n")
    assert not bound(log, largest_bytes=100)


def test_the_tail_leaves_out_empty_lines_and_survives_bad_bytes(tmp_path: Path) -> None:
    log = tmp_path / "service.log"
    log.write_bytes(b"one\n\n\xff two\nthree\n\n")
    assert tail(log, 2) == ["\ufffd two", "three"]
    assert tail(tmp_path / "none.log") == []


def test_free_ports_are_different_and_free() -> None:
    ports = free_ports(8)
    assert len(set(ports)) == 8
    assert all(is_free(port) for port in ports)


def _settings(home: Path, port: int) -> Settings:
    control, ray = free_ports(2)
    return Settings(home=home, port=port, control_port=control, ray_dashboard_port=ray)


def test_a_taken_port_is_refused_with_its_holder_and_a_way_out(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(Problem) as raised:
            check_ports(_settings(tmp_path, port), RunFiles(tmp_path / "run"))
    detail = raised.value.details.detail
    assert f"Port {port}, wanted for the gateway, is taken by process {os.getpid()}" in detail
    assert "VLLM_MANAGER_PORT=" in detail


def test_our_own_running_service_may_hold_its_port(tmp_path: Path) -> None:
    files = RunFiles(tmp_path / "run")
    me = member(os.getpid(), "gateway")
    assert me is not None
    files.write(ServiceRecord(name="gateway", state="running", members=[me]))
    with socket.create_server(("127.0.0.1", 0)) as ours:
        check_ports(_settings(tmp_path, ours.getsockname()[1]), files)
