"""What the product says of itself."""

import asyncio

import httpx

import vllm_manager
from support.application import Running
from support.serving import serving


async def test_alive_and_version_are_open(control: Running) -> None:
    assert (await control.client.get("/healthz")).json() == {"status": "ok"}
    answer = await control.client.get("/version")
    assert answer.json() == {"version": vllm_manager.__version__}


async def test_ready_once_the_database_answers_and_the_lease_is_known(control: Running) -> None:
    assert (await control.client.get("/readyz")).status_code == 200


async def test_figures_need_a_credential_and_count_requests(control: Running) -> None:
    assert (await control.client.get("/metrics")).status_code == 401
    await control.client.get("/api/v1/operations/op_1", headers=control.bearer)
    await control.client.request("BREW", "/healthz")
    lines = (await control.client.get("/metrics", headers=control.bearer)).text.splitlines()
    requests = [line for line in lines if line.startswith("vllm_manager_api_requests_total{")]
    route = 'method="GET",route="/api/v1/operations/{operation_id}",status="404"'
    assert f"vllm_manager_api_requests_total{{{route}}} 1" in requests
    assert not [line for line in requests if "BREW" in line]
    [resident] = [line for line in lines if line.startswith("vllm_manager_resident_bytes ")]
    assert float(resident.split()[1]) > 1_000_000


async def test_the_system_names_everything_that_takes_part(control: Running) -> None:
    async with (
        asyncio.timeout(90),
        serving(control.app) as url,
        httpx.AsyncClient(base_url=url) as gateway,
    ):
        while control.app.state.publisher.version == 0:  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(0.01)
        headers = {**control.token("internal_token"), "x-gateway-worker": "4711"}
        async with gateway.stream(
            "GET", "/internal/v1/gateway/snapshots", headers=headers
        ) as stream:
            lines = stream.aiter_lines()
            await anext(lines)
            answer = await control.client.get("/api/v1/system", headers=control.bearer)
    system = answer.json()
    assert system["control_plane"]["is_leader"] is True
    assert system["control_plane"]["resident_bytes"] > 1_000_000
    assert [worker["pid"] for worker in system["gateway"]["workers"]] == [4711]
    assert gateways(await control.client.get("/metrics", headers=control.bearer)) == 0
    assert system["ray"]["state"] == "down"
    assert system["ray"]["message"]


def gateways(answer: httpx.Response) -> float:
    name = "vllm_manager_gateway_workers "
    [line] = [line for line in answer.text.splitlines() if line.startswith(name)]
    return float(line.removeprefix(name))


async def test_a_gateway_is_one_that_speaks(control: Running) -> None:
    said: dict[str, object] = {"worker": "wrk_1", "pid": 4711}
    said |= {part: [] for part in ("under_way", "ended", "sums")}
    told = await control.client.post(
        "/internal/v1/gateway/requests", json=said, headers=control.token("internal_token")
    )
    assert told.status_code == 200
    assert gateways(await control.client.get("/metrics", headers=control.bearer)) == 1


async def test_the_nodes_are_unknown_without_ray(control: Running) -> None:
    answer = await control.client.get("/api/v1/nodes", headers=control.bearer)
    assert answer.status_code == 503
    assert answer.json()["code"] == "ray_unavailable"
    assert answer.headers["retry-after"] == "5"
