"""The client of Ray's REST API: what it sends, and what it says when Ray does not answer well."""

import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from support.http_server import Exchange, HttpServer
from vllm_manager.cluster import Cluster, RayRest, RayUnavailableError
from vllm_manager.kit.errors import Problem

NODE: dict[str, Any] = {
    "node_id": "abc",
    "node_ip": "127.0.0.1",
    "node_name": "127.0.0.1",
    "is_head_node": True,
    "state": "ALIVE",
    "state_message": None,
    "resources_total": {"CPU": 8.0, "memory": 1e9, "node:127.0.0.1": 1.0},
}
Call = Callable[[RayRest], Awaitable[Any]]
CALLS: list[Call] = [
    RayRest.applications,
    RayRest.nodes,
    RayRest.version,
    lambda ray: ray.put_applications({}),
]


class Head(HttpServer):
    """Stands in for Ray's dashboard: one answer for everything."""

    def __init__(self) -> None:
        super().__init__(self._answer)
        self.status, self.body = 200, b"{}"

    async def _answer(self, exchange: Exchange) -> None:
        exchange.reply(self.status, self.body, content_type="application/json")


@pytest.fixture
async def head() -> AsyncGenerator[Head]:
    async with Head() as head:
        yield head


@pytest.fixture
async def ray(head: Head, tmp_path: Path) -> AsyncGenerator[RayRest]:
    (tmp_path / "token").write_text("ray-token\n")
    ray = RayRest(head.url + "/", tmp_path / "token")
    yield ray
    await ray.close()


async def test_the_whole_set_is_put_with_the_token(head: Head, ray: RayRest):
    await ray.put_applications({"applications": []})
    sent = head.exchanges[0]
    assert (sent.method, sent.path) == ("PUT", "/api/serve/applications/")
    assert sent.headers["authorization"] == "Bearer ray-token"
    assert sent.json == {"applications": []}


async def test_a_token_that_changes_is_read_anew(head: Head, ray: RayRest, tmp_path: Path):
    head.body = b'{"ray_version": "2.60.0"}'
    assert await ray.version() == "2.60.0"
    (tmp_path / "token").write_text("another")
    await ray.version()
    assert head.exchanges[1].headers["authorization"] == "Bearer another"


async def test_without_a_token_file_none_is_sent(head: Head, ray: RayRest, tmp_path: Path):
    (tmp_path / "token").unlink()
    await ray.applications()
    assert "authorization" not in head.exchanges[0].headers


@pytest.mark.parametrize("call", CALLS)
async def test_a_token_that_cant_be_read_is_said(ray: RayRest, tmp_path: Path, call: Call):
    (tmp_path / "token").write_bytes(b"\xff\xfe")
    with pytest.raises(RayUnavailableError, match="token can't be read from"):
        await call(ray)


@pytest.mark.parametrize("call", CALLS)
async def test_a_refused_token_names_its_file(head: Head, ray: RayRest, call: Call):
    head.status = 401
    with pytest.raises(RayUnavailableError, match="VLLM_MANAGER_RAY_TOKEN_PATH"):
        await call(ray)


@pytest.mark.parametrize("call", CALLS)
async def test_a_head_that_is_gone_is_named(head: Head, ray: RayRest, call: Call):
    await head.kill()
    with pytest.raises(RayUnavailableError, match=f"{head.url} can't be reached"):
        await call(ray)


@pytest.mark.parametrize("call", CALLS)
async def test_an_error_is_passed_on_by_its_last_line(head: Head, ray: RayRest, call: Call):
    head.status, head.body = 500, b"Traceback\n  line\nValueError: no\n"
    with pytest.raises(RayUnavailableError, match="answered 500: ValueError: no"):
        await call(ray)


@pytest.mark.parametrize("body", [b"<html>", b"", b"[]", b"null"])
@pytest.mark.parametrize("call", CALLS[:3])
async def test_an_answer_that_is_not_rays_is_said(
    head: Head, ray: RayRest, call: Call, body: bytes
):
    head.body = body
    with pytest.raises(RayUnavailableError, match="is not Ray's"):
        await call(ray)


@pytest.mark.parametrize("call", CALLS[1:3])
async def test_an_answer_that_lacks_what_was_asked_for_is_said(ray: RayRest, call: Call):
    with pytest.raises(RayUnavailableError, match="is not Ray's"):
        await call(ray)


def nodes(*nodes: dict[str, Any]) -> bytes:
    return json.dumps({"data": {"result": {"result": list(nodes)}}}).encode()


async def test_nodes_are_told_with_what_they_offer(head: Head, ray: RayRest):
    head.body = nodes(NODE, {**NODE, "node_id": "gpu", "resources_total": {"CPU": 4, "GPU": 2}})
    first, second = await Cluster(ray).nodes()
    assert (first.id, first.state, first.cpus, first.gpus) == ("abc", "alive", 8.0, 0.0)
    assert (first.hostname, first.memory_bytes, first.is_head) == (None, 10**9, True)
    assert (second.gpus, second.memory_bytes) == (2, None)


async def test_of_a_dead_node_the_resources_are_not_known(head: Head, ray: RayRest):
    head.body = nodes({**NODE, "state": "DEAD", "state_message": "lost", "resources_total": {}})
    (node,) = await Cluster(ray).nodes()
    assert (node.state, node.state_message, node.cpus, node.gpus) == ("dead", "lost", None, None)


async def test_the_most_gpus_are_those_of_one_living_node(head: Head, ray: RayRest):
    dead = {**NODE, "resources_total": {"GPU": 8.0}, "state": "DEAD"}
    head.body = nodes(dead)
    assert await Cluster(ray).most_gpus() == 0
    head.body = nodes(dead, *({**NODE, "resources_total": {"GPU": n}} for n in (1.0, 2.0)))
    assert await Cluster(ray).most_gpus() == 2


async def test_nodes_of_a_head_that_is_gone_are_a_503_with_the_reason(head: Head, ray: RayRest):
    await head.kill()
    cluster = Cluster(ray)
    assert await cluster.nodes_if_known() is None
    with pytest.raises(Problem) as caught:
        await cluster.nodes()
    assert caught.value.details.status == 503
    assert "can't be reached" in caught.value.details.detail
    status = await cluster.status()
    assert (status.state, status.version) == ("down", None)


async def test_a_head_that_answers_is_up(head: Head, ray: RayRest):
    head.body = b'{"ray_version": "2.60.0"}'
    status = await Cluster(ray).status()
    assert (status.state, status.version, status.message) == ("up", "2.60.0", None)
