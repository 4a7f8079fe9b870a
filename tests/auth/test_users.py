"""Users are made, given roles, disabled and enabled; somebody can always administer."""

from typing import Any

import pytest

from support.application import Running
from support.people import administrator, logged_in, person

pytestmark = pytest.mark.integration

ME = "/api/v1/auth/me"
GOOD = "correct horse battery staple"


async def call(
    control: Running, method: str, path: str, body: object = None
) -> tuple[int, dict[str, Any]]:
    answer = await control.client.request(
        method, f"/api/v1{path}", json=body, headers=control.bearer
    )
    return answer.status_code, answer.json() if answer.content else {}


async def test_a_new_user_is_listed_with_role_and_status_and_no_hash(control: Running) -> None:
    made = await person(control, "operator", "anna")
    _, listed = await call(control, "GET", "/users")
    assert [(u["username"], u["role"], u["status"]) for u in listed["items"]] == [
        ("admin", "administrator", "active"),
        ("anna", "operator", "active"),
    ]
    _, one = await call(control, "GET", f"/users/{made.id}")
    assert one["last_login_at"] is not None
    assert not [name for name in one if "password" in name or "hash" in name]


async def test_users_are_paged_by_name_and_found_by_part_of_it(control: Running) -> None:
    for name in ("cora", "anna", "bert"):
        body = {"username": name, "role": "member", "kind": "service"}
        assert (await call(control, "POST", "/users", body))[0] == 201
    _, first = await call(control, "GET", "/users?limit=2")
    assert [user["username"] for user in first["items"]] == ["admin", "anna"]
    _, rest = await call(control, "GET", f"/users?limit=2&cursor={first['next_cursor']}")
    assert [user["username"] for user in rest["items"]] == ["bert", "cora"]
    _, found = await call(control, "GET", "/users?q=or")
    assert [user["username"] for user in found["items"]] == ["cora"]


async def test_a_name_is_taken_once(control: Running) -> None:
    status, problem = await call(
        control, "POST", "/users", {"username": "admin", "kind": "service"}
    )
    assert (status, problem["code"]) == (409, "name_taken")


@pytest.mark.parametrize(
    "body",
    [
        {"username": "Anna Bee", "password": GOOD},
        {"username": "anna"},
        {"username": "anna", "password": "short"},
        {"username": "anna", "password": "aaaaaaaaaaaaaaaa"},
        {"username": "anna-of-the-sea", "password": "anna-of-the-sea1"},
        {"username": "robot", "kind": "service", "password": GOOD},
        {"username": "anna", "role": "owner", "password": GOOD},
        {"username": "anna", "password": GOOD, "email": "nobody"},
    ],
)
async def test_what_is_no_good_user_is_refused_with_the_field(
    control: Running, body: dict[str, str]
) -> None:
    status, problem = await call(control, "POST", "/users", body)
    assert status == 422
    assert problem["errors"][0]["message"]
    assert problem["errors"][0]["field"] in body or "password" in problem["errors"][0]["field"]


async def test_a_service_account_can_not_log_in(control: Running) -> None:
    await call(control, "POST", "/users", {"username": "robot", "kind": "service"})
    answer = await control.client.post(
        "/api/v1/auth/login", json={"username": "robot", "password": "x"}
    )
    assert answer.status_code == 401
    _, listed = await call(control, "GET", "/users?q=robot")
    status, problem = await call(control, "POST", f"/users/{listed['items'][0]['id']}/reset")
    assert (status, problem["code"]) == (409, "no_password")


async def test_a_new_role_counts_from_the_next_request_on(control: Running) -> None:
    anna = await person(control, "viewer")
    path = "/api/v1/configs/import"
    answer = await control.client.post(path, json={}, headers=anna.headers)
    assert answer.json()["code"] == "forbidden"
    status, changed = await call(control, "PATCH", f"/users/{anna.id}", {"role": "operator"})
    assert (status, changed["role"]) == (200, "operator")
    answer = await control.client.post(path, json={}, headers=anna.headers)
    assert answer.status_code == 422


async def test_disabling_ends_logins_and_enabling_brings_none_of_them_back(
    control: Running,
) -> None:
    anna = await person(control, "member")
    status, disabled = await call(control, "POST", f"/users/{anna.id}/disable")
    assert (status, disabled["status"]) == (200, "disabled")
    assert (await control.client.get(ME, headers=anna.headers)).status_code == 401
    answer = await control.client.post(
        "/api/v1/auth/login", json={"username": anna.username, "password": anna.password}
    )
    assert answer.json()["code"] == "wrong_credentials"
    assert (await call(control, "POST", f"/users/{anna.id}/reset"))[1]["code"] == "user_disabled"
    _, enabled = await call(control, "POST", f"/users/{anna.id}/enable")
    assert enabled["status"] == "active"
    assert (await control.client.get(ME, headers=anna.headers)).status_code == 401
    await logged_in(control, anna.username, anna.password)


@pytest.mark.parametrize(
    ("method", "path", "body"), [("POST", "/disable", None), ("PATCH", "", {"role": "operator"})]
)
async def test_the_last_administrator_stays_one(
    control: Running, method: str, path: str, body: object
) -> None:
    first = await administrator(control)
    invited = {"username": "not-yet-there", "role": "administrator"}
    assert (await call(control, "POST", "/invitations", invited))[0] == 201
    robot = {"username": "robot", "role": "administrator", "kind": "service"}
    assert (await call(control, "POST", "/users", robot))[0] == 201
    status, problem = await call(control, method, f"/users/{first.id}{path}", body)
    assert (status, problem["code"]) == (409, "last_administrator")
    second = await person(control, "administrator")
    status, _ = await call(control, method, f"/users/{first.id}{path}", body)
    assert status == 200
    answer = await control.client.request(
        method, f"/api/v1/users/{second.id}{path}", json=body, headers=second.headers
    )
    assert answer.json()["code"] == "last_administrator"


async def test_of_two_administrators_who_demote_each_other_one_remains(control: Running) -> None:
    first, second = await administrator(control), await person(control, "administrator")
    for actor, victim in ((first, second), (second, first)):
        await control.client.patch(
            f"/api/v1/users/{victim.id}", json={"role": "viewer"}, headers=actor.headers
        )
    _, listed = await call(control, "GET", "/users")
    assert [u["role"] for u in listed["items"]].count("administrator") == 1


async def test_changes_are_told_to_those_who_follow_users(control: Running) -> None:
    hub = control.app.state.events.hub
    subscription = hub.subscribe(["users"])
    anna = await person(control, "member")
    await call(control, "POST", f"/users/{anna.id}/disable")
    messages = await subscription.wait(30)
    subscription.close()
    assert [(m.event, m.data["status"]) for m in messages] == [
        ("user", "active"),
        ("user", "disabled"),
    ]


async def test_only_operators_may_follow_users(control: Running) -> None:
    member = await person(control, "member")
    answer = await control.client.get("/api/v1/events?topics=users", headers=member.headers)
    assert answer.status_code == 422
