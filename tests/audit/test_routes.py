"""What goes through the API is in the log: every change, every login, and what was refused."""

import csv
import io
import json
import re
from typing import Any

import pytest

from fakes.clock import FakeClock
from support.application import Running
from support.people import person
from vllm_manager.api.auditing import READING, SAFE_METHODS
from vllm_manager.audit.chain import Walk
from vllm_manager.audit.floods import ALLOWED, WINDOW

pytestmark = pytest.mark.integration


async def entries(control: Running, **query: str) -> list[dict[str, Any]]:
    answer = await control.client.get("/api/v1/audit", params=query, headers=control.bearer)
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


async def test_no_route_that_changes_something_is_left_out(control: Running) -> None:
    asked: set[str] = set()
    for path, methods in control.app.openapi()["paths"].items():
        for method, operation in methods.items():
            if method.upper() in SAFE_METHODS or not path.startswith("/api/"):
                continue
            address = re.sub(r"{[^}]+}", "x", path)
            headers = control.bearer
            await control.client.request(method, address, json={}, headers=headers)
            if operation["operationId"] not in READING:
                asked.add(operation["operationId"])
    assert len(asked) > 30
    exported = await control.client.get("/api/v1/audit/export", headers=control.bearer)
    links = [json.loads(line) for line in exported.text.splitlines()]
    assert {link["action"] for link in links if link["kind"] == "intent"} == asked
    assert {link["action"] for link in links if link["kind"] == "result"} == asked


async def test_a_change_says_who_what_and_how_it_ended(control: Running) -> None:
    body = {"name": "chat", "model": "demo", "start": False}
    headers = {**control.bearer, "x-request-id": "req-of-the-test"}
    await control.client.post("/api/v1/deployments", json=body, headers=headers)
    (entry,) = await entries(control, action="createDeployment")
    assert entry["actor"] == control.username
    assert entry["subject"] == "chat"
    assert entry["fields"] == ["model", "name", "start"]
    assert (entry["outcome"], entry["status"]) == ("done", 202)
    assert entry["request_id"] == "req-of-the-test"
    assert entry["credential"].startswith("key_")
    assert entry["address"]


async def test_what_is_refused_is_there_with_its_code(control: Running) -> None:
    await control.client.delete("/api/v1/deployments/none", headers=control.bearer)
    viewer = await person(control, "viewer")
    answer = await control.client.post("/api/v1/deployments/x/stop", headers=viewer.headers)
    assert answer.status_code == 403
    (forbidden, missing) = (
        (await entries(control, action="stopDeployment"))[0],
        (await entries(control, action="deleteDeployment"))[0],
    )
    assert (missing["outcome"], missing["code"]) == ("refused", "deployment_not_found")
    assert (forbidden["actor"], forbidden["code"]) == (viewer.username, "forbidden")


async def test_logins_are_there_right_or_wrong(control: Running) -> None:
    await control.log_in()
    wrong = {"username": control.username, "password": "not-the-password"}
    await control.client.post("/api/v1/auth/login", json=wrong)
    tries = await entries(control, action="login")
    assert [(e["actor"], e["outcome"], e["code"]) for e in tries] == [
        (control.username, "refused", "wrong_credentials"),
        (control.username, "done", None),
    ]


async def test_what_one_does_with_one_s_own_login_is_there_by_name(control: Running) -> None:
    anna = await person(control, "member")
    wrong = {"current_password": "not it", "new_password": "correct horse battery"}
    path = "/api/v1/auth"
    await control.client.post(f"{path}/password", json=wrong, headers=anna.headers)
    await control.client.post(f"{path}/logout", headers=anna.headers)
    for action in ("changePassword", "logout"):
        (entry,) = await entries(control, action=action)
        assert entry["actor"] == anna.username


async def test_reading_is_not_in_it(control: Running) -> None:
    await control.client.get("/api/v1/deployments", headers=control.bearer)
    await control.client.post("/api/v1/fit", json={"model": "demo"}, headers=control.bearer)
    assert await entries(control) == []


async def test_only_administrators_read_it(control: Running) -> None:
    for role in ("operator", "member", "viewer"):
        someone = await person(control, role)
        for path in ("", "/export", "/verify"):
            answer = await control.client.get(f"/api/v1/audit{path}", headers=someone.headers)
            assert answer.status_code == 403


async def test_no_secret_is_in_it(control: Running) -> None:
    canary = "hf_canary" + "0" * 30
    password = "canary" + "-of-the-test"
    await control.client.put(
        "/api/v1/catalog/token", json={"token": canary}, headers=control.bearer
    )
    body = {"username": "anna", "password": password}
    await control.client.post("/api/v1/users", json=body, headers=control.bearer)
    await control.client.post(
        "/api/v1/auth/links", json={"password": password}, headers={"x-link-token": canary}
    )
    made = await control.client.post("/api/v1/keys", json={"name": "k"}, headers=control.bearer)
    exported = await control.client.get("/api/v1/audit/export", headers=control.bearer)
    assert "createUser" in exported.text
    assert "acceptLink" in exported.text
    for secret in (canary, password, made.json()["secret"], control.password, control.api_key):
        assert secret not in exported.text


async def test_an_export_can_be_verified_elsewhere(control: Running) -> None:
    for name in ("a", "b"):
        await control.client.post(f"/api/v1/deployments/{name}/stop", headers=control.bearer)
    exported = await control.client.get("/api/v1/audit/export", headers=control.bearer)
    links = [json.loads(line) for line in exported.text.splitlines()]
    walk = Walk()
    assert walk.take(links)
    told = await control.client.get("/api/v1/audit/verify", headers=control.bearer)
    assert told.json()["head"] == walk.verdict.head
    assert told.json()["entries"] == len(links) == 4


async def test_a_password_that_was_typed_as_a_name_is_not_kept(control: Running) -> None:
    body = {"username": "My Secret Passphrase!", "password": "x"}
    await control.client.post("/api/v1/auth/login", json=body)
    (entry,) = await entries(control, action="login")
    assert (entry["actor"], entry["outcome"]) == ("(no user name)", "refused")


async def test_who_came_in_by_a_link_is_named_and_who_tried_without_one_is_not(
    control: Running,
) -> None:
    body = {"username": "anna", "role": "member"}
    made = await control.client.post("/api/v1/invitations", json=body, headers=control.bearer)
    token = made.json()["token"]
    password = {"password": "correct horse battery"}
    for _ in range(2):
        await control.client.post(
            "/api/v1/auth/links", json=password, headers={"x-link-token": token}
        )
    second, first = await entries(control, action="acceptLink")
    assert (first["actor"], first["outcome"]) == ("anna", "done")
    assert (second["actor"], second["outcome"]) == (None, "refused")


async def test_a_table_of_it_runs_nothing_in_a_spreadsheet(control: Running) -> None:
    body = {"name": "=cmd()", "model": "demo"}
    await control.client.post("/api/v1/deployments", json=body, headers=control.bearer)
    exported = await control.client.get("/api/v1/audit/export?format=csv", headers=control.bearer)
    rows = list(csv.DictReader(io.StringIO(exported.text)))
    assert rows[0]["subject"] == "'=cmd()"


async def test_a_flood_of_refused_attempts_is_written_as_a_sum(
    timed: Running, clock: FakeClock
) -> None:
    async def attempt() -> int:
        body = {"state": "made-up", "code": "c"}
        return (await timed.client.post("/api/v1/auth/oidc/finish", json=body)).status_code

    statuses = [await attempt() for _ in range(ALLOWED + 20)]
    assert statuses == [404] * ALLOWED + [429] * 20
    written = await entries(timed, limit="100")
    assert [entry["action"] for entry in written] == ["finishOidcLogin"] * ALLOWED
    clock.advance(60)
    assert await attempt() == 429
    (summed,) = await entries(timed, action="refuseAttempts")
    assert (summed["subject"], summed["code"]) == ("20 attempts", "too_many_attempts")
    assert summed["address"] == written[0]["address"]
    clock.advance(WINDOW.total_seconds())
    assert await attempt() == 404


async def test_a_flood_of_others_shuts_nobody_out(timed: Running) -> None:
    for _ in range(ALLOWED + 1):
        await timed.client.post("/api/v1/auth/login", json={})
    answer = await timed.client.post("/api/v1/deployments/x/stop", headers=timed.bearer)
    assert answer.status_code == 404, "who has a credential is no stranger"
