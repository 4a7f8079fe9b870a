"""The local Ray under the steward: its parts killed one by one, and all of it stopped."""

import os
import signal
from collections.abc import Generator
from pathlib import Path

import httpx
import psutil
import pytest

from support.product import Product, product
from support.ray_cluster import wait_until
from vllm_manager.cli.runner.ray_command import MARK

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Generator[Product]:
    settings = {"VLLM_MANAGER_DEMO": "false", "VLLM_MANAGER_WARM_SPARES": "0"}
    with product(tmp_path_factory.mktemp("product") / "home", **settings) as made:
        made.up()
        yield made


def ask_ray(running: Product, token: str | None) -> int:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    address = f"http://127.0.0.1:{running.ray_port}/api/serve/applications/"
    try:
        return httpx.get(address, headers=headers, timeout=5, trust_env=False).status_code
    except httpx.HTTPError:
        return 0


def token_of(running: Product) -> str:
    return (running.home / "secrets" / "ray_token").read_text().strip()


def marked(folder: str) -> list[int]:
    """Return the processes that were started with this Ray's folder in their environment."""
    found: list[int] = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == folder and process.status() != "zombie":
                found.append(process.pid)
        except psutil.Error:
            continue
    return found


def kill_and_wait(running: Product, role: str) -> None:
    old = running.member("ray", role)
    os.kill(old.pid, signal.SIGKILL)
    running.wait_until_runs_anew("ray", old, within_seconds=120)
    wait_until(lambda: ask_ray(running, token_of(running)) == 200, 60, "Ray answers")


def test_ray_answers_with_its_token_only(running: Product) -> None:
    assert ask_ray(running, token_of(running)) == 200
    assert ask_ray(running, None) == 401


@pytest.mark.parametrize("role", ["dashboard", "monitor", "log-monitor"])
def test_a_killed_side_process_comes_back_alone(running: Product, role: str) -> None:
    heads = [running.member("ray", "gcs_server"), running.member("ray", "raylet")]
    kill_and_wait(running, role)
    assert [running.member("ray", "gcs_server"), running.member("ray", "raylet")] == heads


@pytest.mark.parametrize("role", ["raylet", "gcs_server"])
def test_a_killed_head_brings_all_of_ray_back(running: Product, role: str) -> None:
    folder = running.record("ray").folder
    kill_and_wait(running, role)
    assert running.record("ray").folder != folder
    assert folder is not None
    assert marked(folder) == []
    assert not Path(folder).exists()


def test_a_steward_killed_while_ray_runs_leaves_it_alone(running: Product) -> None:
    head = running.member("ray", "gcs_server")
    old = running.member("steward")
    os.kill(old.pid, signal.SIGKILL)
    running.wait_until_runs_anew("steward", old)
    assert running.member("ray", "gcs_server") == head


def test_down_leaves_no_process_and_no_folder(running: Product) -> None:
    folder = running.record("ray").folder
    assert folder is not None
    assert marked(folder) != []
    assert running.cli("down").returncode == 0
    assert marked(folder) == []
    assert not Path(folder).exists()
