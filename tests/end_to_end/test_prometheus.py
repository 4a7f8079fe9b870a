"""Prometheus set up as its task page says, against a whole product: every target is up."""

from pathlib import Path

import pytest

from support.api import Api
from support.dashboards import queries
from support.product import product
from support.prometheus import configuration, prometheus

pytestmark = pytest.mark.product

FAKE_ENGINES = {
    "VLLM_MANAGER_FAKE_ENGINE": "1",
    "VLLM_MANAGER_WARM_SPARES": "0",
    "VLLM_MANAGER_DEMO": "0",
}


def test_a_viewer_s_key_is_enough_to_see_every_target_up(tmp_path: Path) -> None:
    with product(tmp_path / "home", **FAKE_ENGINES) as made:
        made.up()
        api = Api(f"http://127.0.0.1:{made.port}", made.home)
        api.log_in()
        api.deploy("demo", replicas=2)
        assert (
            made.cli("users", "create", "prometheus", "--service", "--role", "viewer").returncode
            == 0
        )
        key = made.cli("keys", "create", "prometheus", "--owner", "prometheus").stdout.strip()
        api.wait_for("demo", "ready")
        question = {"model": "demo", "messages": [{"role": "user", "content": "Hello"}]}
        assert api.client.post("/v1/chat/completions", json=question).status_code == 200
        file = configuration(tmp_path / "prometheus", f"127.0.0.1:{made.port}", key, seconds=0.5)
        with prometheus(file) as watching:
            watching.wait_until_ready()
            targets = watching.wait_for_targets(3)
            assert sorted(target["labels"]["job"] for target in targets) == [
                "vllm-engines",
                "vllm-engines",
                "vllm-manager",
            ]
            watching.wait_for('vllm_manager_deployment_replicas_ready{deployment="demo"} == 2')
            watching.wait_for('sum(vllm:generation_tokens_total{deployment="demo"}) > 0')
            values = {"deployment": "demo", "node": ".*", "__rate_interval": "5s"}
            for asked in queries(values):
                watching.query(asked.expression)  # none of them is an error
        api.client.close()
