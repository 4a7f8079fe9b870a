"""65. Engine routes that are not part of the API, asked for through the gateway: all 404."""

from pathlib import Path

import pytest

from support.gateway import AUTHORIZATION, rig
from support.http_server import Exchange

UNDER_V1 = [
    "/v1",
    "/v1/",
    "/v1/load_lora_adapter",
    "/v1/unload_lora_adapter",
    "/v1/audio/transcriptions",
    "/v1/chat/completions/",
    "/v1//chat/completions",
    "/v1/chat/../load_lora_adapter",
    "/v1/%6coad_lora_adapter",
    "/v1/chat/completions/render",
    "/v1/responses/resp_1",
    "/v1/models/demo/../../load_lora_adapter",
]
ELSEWHERE = [
    "/invocations",
    "/ping",
    "/pause",
    "/resume",
    "/sleep",
    "/wake_up",
    "/is_sleeping",
    "/load",
    "/load_lora_adapter",
    "/server_info",
    "/reset_prefix_cache",
    "/collective_rpc",
    "/tokenize",
    "/pooling",
    "/classify",
    "/score",
    "/rerank",
    "/v2/rerank",
    "/metrics",
    "/health",
    "/start_profile",
    "/stop_profile",
]


async def not_here(exchange: Exchange) -> None:
    """What the control plane says to a path that it does not know."""
    exchange.reply_json({"code": "not_found"}, 404)


@pytest.mark.survival
async def test_65_no_hidden_route_of_the_engine_is_reachable(tmp_path: Path) -> None:
    async with rig(tmp_path) as made:
        made.control.answer_relayed = not_here
        for path in UNDER_V1 + ELSEWHERE:
            for method in ("GET", "POST"):
                response = await made.gateway.client.request(
                    method, made.gateway.url + path, json={"model": "demo"}, headers=AUTHORIZATION
                )
                assert response.status_code == 404, (method, path)
        assert made.engine.exchanges == []
        asked = {exchange.path for exchange in made.control.relayed}
        assert asked == set(ELSEWHERE)
