"""Long ranges from a real Prometheus that scraped for hours, and from one that is not well."""

import asyncio
import subprocess
import time
from collections.abc import AsyncGenerator, Generator, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from fakes.clock import FakeClock
from support.application import running_in
from support.http_server import Exchange, HttpServer
from support.prometheus import Prometheus, program, prometheus
from support.ray_cluster import free_ports
from support.rest_server import RestServer, rest_server
from vllm_manager.monitoring.prometheus import PrometheusHistory
from vllm_manager.monitoring.samples import BY_NAME, HistoryUnavailableError, Line, Question
from vllm_manager.monitoring.samples.schemas import Function

SCRAPE_SECONDS = 15
HOUR = 3600
NOW = int(time.time()) // HOUR * HOUR
"""The hour's beginning: Prometheus holds what lies before."""
START = NOW - 6 * HOUR
GAP = range(NOW - 4 * HOUR, NOW - 3 * HOUR)
"""Nothing was scraped in this hour."""
ODD = 'a"} or up{x="\\'
NONE: dict[str, str] = {}


def scraped() -> Iterator[str]:
    """Yield, in OpenMetrics, what six hours of scrapes of two GPUs and one engine left."""
    yield from _gauge("gpu_memory_used_bytes", {"0": 1e9, "1": 3e9}, peak=3e9)
    yield from _gauge("gpu_utilization_ratio", {"0": 0.2, "1": 0.8}, peak=1.0)
    yield "# TYPE vllm_manager_gateway_tokens counter"
    for name, pace in (("a", 10), ("b", 30)):
        labels = f'deployment="{name}",direction="out"'
        for at in _scrapes():
            yield f"vllm_manager_gateway_tokens_total{{{labels}}} {pace * (at - START)} {at}"
    yield "# TYPE vllm_manager_engine_ttft_seconds histogram"
    odd = ODD.replace("\\", "\\\\").replace('"', '\\"')
    for at in _scrapes():
        count = at - START
        for bound, share in (("0.5", 0.5), ("1", 1.0), ("+Inf", 1.0)):
            labels = f'deployment="{odd}",replica="r",le="{bound}"'
            told = f"{count * share} {at}"
            yield f"vllm_manager_engine_ttft_seconds_bucket{{{labels}}} {told}"
        rest = f'{{deployment="{odd}",replica="r"}}'
        yield f"vllm_manager_engine_ttft_seconds_sum{rest} {count * 0.4} {at}"
        yield f"vllm_manager_engine_ttft_seconds_count{rest} {count} {at}"
    yield "# EOF\n"


def _gauge(name: str, values: Mapping[str, float], peak: float) -> Iterator[str]:
    yield f"# TYPE vllm_manager_{name} gauge"
    for gpu in ("0", "1"):
        for at in _scrapes():
            labels = f'{{node="n",gpu="{gpu}",instance="x"}}'
            value = peak if gpu == "1" and at % 300 == 0 else values[gpu]
            yield f"vllm_manager_{name}{labels} {value} {at}"


def _scrapes() -> Iterator[int]:
    return (at for at in range(START, NOW + 1, SCRAPE_SECONDS) if at not in GAP)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Generator[Prometheus]:
    """A Prometheus that has been there for six hours."""
    folder = tmp_path_factory.mktemp("prometheus")
    text = folder / "scraped.txt"
    text.write_text("\n".join(scraped()))
    command = [program("promtool"), "tsdb", "create-blocks-from", "openmetrics"]
    subprocess.run([*command, text, folder / "data"], check=True, capture_output=True)
    file = folder / "prometheus.yml"
    file.write_text("global: {}\n")
    with prometheus(file) as made:
        made.wait_until_ready()
        yield made


@pytest.fixture
async def history(filled: Prometheus) -> AsyncGenerator[PrometheusHistory]:
    history = PrometheusHistory(filled.url, FakeClock(datetime.fromtimestamp(NOW, UTC)), None)
    yield history
    await history.close()


def question(figure: str, function: Function, *by: str, step: int = 600, **where: str) -> Question:
    wanted = {label: frozenset({text}) for label, text in where.items()}
    return Question(BY_NAME[figure], function, 0.95, by, wanted, START, NOW, step)


def told(line: Line, at: int, step: int = 600) -> float | None:
    """Return the value of the step that begins at `at`."""
    return line.values[(at - START) // step]


product = pytest.mark.product  # of the set-up for tests with whole processes


@product
async def test_gauges_are_put_together_as_suits_them(history: PrometheusHistory) -> None:
    (memory,) = await history.query(question("gpu_memory_used_bytes", "value", "node"))
    assert memory.labels == (("node", "n"),)
    assert len(memory.values) == 36
    assert told(memory, NOW - HOUR) == 4e9
    (busy,) = await history.query(question("gpu_utilization_ratio", "value"))
    assert busy.labels == ()
    assert told(busy, NOW - HOUR) == pytest.approx((0.2 + 0.81) / 2, abs=0.01)
    assert busy.highest is not None
    assert busy.highest[-1] == 1.0
    each = await history.query(question("gpu_utilization_ratio", "value", "node", "gpu"))
    assert [dict(line.labels)["gpu"] for line in each] == ["0", "1"]


@product
async def test_where_nothing_was_scraped_nothing_is_known(history: PrometheusHistory) -> None:
    (memory,) = await history.query(question("gpu_memory_used_bytes", "value", "node"))
    inside = [told(memory, at) for at in range(GAP.start, GAP.stop - 600, 600)]
    assert inside == [None] * 5
    assert told(memory, GAP.start - 600) == told(memory, GAP.stop) == 4e9


@product
async def test_counters_are_told_per_second_and_per_step(history: PrometheusHistory) -> None:
    a, b = await history.query(question("gateway_tokens_total", "rate", "deployment"))
    assert (told(a, NOW - HOUR), told(b, NOW - HOUR)) == pytest.approx((10, 30), rel=0.01)
    (both,) = await history.query(question("gateway_tokens_total", "value"))
    assert told(both, NOW - HOUR) == pytest.approx(40 * 600, rel=0.01)
    (one,) = await history.query(question("gateway_tokens_total", "rate", deployment="b"))
    assert told(one, NOW - HOUR) == pytest.approx(30, rel=0.01)


@product
async def test_histograms_are_told_by_quantile_mean_and_rate(history: PrometheusHistory) -> None:
    expected: dict[Function, float] = {"quantile": 0.95, "mean": 0.4, "rate": 1.0}
    for function, value in expected.items():
        asked = question("engine_ttft_seconds", function, "deployment", deployment=ODD)
        (line,) = await history.query(asked)
        assert line.labels == (("deployment", ODD),)
        assert told(line, NOW - HOUR) == pytest.approx(value, rel=0.01)
        assert line.highest is None


@product
async def test_what_it_does_not_know_has_no_line(history: PrometheusHistory) -> None:
    assert await history.query(question("node_cpu_ratio", "value", "node")) == []
    assert await history.query(question("gateway_tokens_total", "rate", deployment="z")) == []


@product
async def test_the_newest_value_is_as_old_as_its_last_scrape(filled: Prometheus) -> None:
    asked = question("gpu_memory_used_bytes", "value", "node")
    for passed in (0, 60, HOUR):
        clock = FakeClock(datetime.fromtimestamp(NOW + passed, UTC))
        history = PrometheusHistory(filled.url, clock, None)
        (line,) = await history.query(replace(asked, end=NOW + passed + 600 - passed % 600))
        assert line.newest == NOW
        await history.close()


@product
async def test_the_api_reads_a_long_range_from_it_and_says_so(
    tmp_path: Path, filled: Prometheus
) -> None:
    async with running_in(tmp_path, prometheus_url=filled.url) as control:
        asked = {"figure": "gpu_memory_used_bytes", "range": "8h", "by": "node", "points": "100"}
        path = "/api/v1/metrics/query"
        answer = (await control.client.get(path, params=asked, headers=control.bearer)).json()
        assert answer["source"] == "prometheus"
        (series,) = answer["series"]
        assert 4e9 in [value for _, value in series["points"]]
        short = {**asked, "range": "5m"}
        answer = (await control.client.get(path, params=short, headers=control.bearer)).json()
        assert answer["source"] == "memory"


async def test_while_it_is_down_the_own_database_is_read_and_the_answer_says_so(
    tmp_path: Path,
) -> None:
    (port,) = free_ports(1)
    async with running_in(tmp_path, prometheus_url=f"http://127.0.0.1:{port}") as control:
        asked = {"figure": "node_cpu_ratio", "range": "6h"}
        answer = await control.client.get(
            "/api/v1/metrics/query", params=asked, headers=control.bearer
        )
        assert answer.status_code == 200
        assert answer.json()["source"] != "prometheus"


async def ask(server: RestServer, token_file: Path | None = None, selector: str = "") -> None:
    history = PrometheusHistory(f"{server.url}/", FakeClock(), token_file, selector)
    try:
        await history.query(question("node_cpu_ratio", "value"))
    finally:
        await history.close()


@pytest.mark.parametrize(
    ("status", "body", "cause"),
    [
        (400, {"status": "error", "error": "bad_data: too many points"}, "too many points"),
        (401, b"Unauthorized", "401"),
        (200, b"<html>", "without JSON"),
        (200, [1], "not Prometheus'"),
        (200, {"status": "success"}, "not Prometheus'"),
    ],
)
async def test_an_answer_that_is_no_figures_is_told(status: int, body: Any, cause: str) -> None:
    with rest_server() as server:
        for path in ("query_range", "query"):
            server.answer(f"GET /api/v1/{path}", body, status=status)
        with pytest.raises(HistoryUnavailableError, match=cause):
            await ask(server)


async def test_who_did_not_answer_is_left_alone_for_half_a_minute() -> None:
    (port,) = free_ports(1)
    clock = FakeClock()
    history = PrometheusHistory(f"http://127.0.0.1:{port}", clock, None)
    nothing: dict[str, Any] = {"status": "success", "data": {"resultType": "matrix", "result": []}}

    async def answer(exchange: Exchange) -> None:
        exchange.reply_json(nothing)

    asked = question("node_cpu_ratio", "value")
    with pytest.raises(HistoryUnavailableError, match="can't be reached"):
        await history.query(asked)
    async with HttpServer(answer, port) as server:
        clock.advance(29)
        with pytest.raises(HistoryUnavailableError, match="can't be reached"):
            await history.query(asked)
        assert server.exchanges == []
        clock.advance(1)
        assert await history.query(asked) == []
    await history.close()


async def test_a_line_of_nothing_but_nan_is_no_line() -> None:
    asked = question("node_cpu_ratio", "value", "node")
    values = [[asked.start + asked.step, "NaN"]]
    unknown = {"metric": {"node": "a"}, "values": values, "value": values[0]}
    with rest_server() as server:
        for path in ("query_range", "query"):
            body = {"status": "success", "data": {"result": [unknown]}}
            server.answer(f"GET /api/v1/{path}", body)
        history = PrometheusHistory(f"{server.url}/", FakeClock(), None)
        assert await history.query(asked) == []
        await history.close()


async def test_the_token_is_read_from_its_file_each_time(tmp_path: Path) -> None:
    token = tmp_path / "token"
    empty: dict[str, Any] = {"status": "success", "data": {"resultType": "matrix", "result": []}}
    with rest_server() as server:
        for path in ("query_range", "query"):
            server.answer(f"GET /api/v1/{path}", empty)
        with pytest.raises(HistoryUnavailableError, match="can't be read"):
            await ask(server, token)
        for text in ("one", "two"):
            await asyncio.to_thread(token.write_text, text + "\n")
            await ask(server, token, 'job="x"')
            assert server.calls[-1].headers["authorization"] == f"Bearer {text}"
        assert 'job="x"' in server.calls[-1].query["query"][0]
