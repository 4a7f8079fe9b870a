"""Requests through a real gateway, their spans at a real receiver."""

import ssl
import time
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from support.certificates import Authority
from support.collector import Collector
from support.gateway import AUTHORIZATION, Rig, rig

pytestmark = pytest.mark.integration

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SENT = {"traceparent": f"00-{TRACE}-{SPAN}-01", "tracestate": "congo=t61"}
SERVER, INTERNAL, CLIENT = 2, 1, 3


@pytest.fixture
async def collector() -> AsyncGenerator[Collector]:
    async with Collector() as collector:
        yield collector


async def chat(made: Rig, headers: dict[str, str] | None = None, **body: Any) -> int:
    request = {"model": "demo", "messages": [{"role": "user", "content": "hi"}], **body}
    answer = await made.gateway.client.post(
        "/v1/chat/completions", json=request, headers={**AUTHORIZATION, **(headers or {})}
    )
    return answer.status_code


async def test_the_spans_of_a_request_reach_the_collector_and_the_trace_the_engine(
    tmp_path: Path, collector: Collector
) -> None:
    async with rig(tmp_path, otlp_endpoint=collector.url) as made:
        before = time.time_ns()
        assert await chat(made, SENT, stream=True) == 200
        spans = {span.name: span for span in await collector.wait_for(3, TRACE)}
        seen = made.engine.exchanges[0].headers
    own, admission, engine = (
        spans[name] for name in ("POST /v1/chat/completions", "admission", "engine")
    )
    assert (own.parent, admission.parent, engine.parent) == (SPAN, own.span, own.span)
    assert (own.kind, admission.kind, engine.kind) == (SERVER, INTERNAL, CLIENT)
    assert seen["traceparent"] == f"00-{TRACE}-{engine.span}-01"
    assert seen["tracestate"] == "congo=t61"
    assert own.service == "vllm-manager-gateway"
    assert own.attributes["http.response.status_code"] == 200
    assert own.attributes["gen_ai.request.model"] == "demo"
    assert own.attributes["gen_ai.usage.output_tokens"] == 3
    assert before <= own.start_ns == admission.start_ns <= admission.end_ns == engine.start_ns
    assert engine.start_ns < engine.events["first token"] <= engine.end_ns == own.end_ns
    assert own.end_ns <= time.time_ns()


async def test_with_traces_off_the_engine_still_learns_of_a_caller_s_trace(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path) as made:
        assert await chat(made, SENT) == 200
        assert await chat(made) == 200
        with_it, without = (exchange.headers for exchange in made.engine.exchanges)
    assert {name: with_it[name] for name in SENT} == SENT
    assert not SENT.keys() & without.keys()


async def test_what_is_not_sampled_is_not_sent(tmp_path: Path, collector: Collector) -> None:
    async with rig(tmp_path, otlp_endpoint=collector.url, otlp_share=0.0) as made:
        assert await chat(made) == 200
        assert made.engine.exchanges[0].headers["traceparent"].endswith("-00")
        assert await chat(made, SENT) == 200
    assert {span.trace for span in collector.spans} == {TRACE}


async def test_a_collector_that_is_away_is_sent_what_was_kept_when_it_is_back(
    tmp_path: Path, collector: Collector
) -> None:
    await collector.kill()
    async with rig(tmp_path, otlp_endpoint=collector.url) as made:
        assert await chat(made, SENT) == 200
        await made.gateway.when(lambda: "traces can't be sent" in made.gateway.log)
        await collector.listen()
        assert len(await collector.wait_for(3, TRACE)) == 3


@pytest.fixture
async def guarded(tmp_path: Path) -> AsyncGenerator[Collector]:
    """Yield a collector whose certificate an authority of our own has signed."""
    pair = Authority(tmp_path / "authority").pair()
    trust = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trust.load_cert_chain(pair.certificate, pair.key)
    async with Collector(tls=trust) as collector:
        yield collector


async def test_a_collector_is_trusted_by_an_authority_of_one_s_own(
    tmp_path: Path, guarded: Collector
) -> None:
    file = tmp_path / "authority" / "authority.pem"
    async with rig(tmp_path, otlp_endpoint=guarded.url, ca_file=str(file)) as made:
        assert await chat(made, SENT) == 200
        assert len(await guarded.wait_for(3, TRACE)) == 3


@pytest.mark.parametrize("file", ["", "authority/server.key", "missing.pem"])
async def test_what_is_not_trusted_is_sent_nothing_and_told_of(
    tmp_path: Path, guarded: Collector, file: str
) -> None:
    ca_file = str(tmp_path / file) if file else ""
    async with rig(tmp_path, otlp_endpoint=guarded.url, ca_file=ca_file) as made:
        assert await chat(made, SENT) == 200
        await made.gateway.when(lambda: "traces can't be sent" in made.gateway.log)
    assert guarded.spans == []


async def test_what_a_collector_refuses_is_counted(tmp_path: Path, collector: Collector) -> None:
    collector.status = 400
    async with rig(tmp_path, otlp_endpoint=collector.url) as made:
        assert await chat(made, SENT) == 200
        await collector.arrival()
        name = "vllm_manager_gateway_spans_dropped_total"
        await made.gateway.when(lambda: "traces can't be sent" in made.gateway.log)
        client = made.gateway.client
        told = (await client.get("/gateway/metrics", headers=AUTHORIZATION)).text
        assert f"{name} 1\n" in told


async def test_a_gateway_that_stops_sends_the_last_spans(
    tmp_path: Path, collector: Collector
) -> None:
    async with rig(tmp_path, otlp_endpoint=collector.url) as made:
        assert await chat(made, SENT) == 200
        assert await made.gateway.stop() == 0
    assert len(collector.of(TRACE)) == 3
