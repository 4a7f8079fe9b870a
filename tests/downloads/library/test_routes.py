"""The library over the API, in the real application."""

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from downloads.library.room import a_model, put, write
from support.application import Running, running_in

PATH = "/api/v1/models"
COMMIT = "a" * 40
ID = f"acme--chat@{COMMIT}"


@pytest.fixture
async def control(tmp_path: Path) -> AsyncGenerator[Running]:
    async with running_in(tmp_path) as running:
        put(tmp_path / "models", "acme/chat", a_model(), COMMIT)
        yield running


async def call(
    control: Running, method: str, path: str = "", body: object = None
) -> tuple[int, dict[str, Any]]:
    answer = await control.client.request(
        method, f"{PATH}{path}", json=body, headers=control.bearer
    )
    return answer.status_code, answer.json()


async def test_models_are_listed_and_read(control: Running) -> None:
    status, page = await call(control, "GET")
    assert (status, [model["id"] for model in page["items"]]) == (200, [ID])
    assert page["total_bytes"] == page["items"][0]["size_bytes"]
    status, model = await call(control, "GET", f"/{ID}")
    assert (status, len(model["files"])) == (200, 5)


async def test_a_deployment_that_names_it_keeps_it_from_being_deleted(control: Running) -> None:
    spec = {"name": "chat", "model": "acme/chat", "start": False}
    made = await control.client.post("/api/v1/deployments", json=spec, headers=control.bearer)
    assert made.status_code == 202, made.text
    status, problem = await call(control, "DELETE", f"/{ID}")
    assert (status, problem["code"]) == (409, "model_in_use")
    assert "chat" in problem["detail"]
    _, page = await call(control, "GET")
    assert page["items"][0]["used_by"] == ["chat"]


async def test_an_unused_one_is_deleted(control: Running) -> None:
    status, answer = await call(control, "DELETE", f"/{ID}")
    assert (status, answer["freed_bytes"] > 0) == (200, True)
    assert (await call(control, "GET", f"/{ID}"))[0] == 404


async def test_verification_is_an_operation(control: Running) -> None:
    status, answer = await call(control, "POST", f"/{ID}/verify")
    assert (status, answer["operation"]["kind"]) == (202, "model.verify")


async def test_a_folder_is_imported(control: Running) -> None:
    folder = write(control.home / "folder", a_model())
    body = {"path": str(folder), "name": "mine"}
    status, answer = await call(control, "POST", "/import", body)
    assert (status, answer["operation"]["subject"]) == (202, "local/mine")


async def test_bad_input_is_refused_by_its_field(control: Running) -> None:
    status, problem = await call(control, "POST", "/import", {"path": "x", "name": "a/b"})
    assert status == 422
    assert {error["field"] for error in problem["errors"]} == {"path", "name"}
    status, problem = await call(control, "POST", "/adopt", {"repo": "../../etc"})
    assert (status, problem["errors"][0]["field"]) == (422, "repo")


async def test_what_can_be_adopted_is_listed(control: Running) -> None:
    status, page = await call(control, "GET", "/adoptable")
    assert (status, page["next_cursor"]) == (200, None)


async def test_nobody_without_credentials_reads_or_deletes(control: Running) -> None:
    assert (await control.client.get(PATH)).status_code == 401
    assert (await control.client.delete(f"{PATH}/{ID}")).status_code == 401
