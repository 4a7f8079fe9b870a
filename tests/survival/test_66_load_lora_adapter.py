"""66. `/v1/load_lora_adapter` through the gateway: 404."""

from pathlib import Path

import pytest

from support.gateway import AUTHORIZATION, rig


@pytest.mark.survival
async def test_66_adapters_can_t_be_loaded_through_the_gateway(tmp_path: Path) -> None:
    async with rig(tmp_path) as made:
        for path in ("/v1/load_lora_adapter", "/v1/unload_lora_adapter"):
            body = {"lora_name": "x", "lora_path": "/etc"}
            response = await made.gateway.client.post(path, json=body, headers=AUTHORIZATION)
            assert response.status_code == 404
            assert response.json()["error"]["code"] == "not_found"
        assert made.engine.exchanges == []
