"""Real vLLM with a LoRA adapter, asked through a real gateway by the adapter's name."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.adapters import write_adapter
from support.control_plane import model, snapshot
from support.gateway import AUTHORIZATION, rig
from support.ray_cluster import RayCluster
from support.serve import Deployed, Report

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def ready(ray: RayCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Report]:
    adapter = write_adapter(tmp_path_factory.mktemp("adapters") / "sql")
    arguments = ["--enable-lora", "--lora-modules", f"sql={adapter}", "--max-model-len", "256"]
    with Deployed(
        ray,
        "adapted",
        engine="vllm",
        cpus=1.0,
        arguments=arguments,
        start_deadline_seconds=500,
        idle_deadline_seconds=300,
    ) as deployed:
        yield deployed.wait_report(lambda r: r["phase"] in ("ready", "failed"), 550)


async def test_an_adapter_is_listed_and_answers_by_its_name(ready: Report, tmp_path: Path) -> None:
    assert ready["phase"] == "ready", ready["failure"]
    endpoint = {k: ready[k] for k in ("replica_id", "secret")} | {"url": ready["endpoint"]}
    entry = model(endpoint, deployment="adapted", adapters=["sql"])
    async with rig(tmp_path) as made:
        await made.gateway.publish(made.control, snapshot({"adapted": entry}))
        client = made.gateway.client
        listed = (await client.get("/v1/models", headers=AUTHORIZATION)).json()["data"]
        answers: dict[str, Any] = {}
        for name in ("adapted", "sql"):
            body = {"model": name, "prompt": "Hello", "max_tokens": 16, "temperature": 0}
            answer = await client.post("/v1/completions", json=body, headers=AUTHORIZATION)
            assert answer.status_code == 200, answer.text
            answers[name] = answer.json()
    assert [(one["id"], one.get("parent")) for one in listed] == [
        ("adapted", None),
        ("sql", "adapted"),
    ]
    assert answers["sql"]["model"] == "sql"
    assert answers["sql"]["choices"][0]["text"] != answers["adapted"]["choices"][0]["text"]
