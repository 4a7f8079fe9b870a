"""Engines as targets: where Prometheus finds them, and how their metrics are fetched for it."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from support.http_server import Exchange
from support.upstream import FakeEngine
from vllm_manager.deployments import Route, RouteEndpoint
from vllm_manager.kit.errors import Problem
from vllm_manager.monitoring.prometheus import EngineMetrics
from vllm_manager.monitoring.prometheus.relay import MOST_BYTES
from vllm_manager.monitoring.prometheus.targets import target_groups


def route(deployment: str, *endpoints: dict[str, str]) -> Route:
    return Route(
        deployment=deployment,
        created=0,
        phase="ready",
        reason=None,
        retry_after_seconds=5,
        max_concurrent_requests=None,
        max_queued_requests=0,
        queue_wait_seconds=30,
        adapters=[],
        endpoints=[RouteEndpoint(**endpoint) for endpoint in endpoints],
    )


def endpoint(replica: str) -> dict[str, str]:
    return {"replica_id": replica, "url": "http://10.0.0.7:31337", "secret": "engine-secret"}


def test_an_engine_is_found_where_its_list_was_asked_for() -> None:
    routes = [route("a", endpoint("r1"), endpoint("r2")), route("b"), route("c", endpoint("r#3"))]
    groups = target_groups(routes, "https", "models.example:8443")
    assert {tuple(group.targets) for group in groups} == {("models.example:8443",)}
    assert [group.labels["instance"] for group in groups] == ["a/r1", "a/r2", "c/r#3"]
    assert groups[0].labels == {
        "__scheme__": "https",
        "__metrics_path__": "/api/v1/prometheus/engines/a/r1/metrics",
        "instance": "a/r1",
        "deployment": "a",
        "replica": "r1",
    }
    assert groups[2].labels["__metrics_path__"].endswith("/engines/c/r%233/metrics")


def test_neither_the_engine_s_address_nor_its_secret_is_told() -> None:
    told = str(target_groups([route("a", endpoint("r1"))], "http", "models.example"))
    assert "31337" not in told
    assert "engine-secret" not in told


@pytest.mark.parametrize(
    ("scheme", "host", "target"),
    [
        ("http", "models.example", "models.example:80"),
        ("https", "models.example", "models.example:443"),
        ("http", "[::1]:8800", "[::1]:8800"),
        ("http", "[fd00::1]", "[fd00::1]:80"),
    ],
)
def test_a_target_always_names_its_port(scheme: str, host: str, target: str) -> None:
    (group,) = target_groups([route("a", endpoint("r1"))], scheme, host)
    assert group.targets == [target]


@pytest.fixture
async def engine() -> AsyncGenerator[FakeEngine]:
    async with FakeEngine() as engine:
        yield engine


def metrics_of(engine: FakeEngine, **more: Any) -> EngineMetrics:
    return EngineMetrics(lambda: [route("a", engine.endpoint("r1"))], **more)


async def refused(metrics: EngineMetrics, replica: str = "r1") -> Problem:
    with pytest.raises(Problem) as caught:
        await metrics.fetch("a", replica)
    await metrics.close()
    return caught.value


async def test_an_engine_s_own_words_are_passed_on(engine: FakeEngine) -> None:
    async def tell(exchange: Exchange) -> None:
        assert (exchange.method, exchange.path) == ("GET", "/metrics")
        assert exchange.headers["x-engine-secret"] == "engine-secret"
        exchange.reply(200, b"vllm:x 1\n", content_type="text/plain; version=0.0.4")

    engine.handler = tell
    metrics = metrics_of(engine)
    assert await metrics.fetch("a", "r1") == (b"vllm:x 1\n", "text/plain; version=0.0.4")
    await metrics.close()


async def test_a_replica_that_is_not_ready_is_not_asked(engine: FakeEngine) -> None:
    problem = await refused(metrics_of(engine), "r2")
    assert (problem.code, problem.details.status) == ("replica_not_found", 404)
    assert engine.exchanges == []


async def test_while_too_little_is_known_nothing_is_listed() -> None:
    metrics = EngineMetrics(lambda: None)
    with pytest.raises(Problem) as caught:
        metrics.routes()
    assert (caught.value.code, caught.value.details.status) == ("not_ready", 503)
    await metrics.close()


async def test_an_engine_that_is_silent_is_given_up_in_time(engine: FakeEngine) -> None:
    async def wait(exchange: Exchange) -> None:
        await exchange.gone.wait()

    engine.handler = wait
    problem = await refused(metrics_of(engine, within_seconds=0.05))
    assert (problem.code, problem.details.status) == ("metrics_unreachable", 502)
    for exchange in engine.exchanges:  # none, where it was given up before it had come
        await asyncio.wait_for(exchange.gone.wait(), 10)


async def test_an_engine_that_answers_with_an_error_or_is_gone_is_told(engine: FakeEngine) -> None:
    async def fail(exchange: Exchange) -> None:
        exchange.reply(500, b"")

    engine.handler = fail
    assert "it answered 500" in (await refused(metrics_of(engine))).details.detail
    await engine.kill()
    assert (await refused(metrics_of(engine))).code == "metrics_unreachable"


async def test_an_answer_without_end_is_cut_off(engine: FakeEngine) -> None:
    async def flood(exchange: Exchange) -> None:
        exchange.start()
        while not exchange.gone.is_set():
            await exchange.chunk(b"x" * 65536)
            await asyncio.sleep(0)

    engine.handler = flood
    assert str(MOST_BYTES) in (await refused(metrics_of(engine))).details.detail
