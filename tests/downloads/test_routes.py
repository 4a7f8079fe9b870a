"""The API of downloads."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from support.application import Running, running_in
from support.hub import Hub, ready_made

pytestmark = pytest.mark.integration

PATH = "/api/v1/downloads"


@pytest.fixture
async def control(tmp_path: Path) -> AsyncGenerator[Running]:
    with Hub(ready_made()) as hub:
        async with running_in(tmp_path, hub_endpoint=hub.url) as running:
            yield running


async def pull(control: Running, **body: Any) -> dict[str, Any]:
    answer = await control.client.post(PATH, json=body, headers=control.bearer)
    assert answer.status_code == 202, answer.text
    return answer.json()


async def ended(control: Running, download_id: str) -> dict[str, Any]:
    """Return a download once it has ended."""
    async with asyncio.timeout(60):
        while True:
            answer = await control.client.get(f"{PATH}/{download_id}", headers=control.bearer)
            if answer.json()["finished_at"] is not None:
                return answer.json()
            await asyncio.sleep(0.05)


async def test_a_model_is_asked_for_and_comes(control: Running) -> None:
    asked = await pull(control, repo="acme/tiny-chat")
    assert (asked["created_by"], asked["revision"]) == (control.username, "main")
    done = await ended(control, asked["id"])
    assert done["state"] == "succeeded"
    assert {file["state"] for file in done["files"]} == {"done"}
    listed = (await control.client.get(PATH, headers=control.bearer)).json()
    assert [item["id"] for item in listed["items"]] == [asked["id"]]


async def test_files_are_a_list_of_their_own(control: Running) -> None:
    asked = await pull(control, repo="acme/tiny-chat")
    await ended(control, asked["id"])
    path = f"{PATH}/{asked['id']}/files?limit=2"
    page = (await control.client.get(path, headers=control.bearer)).json()
    assert len(page["items"]) == 2
    more = await control.client.get(f"{path}&cursor={page['next_cursor']}", headers=control.bearer)
    assert more.json()["items"][0]["path"] > page["items"][1]["path"]


async def test_a_priority_can_be_changed(control: Running) -> None:
    asked = await pull(control, repo="acme/sharded")
    path = f"{PATH}/{asked['id']}"
    changed = await control.client.patch(path, json={"priority": 7}, headers=control.bearer)
    assert (changed.status_code, changed.json()["priority"]) == (200, 7)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"repo": "../x"}, "repo"),
        ({"repo": "acme/tiny", "revision": "../main"}, "revision"),
        ({"repo": "acme/tiny", "include": ["../*"]}, "include.0"),
        ({"repo": "acme/tiny", "priority": 1000}, "priority"),
        ({"repo": "acme/tiny", "more": 1}, "more"),
    ],
)
async def test_a_bad_request_is_refused_by_its_field(
    control: Running, body: dict[str, Any], field: str
) -> None:
    answer = await control.client.post(PATH, json=body, headers=control.bearer)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


@pytest.mark.parametrize("verb", ["pause", "resume", "cancel", "retry"])
async def test_a_download_that_is_not_there_is_a_404(control: Running, verb: str) -> None:
    answer = await control.client.post(f"{PATH}/dl_none/{verb}", headers=control.bearer)
    assert (answer.status_code, answer.json()["code"]) == (404, "download_not_found")


async def test_a_model_that_the_hub_has_not_fails_with_the_reason(control: Running) -> None:
    asked = await pull(control, repo="acme/nobody-has-this")
    failed = await ended(control, asked["id"])
    assert (failed["state"], failed["error"]["code"]) == ("failed", "hub_repo_not_found")


async def test_nobody_without_credentials_fetches_anything(control: Running) -> None:
    assert (await control.client.get(PATH)).status_code == 401
    assert (await control.client.post(PATH, json={"repo": "acme/tiny-chat"})).status_code == 401
