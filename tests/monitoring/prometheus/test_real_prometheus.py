"""A real Prometheus with the shipped configuration, and a product that measures everything."""

import asyncio
import dataclasses
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from support.application import Running, running_in
from support.dashboards import queries, variable_queries
from support.http_server import Exchange
from support.measured import fill
from support.prometheus import Prometheus, configuration, prometheus, promtool
from support.serving import serving
from support.upstream import FakeEngine
from vllm_manager.cluster.warmers import Spare, WarmerNode, WarmerReport
from vllm_manager.deployments import Route, RouteEndpoint, Standing
from vllm_manager.monitoring.prometheus import EngineMetrics

pytestmark = pytest.mark.product  # of the set-up for tests with whole processes

SECONDS = 0.5
VLLM = Path(__file__).parents[2] / "fixtures" / "vllm_metrics.txt"
QUIET = {("overview", "Alerts")}
"""Panels that are empty while all is well."""


@asynccontextmanager
async def measured(home: Path) -> AsyncGenerator[tuple[Running, str]]:
    """Yield the application and its address; all that can be measured is, and its counters grow."""

    async def tell(exchange: Exchange) -> None:
        assert exchange.headers["x-engine-secret"] == "engine-secret"
        exchange.reply(200, VLLM.read_bytes(), content_type="text/plain; version=0.0.4")

    async with running_in(home) as control, FakeEngine() as engine, serving(control.app) as url:
        engine.handler = tell
        _deploy_one(control, engine)
        task = control.app.state.measuring = asyncio.create_task(_keep_measuring(control))
        yield control, url
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _deploy_one(control: Running, engine: FakeEngine) -> None:
    state = control.app.state
    endpoint = RouteEndpoint(**engine.endpoint("r1"))
    route = Route(
        deployment="demo", created=0, phase="ready", reason=None, retry_after_seconds=5,
        max_concurrent_requests=None,
        max_queued_requests=0,
        queue_wait_seconds=30, adapters=[], endpoints=[endpoint],
    )  # fmt: skip
    state.engine_metrics = EngineMetrics(lambda: [route])
    standings = [Standing("demo", "ready", 1, 1), Standing("broken", "failed", 1, 0)]
    state.facts = dataclasses.replace(state.facts, standings=lambda: standings)
    state.facts.starts.add("warm", [("loading", 2.5)])
    spare = Spare(pid=1, state="ready", resident_bytes=5)
    node = WarmerNode(id="n", hostname="node-00.cluster.example")
    state.warmers.post(WarmerReport(node=node, spares=[spare]))


async def _keep_measuring(control: Running) -> None:
    began = time.monotonic()
    while True:
        grown = 1 + time.monotonic() - began
        fill(control.app.state.board, nodes=2, gpus_each=2, replicas=3, name="demo", grown=grown)
        await asyncio.sleep(SECONDS / 2)


@asynccontextmanager
async def watched(folder: Path) -> AsyncGenerator[tuple[Running, Prometheus]]:
    """Yield a product that measures everything, and the Prometheus that scrapes it."""
    async with measured(folder) as (control, url):
        address = urlsplit(url).netloc
        file = configuration(folder / "prometheus", address, control.api_key, seconds=SECONDS)
        with prometheus(file) as made:
            await asyncio.to_thread(made.wait_until_ready)
            yield control, made


async def test_every_query_of_every_dashboard_gives_an_answer(tmp_path: Path) -> None:
    values = {"deployment": "demo", "node": ".*", "__rate_interval": "4s"}
    slowest = (
        "deployment:vllm_manager_engine_prefix_cache_hits:ratio5m",
        "deployment:vllm_manager_engine_ttft_seconds:p95_5m",
        "node_purpose:vllm_manager_disk_free:ratio",
        "rate(vllm:request_success_total[4s])",
    )
    async with watched(tmp_path) as (_, made):
        for expression in slowest:
            await asyncio.to_thread(made.wait_for, expression)
        empty = [
            asked
            for asked in queries(values)
            if not await asyncio.to_thread(made.query, asked.expression)
            and (asked.dashboard, asked.panel) not in QUIET
        ]
        assert empty == []
        for metric, label in variable_queries():
            series = await asyncio.to_thread(made.query, metric)
            assert all(one["metric"].get(label) for one in series)


async def test_every_target_is_up_and_named_by_deployment_and_replica(tmp_path: Path) -> None:
    async with watched(tmp_path) as (_, made):
        targets = await asyncio.to_thread(made.wait_for_targets, 2)
        (engine,) = [t["labels"] for t in targets if t["labels"]["job"] == "vllm-engines"]
        assert (engine["deployment"], engine["replica"]) == ("demo", "r1")
        assert engine["instance"] == "demo/r1"
        found = await asyncio.to_thread(made.query, "vllm:num_requests_running")
        assert [one["metric"]["replica"] for one in found] == ["r1"]


async def test_what_falls_silent_vanishes_from_prometheus_at_the_next_scrape(
    tmp_path: Path,
) -> None:
    async with watched(tmp_path) as (control, made):
        told = 'vllm_manager_gpu_up{node="node-00.cluster.example"}'
        await asyncio.to_thread(made.wait_for, told)
        control.app.state.measuring.cancel()
        await asyncio.to_thread(made.wait_for, f"absent({told}) and on () up == 1")


async def test_the_exposition_passes_promtool_s_lint(tmp_path: Path) -> None:
    async with measured(tmp_path) as (control, url), httpx.AsyncClient(base_url=url) as client:
        async with asyncio.timeout(60):
            while not control.app.state.board.fresh():  # noqa: ASYNC110 - it has no event
                await asyncio.sleep(0.01)
        text = (await client.get("/metrics", headers=control.bearer)).text
        done = await asyncio.to_thread(promtool, "check", "metrics", given=text)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("path", ["/metrics", "/api/v1/prometheus/targets"])
async def test_without_a_key_nothing_is_told(tmp_path: Path, path: str) -> None:
    async with running_in(tmp_path) as control:
        assert (await control.client.get(path)).status_code == 401
