"""`up` and `down` with the real control plane and gateway, and a Ray that is elsewhere."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest

from support.product import NO_RAY, Product, product
from support.ray_cluster import wait_until
from vllm_manager.cli.runner.processes import Member, member
from vllm_manager.cli.runner.records import STEWARD

pytestmark = pytest.mark.product


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Generator[Product]:
    """A product that is up, without a Ray of its own."""
    home = tmp_path_factory.mktemp("product") / "home"
    with product(home, VLLM_MANAGER_RAY_ADDRESS=NO_RAY, VLLM_MANAGER_DEMO="false") as made:
        first = made.up()
        assert f"http://127.0.0.1:{made.port}" in first
        assert "shown once" in first
        yield made


def kill_and_wait(running: Product, service: str) -> None:
    old = running.member(service)
    os.kill(old.pid, signal.SIGKILL)
    running.wait_until_runs_anew(service, old, within_seconds=90)


def test_a_second_up_is_quick_and_does_not_show_the_password(running: Product) -> None:
    steward = running.member(STEWARD)
    again = running.up()
    assert "Password" not in again
    assert "admin.json" in again
    assert running.member(STEWARD) == steward


def test_a_killed_control_plane_is_started_again(running: Product) -> None:
    kill_and_wait(running, "control-plane")
    assert running.record("control-plane").reason == "killed by SIGKILL"


def test_a_killed_gateway_is_started_again(running: Product) -> None:
    kill_and_wait(running, "gateway")


def test_a_killed_steward_is_followed_by_one_that_takes_everything_over(running: Product) -> None:
    services = [running.member("control-plane"), running.member("gateway")]
    kill_and_wait(running, STEWARD)
    assert [running.member("control-plane"), running.member("gateway")] == services


def test_what_the_next_steward_took_over_heals_too(running: Product) -> None:
    kill_and_wait(running, STEWARD)
    kill_and_wait(running, "control-plane")
    kill_and_wait(running, "gateway")


def test_steward_and_control_plane_killed_together_heal_by_the_next_up(running: Product) -> None:
    for service in (STEWARD, "control-plane"):
        os.kill(running.member(service).pid, signal.SIGKILL)
    assert "Control plane" in running.up()


def test_status_names_every_process(running: Product) -> None:
    told = {one["name"]: one for one in running.json("status")["services"]}
    assert set(told) == {STEWARD, "control-plane", "gateway"}
    assert told["gateway"]["port"] == running.port
    assert told["control-plane"]["resident_bytes"] > 10_000_000
    assert told["gateway"]["pid"] == running.member("gateway").pid


def test_up_on_other_ports_says_that_it_runs_already(running: Product) -> None:
    other = {**running.environment, "VLLM_MANAGER_PORT": "18999"}
    elsewhere = Product(running.home, other, 18999, running.control_port, running.ray_port)
    done = elsewhere.cli("up")
    assert done.returncode == 1
    assert f"It runs already, on port {running.port}" in done.stderr


def test_the_secrets_are_private(running: Product) -> None:
    found = list((running.home / "secrets").iterdir())
    assert {"internal_token", "report_token", "admin.json"} <= {path.name for path in found}
    assert {stat.S_IMODE(path.stat().st_mode) for path in found} == {0o600}


def test_no_secret_is_on_a_command_line_or_in_a_log(running: Product) -> None:
    known = json.loads((running.home / "secrets" / "admin.json").read_text())
    secret = [known["password"], known["api_key"]]
    secret += [path.read_text().strip() for path in (running.home / "secrets").glob("*_token")]
    logs = "".join(path.read_text() for path in (running.home / "logs").rglob("*.log"))
    commands = "".join(
        Path(f"/proc/{running.member(name).pid}/cmdline").read_text()
        for name in (STEWARD, "control-plane", "gateway")
    )
    assert [one for one in secret if one in logs + commands] == []


def test_down_ends_every_process_and_a_second_one_has_nothing_to_do(running: Product) -> None:
    ours = [running.member(name) for name in (STEWARD, "control-plane", "gateway")]
    done = running.cli("down")
    assert done.returncode == 0, done.stderr
    assert [one for one in ours if one.is_alive()] == []
    assert "Nothing was running" in running.cli("down").stdout
    assert list((running.home / "run").glob("*-plane.json")) == []


def test_a_taken_port_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with (
        product(tmp_path / "home", VLLM_MANAGER_RAY_ADDRESS=NO_RAY) as made,
        socket.create_server(("127.0.0.1", made.port)),
    ):
        done = made.cli("up")
        assert done.returncode == 1
        assert f"is taken by process {os.getpid()}" in done.stderr
        assert "VLLM_MANAGER_PORT=" in done.stderr
        assert made.files.wanted() is None


def _gone(members: list[Member]) -> bool:
    return not any(one.is_alive() for one in members)


def test_up_in_the_foreground_stops_everything_when_it_is_told_to(tmp_path: Path) -> None:
    with product(
        tmp_path / "home", VLLM_MANAGER_RAY_ADDRESS=NO_RAY, VLLM_MANAGER_DEMO="false"
    ) as made:
        command = [sys.executable, "-m", "vllm_manager.cli", "up", "--foreground"]
        process = subprocess.Popen(command, env=made.environment)
        try:
            wait_until(lambda: _runs(made), 60, "both run")
            ours = [made.member("control-plane"), made.member("gateway")]
            process.terminate()
            assert process.wait(60) == 0
        finally:
            process.kill()
            process.wait()
        assert _gone(ours)


def _runs(made: Product) -> bool:
    records = [made.files.service(name) for name in ("control-plane", "gateway")]
    return all(record is not None and record.state == "running" for record in records)


def test_a_service_that_keeps_crashing_is_shown_with_the_end_of_its_log(tmp_path: Path) -> None:
    settings = {"VLLM_MANAGER_RAY_ADDRESS": NO_RAY, "VLLM_MANAGER_DEMO": "false"}
    broken = "sqlite+aiosqlite:////proc/no/folder/db"
    with product(tmp_path / "home", VLLM_MANAGER_DATABASE_URL=broken, **settings) as made:
        done = made.cli("up")
        assert done.returncode == 1
        assert "Control plane does not start" in done.stderr
        told = made.cli("status")
        assert told.returncode == 1
        assert "waiting" in told.stdout
        assert member(made.member(STEWARD).pid, STEWARD) is not None
