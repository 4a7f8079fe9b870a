"""One trace from a caller through the gateway into real vLLM."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from support.collector import Collector
from support.control_plane import ControlPlane, model, snapshot
from support.gateway import AUTHORIZATION, Gateway
from support.ray_cluster import RayCluster
from support.serve import Deployed, Report

pytestmark = pytest.mark.engine

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def endpoint(report: Report) -> dict[str, str]:
    return {
        "replica_id": report["replica_id"],
        "url": report["endpoint"],
        "secret": report["secret"],
    }


async def test_vllm_s_span_is_a_child_of_the_gateway_s(tmp_path: Path, ray: RayCluster) -> None:
    async with Collector() as collector, ControlPlane() as control:
        settings: dict[str, Any] = {"engine": "vllm", "cpus": 1.0, "start_deadline_seconds": 400}
        deployed = Deployed(ray, "demo", otlp_endpoint=collector.url, **settings)
        await asyncio.to_thread(deployed.__enter__)
        try:
            report = await asyncio.to_thread(
                deployed.wait_report, lambda r: r["phase"] == "ready", 400
            )
            await control.publish(snapshot({"demo": model(endpoint(report))}))
            async with Gateway(tmp_path, control.port, otlp_endpoint=collector.url) as gateway:
                answer = await gateway.client.post(
                    "/v1/chat/completions",
                    json={
                        "model": "demo",
                        "messages": [{"role": "user", "content": "Hi"}],
                        "max_tokens": 4,
                    },
                    headers={**AUTHORIZATION, "traceparent": f"00-{TRACE}-{SPAN}-01"},
                )
                assert answer.status_code == 200, answer.text
                spans = await collector.wait_for(4, TRACE)
        finally:
            await asyncio.to_thread(deployed.__exit__)
    (ours,) = [span for span in spans if span.name == "engine"]
    (theirs,) = [span for span in spans if span.service == "demo"]
    assert theirs.parent == ours.span
    assert ours.start_ns <= theirs.start_ns <= theirs.end_ns <= ours.end_ns + 10_000_000
    assert theirs.attributes["gen_ai.usage.completion_tokens"] == 4
