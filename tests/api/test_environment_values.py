"""Who is shown the environment of configs and deployments: over every way that it is told."""

from pathlib import Path
from typing import Any

import pytest

from support.application import Running, engine_python_in, running_in
from support.people import person
from vllm_manager.configs.withheld import MASK

pytestmark = pytest.mark.integration

HIDDEN = "swordfish-in-the-environment"
PLAIN = "only-for-operators"
ENVIRONMENT = {"HF_TOKEN": HIDDEN, "GREETING": PLAIN}
WAYS = [
    "deployments",
    "deployments/chat",
    "deployments/chat/events",
    "configs",
    "configs/chat",
    "configs/chat/versions",
    "configs/chat/versions/1",
    "configs/chat/diff?from=1&to=2",
    "configs/chat/export",
    "configs/export",
    "operations",
    "audit",
]


@pytest.fixture
async def control(tmp_path: Path):
    async with running_in(tmp_path, engine_python=engine_python_in(tmp_path)) as control:
        recipe = {"model": "acme/tiny-chat", "environment": ENVIRONMENT}
        await _made(control, "configs", {"name": "chat", "recipe": {"model": "acme/tiny-chat"}})
        answer = await control.client.put(
            "/api/v1/configs/chat", json={"recipe": recipe}, headers=control.bearer
        )
        assert answer.status_code == 200, answer.text
        made = {"name": "chat", "model": "demo", "environment": ENVIRONMENT, "start": False}
        await _made(control, "deployments", made)
        yield control


async def _made(control: Running, path: str, body: dict[str, Any]) -> None:
    answer = await control.client.post(f"/api/v1/{path}", json=body, headers=control.bearer)
    assert answer.status_code < 300, answer.text
    assert HIDDEN not in answer.text


async def _told(control: Running, headers: dict[str, str]) -> str:
    answers = [await control.client.get(f"/api/v1/{way}", headers=headers) for way in WAYS]
    return "".join(answer.text for answer in answers)


@pytest.mark.parametrize("role", ["administrator", "operator", "member", "viewer"])
async def test_secrets_are_shown_to_nobody_and_values_to_those_who_may_change_them(
    control: Running, role: str
) -> None:
    user = await person(control, role)
    told = await _told(control, user.headers)
    assert HIDDEN not in told
    assert told.count('"HF_TOKEN"') >= 6
    assert (PLAIN in told) is (role in ("administrator", "operator"))


async def test_what_was_masked_may_be_sent_back(control: Running) -> None:
    read = (await control.client.get("/api/v1/configs/chat", headers=control.bearer)).json()
    assert read["recipe"]["environment"] == {"HF_TOKEN": MASK, "GREETING": PLAIN}
    path = "/api/v1/configs/chat"
    saved = await control.client.put(path, json={"recipe": read["recipe"]}, headers=control.bearer)
    assert saved.json()["changed"] is False
    body = {"environment": {"HF_TOKEN": MASK, "GREETING": "hello"}}
    path = "/api/v1/deployments/chat"
    changed = await control.client.patch(path, json=body, headers=control.bearer)
    assert changed.json()["spec"]["environment"] == body["environment"]
    body = {"environment": {"NEW_TOKEN": MASK}}
    refused = await control.client.patch(path, json=body, headers=control.bearer)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"] == "environment.NEW_TOKEN"


async def test_nothing_on_disk_holds_a_secret_of_the_environment(
    control: Running, tmp_path: Path
) -> None:
    written = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert [file.name for file in written if HIDDEN.encode() in file.read_bytes()] == []
