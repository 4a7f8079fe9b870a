"""Teams: who is in them, and when they can go."""

from typing import Any

from support.application import Running
from support.people import person


async def call(
    control: Running, method: str, path: str, body: object = None
) -> tuple[int, dict[str, Any]]:
    answer = await control.client.request(
        method, f"/api/v1{path}", json=body, headers=control.bearer
    )
    return answer.status_code, answer.json() if answer.content else {}


async def team(control: Running, name: str = "search") -> str:
    status, made = await call(control, "POST", "/teams", {"name": name})
    assert status == 201, made
    return made["id"]


async def test_members_are_added_once_and_removed(control: Running) -> None:
    anna, search = await person(control, "member"), await team(control)
    path = f"/teams/{search}/members/{anna.id}"
    for _ in range(2):
        status, found = await call(control, "PUT", path)
        assert (status, [m["username"] for m in found["members"]]) == (200, [anna.username])
    assert (await call(control, "DELETE", path))[1]["members"] == []
    assert (await call(control, "DELETE", path))[1]["code"] == "member_not_found"
    status, problem = await call(control, "PUT", f"/teams/{search}/members/usr_none")
    assert (status, problem["code"]) == (404, "user_not_found")


async def test_teams_are_listed_by_name_page_by_page(control: Running) -> None:
    for name in ("search", "ads"):
        await team(control, name)
    _, first = await call(control, "GET", "/teams?limit=1")
    assert [t["name"] for t in first["items"]] == ["ads"]
    _, rest = await call(control, "GET", f"/teams?limit=1&cursor={first['next_cursor']}")
    assert [t["name"] for t in rest["items"]] == ["search"]


async def test_a_name_is_taken_once(control: Running) -> None:
    await team(control)
    assert (await call(control, "POST", "/teams", {"name": "search"}))[1]["code"] == "name_taken"


async def test_one_sees_ones_teams_the_longest_membership_first(control: Running) -> None:
    anna = await person(control, "viewer")
    for name in ("search", "ads"):
        await call(control, "PUT", f"/teams/{await team(control, name)}/members/{anna.id}")
    answer = await control.client.get("/api/v1/auth/me", headers=anna.headers)
    assert [t["name"] for t in answer.json()["teams"]] == ["search", "ads"]
    _, listed = await call(control, "GET", f"/users/{anna.id}")
    assert [t["name"] for t in listed["teams"]] == ["search", "ads"]


async def test_a_deleted_team_leaves_its_members_users(control: Running) -> None:
    anna, search = await person(control, "member"), await team(control)
    await call(control, "PUT", f"/teams/{search}/members/{anna.id}")
    assert (await call(control, "DELETE", f"/teams/{search}"))[0] == 204
    assert (await call(control, "GET", f"/teams/{search}"))[1]["code"] == "team_not_found"
    assert (await call(control, "GET", f"/users/{anna.id}"))[1]["teams"] == []


async def test_a_team_whose_keys_work_can_not_be_deleted(control: Running) -> None:
    search = await team(control)
    _, me = await call(control, "GET", "/auth/me")
    await call(control, "PUT", f"/teams/{search}/members/{me['user']['id']}")
    status, made = await call(control, "POST", "/keys", {"name": "nightly", "team": search})
    assert status == 201, made
    status, problem = await call(control, "DELETE", f"/teams/{search}")
    assert (status, problem["code"]) == (409, "team_in_use")
    assert "nightly" in problem["detail"]
    await call(control, "POST", f"/keys/{made['key']['id']}/revoke")
    assert (await call(control, "DELETE", f"/teams/{search}"))[0] == 204
