"""76. Another user's ids are worth nothing: what is theirs is as if it were not there."""

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from support.application import Running, running_in
from support.people import Person, person

pytestmark = pytest.mark.survival


@pytest.fixture
async def control(tmp_path: Path) -> AsyncGenerator[Running]:
    async with running_in(tmp_path) as control:
        yield control


async def call(
    control: Running, who: Person, method: str, path: str, body: object = None
) -> tuple[int, dict[str, Any]]:
    answer = await control.client.request(method, f"/api/v1{path}", json=body, headers=who.headers)
    problem: dict[str, Any] = answer.json() if answer.content else {}
    problem.pop("request_id", None)
    return answer.status_code, problem


async def own_session(control: Running, who: Person) -> str:
    _, listed = await call(control, who, "GET", "/auth/sessions")
    return listed["items"][0]["id"]


@pytest.mark.parametrize("role", ["operator", "member", "viewer"])
async def test_76_another_user_s_login_can_be_neither_seen_nor_ended(
    control: Running, role: str
) -> None:
    victim, thief = await person(control, "member"), await person(control, role)
    theirs = await own_session(control, victim)
    stolen = await call(control, thief, "DELETE", f"/auth/sessions/{theirs}")
    made_up = await call(control, thief, "DELETE", "/auth/sessions/ses_none")
    assert stolen == made_up
    assert stolen[0] == 404
    for method, path in (
        ("GET", f"/users/{victim.id}/sessions"),
        ("DELETE", f"/users/{victim.id}/sessions"),
        ("DELETE", f"/users/{victim.id}/sessions/{theirs}"),
        ("POST", f"/users/{victim.id}/reset"),
        ("POST", f"/users/{victim.id}/disable"),
        ("PATCH", f"/users/{thief.id}"),
    ):
        status, problem = await call(control, thief, method, path, {"role": "administrator"})
        assert (status, problem["code"]) == (403, "forbidden"), path
    assert (await call(control, victim, "GET", "/auth/me"))[0] == 200


@pytest.mark.parametrize("role", ["operator", "member"])
async def test_76_another_user_s_key_is_as_if_it_were_not_there(
    control: Running, role: str
) -> None:
    victim, thief = await person(control, "member"), await person(control, role)
    status, made = await call(control, victim, "POST", "/keys", {"name": "mine"})
    assert status == 201
    key = made["key"]["id"]
    for method, rest, body in (
        ("GET", "", None),
        ("PATCH", "", {"name": "stolen"}),
        ("POST", "/rotate", {}),
        ("POST", "/revoke", None),
    ):
        theirs = await call(control, thief, method, f"/keys/{key}{rest}", body)
        nobodys = await call(control, thief, method, f"/keys/key_none{rest}", body)
        assert theirs[0] == nobodys[0] == 404, (method, rest)
        assert theirs[1]["code"] == nobodys[1]["code"]
        assert key not in str(nobodys)
        assert str(theirs[1]).replace(key, "key_none") == str(nobodys[1])
    _, listed = await call(control, thief, "GET", "/keys")
    assert listed["items"] == []
    status, _ = await call(
        control, thief, "POST", "/keys", {"name": "as them", "owner": victim.username}
    )
    assert status in (403, 404)
    assert (await call(control, victim, "GET", f"/keys/{key}"))[1]["name"] == "mine"


async def test_76_a_key_acts_for_its_owner_alone(control: Running) -> None:
    victim, thief = await person(control, "member"), await person(control, "member")
    _, made = await call(control, thief, "POST", "/keys", {"name": "mine"})
    bearer = {"authorization": f"Bearer {made['secret']}"}
    theirs = await own_session(control, victim)
    answer = await control.client.get("/api/v1/auth/sessions", headers=bearer)
    assert theirs not in answer.text
    answer = await control.client.delete(f"/api/v1/auth/sessions/{theirs}", headers=bearer)
    assert answer.status_code == 404
