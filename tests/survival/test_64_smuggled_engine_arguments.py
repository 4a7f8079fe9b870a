"""64. Engine arguments that smuggle trust_remote_code, api_key, middleware or host in."""

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import httpx
import pytest

from support.application import Running, engine_python_in, running_in

pytestmark = pytest.mark.survival

SMUGGLED: list[dict[str, Any]] = [
    {"trust_remote_code": True},
    {"--trust-remote-code": None},
    {"trust-remote-code": "true"},
    {"api_key": ["k"]},
    {"middleware": "evil.Middleware"},
    {"--host": "0.0.0.0"},
    {"host": ""},
    {"max_model_len --trust-remote-code": 1},
    {"max_model_len=1 --host": "x"},
    {"lora_modules": ["a=b", "--trust-remote-code"]},
    {"lora_modules": "--host"},
    {"lora_modules": [{"name": "a", "path": "b", "trust_remote_code": True}]},
    {"hf_overrides": {"trust_remote_code": True}},
    {"hf_overrides": {"a": [{"b": {"trust-remote-code": True}}]}},
    {"hf_overrides": '{"trust\\u005fremote_code": true}'},
    {"speculative_config": {"model": "a/b", "trust_remote_code": True}},
    {"speculative_config": {"draft_load_config": {"load_format": "pt"}}},
    {"kv_transfer_config": {"kv_connector_module_path": "evil"}},
    {"load_format": "auto"},
    {"load_format": "pt"},
    {"config": "/tmp/evil.yaml"},
    {"worker_cls": "evil.Worker"},
    {"tokenizer": "a --trust-remote-code --middleware evil trust_remote_code"},
]


@pytest.fixture
async def running(tmp_path: Path) -> AsyncGenerator[Running]:
    """The API with the engine's real argument list, and a Ray that is not there."""
    async with running_in(tmp_path, engine_python=engine_python_in(tmp_path)) as running:
        yield running


async def post(running: Running, **fields: Any) -> httpx.Response:
    spec = {"name": "demo", "model": "demo", **fields}
    return await running.client.post("/api/v1/deployments", json=spec, headers=running.bearer)


async def test_64_every_way_is_refused_by_its_field_and_nothing_is_made(running: Running) -> None:
    for arguments in SMUGGLED:
        (name,) = arguments
        answer = await post(running, arguments=arguments)
        assert answer.status_code == 422, (arguments, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
        assert [e["field"] for e in answer.json()["errors"]] == [f"arguments.{name}"]
    for revision in ("--trust-remote-code", "-x"):
        answer = await post(running, model="a/b", revision=revision)
        assert [e["field"] for e in answer.json()["errors"]] == ["revision"]
    for model in ("--trust-remote-code", "a/b --host=0.0.0.0", "--host/x"):
        answer = await post(running, model=model)
        assert [e["field"] for e in answer.json()["errors"]] == ["model"]
    listed = await running.client.get("/api/v1/deployments", headers=running.bearer)
    assert listed.json()["items"] == []


async def test_64_a_change_can_smuggle_no_more_than_a_create(running: Running) -> None:
    assert (await post(running, start=False)).status_code == 202
    for arguments in SMUGGLED:
        answer = await running.client.patch(
            "/api/v1/deployments/demo", json={"arguments": arguments}, headers=running.bearer
        )
        assert answer.status_code == 422, arguments
    read = await running.client.get("/api/v1/deployments/demo", headers=running.bearer)
    assert read.json()["spec"]["arguments"] == {}
