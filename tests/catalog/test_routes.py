"""The catalog over HTTP."""

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from catalog.room import CANARY, engine_in
from support.application import Running, running_in
from support.hub import Hub

pytestmark = pytest.mark.integration


@pytest.fixture
async def running(tmp_path: Path, ready_hub: Hub) -> AsyncGenerator[Running]:
    engine = engine_in(tmp_path)
    async with running_in(tmp_path, hub_endpoint=ready_hub.url, engine_python=engine) as running:
        yield running


async def get(running: Running, path: str, status: int = 200) -> dict[str, Any]:
    answer = await running.client.get(f"/api/v1/catalog/{path}", headers=running.bearer)
    assert answer.status_code == status, answer.text
    return answer.json()


async def test_a_search_is_paged_by_its_cursor(running: Running) -> None:
    first = await get(running, "search?q=acme&sort=downloads&limit=2")
    second = await get(
        running, f"search?q=acme&sort=downloads&limit=2&cursor={first['next_cursor']}"
    )
    names = [item["repo"] for item in first["items"] + second["items"]]
    assert names == ["acme/tiny-chat", "acme/gated-chat", "acme/pickled", "acme/own-code"]
    assert (first["source"], first["age_seconds"]) == ("hub", 0)


@pytest.mark.parametrize("query", ["sort=random", "limit=0", "min_parameters=-1", "cursor=§"])
async def test_what_makes_no_sense_is_refused(running: Running, query: str) -> None:
    assert (await get(running, f"search?{query}", 422))["code"] == "invalid_request"


async def test_a_models_details_card_and_files(running: Running) -> None:
    details = await get(running, "models/acme/tiny-chat")
    card = await get(running, "models/acme/tiny-chat/card?revision=main")
    files = await get(running, "models/acme/tiny-chat/files")
    assert details["model"]["repo"] == card["repo"] == files["repo"] == "acme/tiny-chat"
    assert details["commit"] == files["commit"]
    assert len(files["files"]) == details["files_count"]


async def test_a_model_that_is_not_there_is_a_problem(running: Running) -> None:
    assert (await get(running, "models/acme/nothing", 404))["code"] == "hub_repo_not_found"
    answer = await get(running, "models/acme/tiny-chat?revision=gone", 404)
    assert answer["code"] == "hub_revision_not_found"


async def test_a_token_is_set_tested_and_forgotten(running: Running, ready_hub: Hub) -> None:
    ready_hub.admit(CANARY, "ada", "acme/gated-chat")
    path = "/api/v1/catalog/token?scope=installation"
    put = await running.client.put(path, json={"token": CANARY}, headers=running.bearer)
    assert (put.status_code, put.json()["last_four"]) == (200, CANARY[-4:])
    tested = await running.client.post("/api/v1/catalog/token/test", headers=running.bearer)
    assert tested.json() == {
        "scope": "installation",
        "account": "ada",
        "kind": "read",
        "organisations": [],
    }
    assert (await get(running, "models/acme/gated-chat"))["findings"] == []
    gone = await running.client.delete(path, headers=running.bearer)
    assert gone.status_code == 204
    assert not (await get(running, "token"))["is_set"]
    findings = (await get(running, "models/acme/gated-chat"))["findings"]
    assert [finding["code"] for finding in findings] == ["gated"]


async def test_nobody_is_told_anything_without_logging_in(running: Running) -> None:
    for path in ("search", "popular", "models/acme/tiny-chat", "token"):
        answer = await running.client.get(f"/api/v1/catalog/{path}")
        assert answer.status_code == 401
