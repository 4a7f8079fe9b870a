"""The API of deployments: what it answers, and how it refuses bad input before anything starts."""

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import httpx
import pytest

from support.application import Running, engine_python_in, running_in

pytestmark = pytest.mark.integration

PATH = "/api/v1/deployments"


@pytest.fixture
async def control(tmp_path: Path) -> AsyncGenerator[Running]:
    settings: dict[str, Any] = {
        "engine_python": engine_python_in(tmp_path),
        "fake_engine": True,
        "ray_address": None,
        "ray_dashboard_port": 9,
    }
    async with running_in(tmp_path, **settings) as running:
        yield running


async def send(control: Running, method: str, path: str, body: Any = None) -> httpx.Response:
    return await control.client.request(method, PATH + path, json=body, headers=control.bearer)


async def create(control: Running, name: str = "demo", **fields: Any) -> httpx.Response:
    spec = {"name": name, "model": "demo", "start": False, **fields}
    return await send(control, "POST", "", spec)


def fields_of(answer: httpx.Response) -> list[str]:
    """Return the fields that a refusal names."""
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["request_id"]
    assert all(error["message"].endswith((".", "?")) for error in problem["errors"]), problem
    return [error["field"] for error in problem["errors"]]


async def test_a_deployment_is_created_and_read(control: Running) -> None:
    accepted = (await create(control)).json()
    assert accepted["operation"]["status"] == "succeeded"
    read = await send(control, "GET", "/demo")
    assert read.status_code == 200
    assert read.json()["phase"] == "stopped"
    assert read.json()["spec"]["resources"] == {
        "cpus": 1.0,
        "gpus": None,
        "tensor_parallel_size": 1,
        "pipeline_parallel_size": 1,
    }


@pytest.mark.parametrize(
    "name",
    [
        *("", "Demo", "a_b", "-a", "a-", "a b", "a.b", "ä", "а", "x" * 64, "a\n", "../a", "a/b"),
        *("<b>", "a%20b", None, 7, ["a"]),
    ],
)
async def test_a_bad_name_is_refused(control: Running, name: Any) -> None:
    assert fields_of(await create(control, name)) == ["name"]


@pytest.mark.parametrize("name", ["a", "7", "a-b", "x" * 63])
async def test_a_good_name_is_accepted(control: Running, name: str) -> None:
    assert (await create(control, name)).status_code == 202


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"modle": "x"}, "modle"),
    ({"resources": {"cpu": 1}}, "resources.cpu"),
    ({"resources": {"cpus": -1}}, "resources.cpus"),
    ({"resources": {"cpus": 0}}, "resources.cpus"),
    ({"resources": {"cpus": 1e9}}, "resources.cpus"),
    ({"resources": {"gpus": -1}}, "resources.gpus"),
    ({"resources": {"gpus": 1000}}, "resources.gpus"),
    ({"resources": {"gpus": 0.5}}, "resources.gpus"),
    ({"resources": {"tensor_parallel_size": 0}}, "resources.tensor_parallel_size"),
    ({"resources": {"pipeline_parallel_size": 65}}, "resources.pipeline_parallel_size"),
    ({"resources": {"gpus": 3, "tensor_parallel_size": 2}}, "resources.gpus"),
    ({"resources": None}, "resources"),
    ({"replicas": 0}, "replicas"),
    ({"replicas": -3}, "replicas"),
    ({"replicas": 10**9}, "replicas"),
    ({"replicas": 1.5}, "replicas"),
    ({"max_concurrent_requests": 0}, "max_concurrent_requests"),
    ({"max_concurrent_requests": 10**9}, "max_concurrent_requests"),
    ({"max_queued_requests": -1}, "max_queued_requests"),
    ({"queue_wait_seconds": 0}, "queue_wait_seconds"),
    ({"engine": "other"}, "engine"),
    ({"model": ""}, "model"),
    ({"model": None}, "model"),
    ({"model": "/no/such/folder"}, "model"),
    ({"model": "../demo"}, "model"),
    ({"model": "x" * 513}, "model"),
    ({"revision": "-x"}, "revision"),
    ({"environment": {"LD_PRELOAD": "x"}}, "environment.LD_PRELOAD"),
    ({"environment": {"A": 1}}, "environment.A"),
    ({"arguments": {"max_model_length": 1}}, "arguments.max_model_length"),
    ({"arguments": {"max_model_len": -5}}, "arguments.max_model_len"),
    ({"arguments": {"gpu_memory_utilization": 50}}, "arguments.gpu_memory_utilization"),
    ({"arguments": {"port": 8000}}, "arguments.port"),
]


@pytest.mark.parametrize(("fields", "named"), WRONG)
async def test_bad_input_is_refused_by_its_field(
    control: Running, fields: dict[str, Any], named: str
) -> None:
    assert fields_of(await create(control, **fields)) == [named]
    assert (await send(control, "GET", "")).json()["items"] == []


async def test_an_unknown_argument_comes_with_the_nearest(control: Running) -> None:
    answer = await create(control, arguments={"max_model_length": 1})
    assert answer.json()["errors"][0]["suggestion"] == "max_model_len"


async def test_a_folder_without_safetensors_is_refused(control: Running, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "pytorch_model.bin").touch()
    answer = await create(control, model=str(folder))
    assert fields_of(answer) == ["model"]
    assert "holds no .safetensors file" in answer.json()["detail"]


async def test_without_the_argument_list_it_is_said_what_to_do(tmp_path: Path) -> None:
    async with running_in(tmp_path, engine_python=tmp_path / "none") as control:
        answer = await create(control, arguments={"max_model_len": 1})
        assert (answer.status_code, answer.json()["code"]) == (503, "engine_arguments_missing")


async def test_a_name_that_is_taken_is_a_409(control: Running) -> None:
    await create(control)
    answer = await create(control)
    assert (answer.status_code, answer.json()["code"]) == (409, "name_taken")


async def test_a_name_that_is_being_deleted_says_to_wait(control: Running) -> None:
    await create(control)
    await send(control, "DELETE", "/demo")
    answer = await create(control)
    assert (answer.status_code, answer.json()["code"]) == (409, "name_being_deleted")
    assert answer.headers["retry-after"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("PATCH", ""),
        ("DELETE", ""),
        *[("POST", f"/{verb}") for verb in ("start", "stop", "restart")],
        *[("GET", f"/{list_}") for list_ in ("logs", "events", "replicas")],
    ],
)
async def test_what_is_not_there_is_a_404_that_names_what_is(
    control: Running, method: str, path: str
) -> None:
    await create(control, "other")
    body = {"replicas": 1} if method == "PATCH" else None
    answer = await send(control, method, f"/demo{path}", body)
    assert (answer.status_code, answer.json()["code"]) == (404, "deployment_not_found")
    assert "Known: other." in answer.json()["detail"]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"model": None}, "model"),
        ({"replicas": None}, "replicas"),
        ({"resources": None}, "resources"),
        ({"arguments": None}, "arguments"),
        ({"environment": None}, "environment"),
        ({"replicas": 0}, "replicas"),
        ({"name": "other"}, "name"),
        ({"start": True}, "start"),
        ({"model": "/no/such/folder"}, "model"),
        ({"arguments": {"host": "x"}}, "arguments.host"),
    ],
)
async def test_a_bad_change_is_refused_by_its_field_and_changes_nothing(
    control: Running, change: dict[str, Any], named: str
) -> None:
    before = (await create(control)).json()["deployment"]["spec"]
    assert fields_of(await send(control, "PATCH", "/demo", change)) == [named]
    assert (await send(control, "GET", "/demo")).json()["spec"] == before


async def test_a_field_that_may_be_nothing_can_be_taken_back(control: Running) -> None:
    await create(control, max_concurrent_requests=5)
    answer = await send(control, "PATCH", "/demo", {"max_concurrent_requests": None})
    assert answer.status_code == 200
    assert answer.json()["spec"]["max_concurrent_requests"] is None


async def test_an_empty_change_changes_nothing(control: Running) -> None:
    before = (await create(control)).json()["deployment"]["spec"]
    assert (await send(control, "PATCH", "/demo", {})).json()["spec"] == before


async def test_pages_cover_every_deployment_once_by_name(control: Running) -> None:
    names = [f"demo-{number:02d}" for number in range(7)]
    for name in reversed(names):
        await create(control, name)
    seen: list[str] = []
    query = "?limit=3"
    while True:
        page = (await send(control, "GET", query)).json()
        seen += [deployment["name"] for deployment in page["items"]]
        if page["next_cursor"] is None:
            break
        query = f"?limit=3&cursor={page['next_cursor']}"
    assert seen == names


async def test_a_list_can_be_of_a_phase_and_a_part_of_the_name(control: Running) -> None:
    for name in ("one", "two", "one-more"):
        await create(control, name)

    async def names(query: str) -> list[str]:
        return [d["name"] for d in (await send(control, "GET", query)).json()["items"]]

    assert await names("?q=one") == ["one", "one-more"]
    assert await names("?phase=stopped&limit=2") == ["one", "one-more"]
    assert await names("?phase=ready") == []
    assert await names("?q=%25") == []
    assert await names("?q=' OR 1=1 --") == []


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("?limit=0", "limit"),
        ("?limit=1001", "limit"),
        ("?limit=x", "limit"),
        ("?cursor=!", "cursor"),
        ("?phase=none", "phase"),
        ("/demo/logs?limit=-1", "limit"),
        ("/demo/logs?before=!", "cursor"),
        ("/demo/logs?attempt=0", "attempt"),
        ("/demo/events?cursor=!", "cursor"),
    ],
)
async def test_a_bad_query_is_refused_by_its_name(control: Running, path: str, named: str) -> None:
    await create(control)
    assert fields_of(await send(control, "GET", path)) == [named]


async def test_what_happened_is_listed_newest_first(control: Running) -> None:
    await create(control)
    await send(control, "PATCH", "/demo", {"replicas": 2})
    events = (await send(control, "GET", "/demo/events")).json()["items"]
    assert [e["message"] for e in events if e["kind"] == "change"] == [
        "Changed: replicas.",
        "Created.",
    ]


REPORT: dict[str, Any] = {
    "deployment": "demo",
    "uid": "dep_x",
    "generation": 1,
    "attempt": 1,
    "replica_id": "r",
    "incarnation": "i",
    "sequence": 1,
    "phase": "ready",
    "phase_seconds": 1.0,
    "idle_seconds": 1.0,
}


async def test_reports_need_the_replicas_token(control: Running) -> None:
    path = "/internal/v1/reports"
    for headers in ({}, control.bearer, control.token("internal_token")):
        answer = await control.client.post(path, json=REPORT, headers=headers)
        assert answer.status_code in (401, 403)
    answer = await control.client.post(path, json=REPORT, headers=control.token("report_token"))
    assert answer.status_code in (200, 410)  # 410 once it is known that nobody has this replica
    answer = await control.client.post(path, json={}, headers=control.token("report_token"))
    assert answer.status_code == 422


async def test_nobody_without_credentials_learns_or_does_anything(control: Running) -> None:
    for method, path in (("GET", ""), ("POST", ""), ("GET", "/demo"), ("DELETE", "/demo")):
        assert (await control.client.request(method, PATH + path)).status_code == 401
