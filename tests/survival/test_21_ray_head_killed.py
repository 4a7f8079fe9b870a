"""21. Ray head killed: Ray is restarted and the desired state applied again."""

import os
import signal
from pathlib import Path

import pytest

from support.api import Api
from support.product import product
from support.ray_cluster import wait_until
from support.server import family, is_alive

pytestmark = [pytest.mark.survival, pytest.mark.engine, pytest.mark.product]


def test_21_everything_runs_again_and_nothing_of_the_old_is_left(tmp_path: Path) -> None:
    settings = {
        "VLLM_MANAGER_DEMO": "false",
        "VLLM_MANAGER_FAKE_ENGINE": "true",
        "VLLM_MANAGER_WARM_SPARES": "0",
    }
    with product(tmp_path / "home", **settings) as made:
        made.up()
        api = Api(f"http://127.0.0.1:{made.port}", made.home)
        api.log_in()
        for name in ("one", "two"):
            api.deploy(name)
        for name in ("one", "two"):
            api.wait_for(name, "ready", within_seconds=120)
        api.deploy("stays-stopped", start=False)
        old = {pid for name in ("one", "two") for pid in family(api.replica(name)["engine_pid"])}

        head = made.member("ray", "gcs_server")
        os.kill(head.pid, signal.SIGKILL)
        made.wait_until_runs_anew("ray", head, within_seconds=120)
        wait_until(lambda: not any(map(is_alive, old)), 60, "the end of the old engines")
        for name in ("one", "two"):
            api.wait_for(name, "ready", within_seconds=120)
            assert is_alive(api.replica(name)["engine_pid"])
            assert api.ask(f"/deployments/{name}")["generation"] == 1
        assert api.ask("/deployments/stays-stopped")["phase"] == "stopped"
        answer = api.client.post(
            "/v1/chat/completions",
            json={"model": "one", "messages": [{"role": "user", "content": "Hello"}]},
        )
        assert answer.status_code == 200, answer.text
        api.client.close()
