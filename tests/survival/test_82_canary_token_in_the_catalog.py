"""82. A Hugging Face token shows in no log, answer, metric, file or database row of the catalog."""

import logging
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from catalog.room import CANARY, engine_in
from support.application import Running, running_in
from support.hub import Fault, Hub, ready_made
from vllm_manager.kit import logs

pytestmark = pytest.mark.survival

CALLS = [
    "search?q=acme",
    "popular",
    "models/acme/tiny-chat",
    "models/acme/gated-chat",
    "models/acme/tiny-chat/card",
    "models/acme/tiny-chat/files",
    "models/acme/nothing",
    "token?scope=installation",
    "token?scope=user",
]


@pytest.fixture
async def running(tmp_path: Path) -> AsyncGenerator[tuple[Running, Hub]]:
    """The product with its own log in a file, at its most talkative."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    logs.configure("control-plane", "debug", folder=tmp_path / "logs")
    for noisy in ("httpx", "httpcore"):
        logging.getLogger(noisy).setLevel(logging.DEBUG)
    with Hub(ready_made()) as hub:
        hub.admit(CANARY, "ada")
        engine = engine_in(tmp_path)
        async with running_in(tmp_path, hub_endpoint=hub.url, engine_python=engine) as product:
            yield product, hub
    for handler in root.handlers:
        handler.close()
    root.handlers[:], root.level = before, level


async def _ask_everything(product: Running) -> list[str]:
    """Return every answer, headers included."""
    told: list[str] = []
    for method, path in [*(("GET", call) for call in CALLS), ("POST", "token/test")]:
        answer = await product.client.request(
            method, f"/api/v1/catalog/{path}", headers=product.bearer
        )
        told.append(f"{path} {answer.status_code} {answer.headers} {answer.text}")
    return told


async def test_82_the_canary_is_found_nowhere(
    running: tuple[Running, Hub], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    product, hub = running
    told: list[str] = []
    for scope in ("installation", "user"):
        body: dict[str, Any] = {"token": CANARY}
        path = f"/api/v1/catalog/token?scope={scope}"
        told.append((await product.client.put(path, json=body, headers=product.bearer)).text)
    told += await _ask_everything(product)
    assert hub.requests[-1].token == CANARY, "the token was in use"
    for status in (401, 403, 404, 429, 503):
        hub.faults.add(Fault(status=status, message=f"{CANARY} is not welcome", times=12))
        told += await _ask_everything(product)
    hub.faults.clear()
    hub.faults.add(Fault(redirect_to=f"https://127.0.0.1:1/x?token={CANARY}"))
    told += await _ask_everything(product)
    wrong = {"token": CANARY, "more": CANARY}
    refused = await product.client.put(path, json=wrong, headers=product.bearer)
    told += [refused.text, (await product.client.get("/metrics")).text]
    assert [text for text in told if CANARY in text] == []
    for handler in logging.getLogger().handlers:
        handler.flush()
    written = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert any("control-plane.log" in file.name and file.stat().st_size for file in written)
    assert [file.name for file in written if CANARY.encode() in file.read_bytes()] == []


def test_82_the_token_shows_in_no_text_of_what_carries_it() -> None:
    from vllm_manager.catalog.schemas import TokenPut

    body = TokenPut.model_validate({"token": CANARY})
    assert CANARY not in repr(body) + str(body) + body.model_dump_json()
