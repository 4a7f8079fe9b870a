"""Adapters: listed beside their model, answered by its engines, within its bounds."""

import json
from typing import Any

import pytest

from support.control_plane import KEY, model, sha256, snapshot
from support.gateway import AUTHORIZATION, Rig
from support.upstream import Held
from vllm_manager.gateway.directory import Directory
from vllm_manager.gateway.snapshot import decode

pytestmark = pytest.mark.integration

ENDPOINT = {"replica_id": "r1", "url": "http://127.0.0.1:9000", "secret": "s"}


def directory_of(**models: dict[str, Any]) -> Directory:
    directory = Directory()
    directory.update(
        decode(json.dumps({"version": 1, "epoch": "one", **snapshot(models)}).encode())
    )
    return directory


def test_an_adapter_is_filed_beside_its_model_with_the_same_endpoints() -> None:
    directory = directory_of(demo=model(ENDPOINT, adapters=["sql", "law"]))
    assert list(directory.models) == ["demo", "sql", "law"]
    assert directory.models["sql"].endpoints[0] is directory.models["demo"].endpoints[0]
    assert [m.is_adapter for m in directory.models.values()] == [False, True, True]


def test_a_model_s_own_name_goes_before_another_s_adapter() -> None:
    directory = directory_of(
        demo=model(ENDPOINT, adapters=["code", "sql"]), code=model(), other=model(adapters=["sql"])
    )
    assert directory.models["code"].base == "code"
    assert directory.models["sql"].base == "demo"


def test_an_adapter_of_a_model_at_rest_is_not_listed() -> None:
    directory = directory_of(demo=model(phase="stopped", adapters=["sql"]))
    assert json.loads(directory.listing(None))["data"] == []


def test_a_snapshot_without_adapters_is_understood() -> None:
    assert list(directory_of(demo=model(ENDPOINT)).models) == ["demo"]


@pytest.mark.parametrize(
    ("allowed", "names"),
    [(["demo"], ["demo", "sql"]), (["sql"], ["sql"]), (["code"], ["code"]), ([], [])],
)
def test_who_may_use_a_model_may_use_its_adapters(allowed: list[str], names: list[str]) -> None:
    directory = directory_of(demo=model(ENDPOINT, adapters=["sql"]), code=model(ENDPOINT))
    listed = [entry["id"] for entry in json.loads(directory.listing(allowed))["data"]]
    assert sorted(listed) == sorted(names) == sorted(directory.names(allowed))


@pytest.mark.asyncio(loop_scope="module")
async def test_a_request_for_an_adapter_reaches_the_engine_as_it_is(one: Rig) -> None:
    await one.publish(adapters=["sql"])
    known = len(one.control.records)
    response = await one.gateway.chat(model="sql")
    assert response.status_code == 200
    assert one.engine.exchanges[0].json["model"] == "sql"
    listed = await one.gateway.client.get("/v1/models/sql", headers=AUTHORIZATION)
    assert (listed.json()["id"], listed.json()["parent"]) == ("sql", "demo")
    record = (await one.control.wait_for_records(known + 1))[-1]
    assert (record["model"], record["base"]) == ("sql", "demo")


@pytest.mark.asyncio(loop_scope="module")
async def test_an_adapter_shares_the_bound_of_its_model(one: Rig) -> None:
    await one.publish(adapters=["sql"], max_concurrent_requests=1)
    one.engine.handler = held = Held(chunks_first=1)
    body = {"model": "demo", "stream": True}
    async with one.gateway.client.stream(
        "POST", "/v1/chat/completions", json=body, headers=AUTHORIZATION
    ) as response:
        words = response.aiter_bytes()  # kept: the connection ends with it
        await anext(words)
        refused = await one.gateway.chat(model="sql")
        held.go_on.set()
    assert refused.status_code == 429
    assert refused.json()["error"]["code"] == "concurrency_limit"


@pytest.mark.asyncio(loop_scope="module")
async def test_a_key_for_another_model_does_not_open_an_adapter(one: Rig) -> None:
    key = {"id": "k", "user": "u", "name": "", "expires_at": None, "models": ["other"]}
    content = snapshot({"demo": one.entry(adapters=["sql"])})
    await one.gateway.publish(one.control, {**content, "keys": {sha256(KEY): key}})
    response = await one.gateway.chat(model="sql")
    assert response.status_code == 404
    assert response.json()["error"]["code"] == "model_not_found"
