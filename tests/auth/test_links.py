"""Invitations and resets: a link that works once, for a while, and tells strangers nothing."""

from typing import Any

import pytest

from fakes.clock import FakeClock
from support.application import ORIGIN, Running
from support.people import COOKIE, administrator, logged_in, person

pytestmark = pytest.mark.integration

ME = "/api/v1/auth/me"
GOOD = "correct horse battery staple"
HOUR = 3600
LINKS = "/api/v1/auth/links"


def of(token: str) -> dict[str, str]:
    """Return the header that carries a link's secret."""
    return {"x-link-token": token}


async def invite(control: Running, **more: object) -> dict[str, Any]:
    body = {"username": "anna", "role": "member", **more}
    answer = await control.client.post("/api/v1/invitations", json=body, headers=control.bearer)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def reset(control: Running, user_id: str) -> dict[str, Any]:
    answer = await control.client.post(f"/api/v1/users/{user_id}/reset", headers=control.bearer)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def accept(control: Running, token: str, password: str = GOOD) -> tuple[int, dict[str, Any]]:
    answer = await control.client.post(LINKS, json={"password": password}, headers=of(token))
    control.client.cookies.clear()
    return answer.status_code, answer.json()


async def test_an_invited_person_sets_a_password_and_is_logged_in(control: Running) -> None:
    issued = await invite(control)
    assert issued["url"] == f"{ORIGIN}/join#{issued['token']}"
    assert issued["user"]["status"] == "invited"
    answer = await control.client.get(LINKS, headers=of(issued["token"]))
    assert answer.json()["username"] == "anna"
    body, headers = {"password": GOOD}, of(issued["token"])
    answer = await control.client.post(LINKS, json=body, headers=headers)
    assert answer.json()["user"]["role"] == "member"
    assert COOKIE in answer.cookies
    assert (await control.client.get(ME)).json()["user"]["username"] == "anna"
    control.client.cookies.clear()
    await logged_in(control, "anna", GOOD)


async def test_no_address_of_the_api_holds_a_secret(control: Running) -> None:
    for path in control.app.openapi()["paths"]:
        assert not any(word in path for word in ("{token}", "{secret}", "{password}")), path


async def test_a_link_works_once(control: Running) -> None:
    token = (await invite(control))["token"]
    assert (await accept(control, token))[0] == 200
    assert (await accept(control, token, "another good passphrase"))[0] == 404
    await logged_in(control, "anna", GOOD)


async def test_a_poor_password_does_not_use_the_link_up(control: Running) -> None:
    token = (await invite(control))["token"]
    assert (await accept(control, token, "short"))[0] == 422
    assert (await accept(control, token))[0] == 200


@pytest.mark.parametrize(("kind", "hours"), [("invitation", 72), ("reset", 24)])
async def test_a_link_expires(timed: Running, clock: FakeClock, kind: str, hours: int) -> None:
    if kind == "invitation":
        issued = await invite(timed)
    else:
        issued = await reset(timed, (await person(timed, "member")).id)
    assert issued["kind"] == kind
    headers = of(issued["token"])
    clock.advance(hours * HOUR - 1)
    assert (await timed.client.get(LINKS, headers=headers)).status_code == 200
    clock.advance(2)
    assert (await timed.client.get(LINKS, headers=headers)).status_code == 404
    assert (await accept(timed, issued["token"]))[0] == 404


async def test_used_expired_replaced_and_made_up_links_are_told_alike(
    timed: Running, clock: FakeClock
) -> None:
    used = (await invite(timed, username="used"))["token"]
    await accept(timed, used)
    replaced = await invite(timed, username="replaced")
    await reset(timed, replaced["user"]["id"])
    disabled = await invite(timed, username="disabled")
    path = f"/api/v1/users/{disabled['user']['id']}/disable"
    await timed.client.post(path, headers=timed.bearer)
    old = (await invite(timed, username="old"))["token"]
    clock.advance(73 * HOUR)
    told: set[str] = set()
    for token in (used, replaced["token"], disabled["token"], old, "made-up"):
        for answer in (
            await timed.client.get(LINKS, headers=of(token)),
            await timed.client.post(LINKS, json={"password": GOOD}, headers=of(token)),
        ):
            problem = answer.json()
            problem.pop("request_id")
            told.add(str(problem))
    assert len(told) == 1
    assert "link_invalid" in told.pop()


async def test_a_reset_ends_every_login_and_the_old_password(control: Running) -> None:
    anna = await person(control, "member")
    token = (await reset(control, anna.id))["token"]
    assert (await control.client.get(ME, headers=anna.headers)).status_code == 200
    assert (await accept(control, token))[0] == 200
    assert (await control.client.get(ME, headers=anna.headers)).status_code == 401
    answer = await control.client.post(
        "/api/v1/auth/login", json={"username": anna.username, "password": anna.password}
    )
    assert answer.status_code == 401
    await logged_in(control, anna.username, GOOD)


async def test_a_user_who_never_came_gets_a_new_invitation(control: Running) -> None:
    first = await invite(control)
    second = await reset(control, first["user"]["id"])
    assert second["kind"] == "invitation"
    assert (await accept(control, first["token"]))[0] == 404
    assert (await accept(control, second["token"]))[0] == 200


async def test_open_invitations_are_listed_without_token_and_can_be_withdrawn(
    control: Running,
) -> None:
    issued = await invite(control)
    answer = await control.client.get("/api/v1/invitations", headers=control.bearer)
    [listed] = answer.json()["items"]
    assert listed["id"] == issued["id"]
    assert issued["token"] not in answer.text
    path = f"/api/v1/invitations/{issued['id']}"
    assert (await control.client.delete(path, headers=control.bearer)).status_code == 204
    assert (await accept(control, issued["token"]))[0] == 404
    assert (await control.client.delete(path, headers=control.bearer)).status_code == 404
    await invite(control)


async def test_a_page_of_another_site_can_not_use_a_link(control: Running) -> None:
    token = (await invite(control))["token"]
    answer = await control.client.post(
        LINKS, json={"password": GOOD}, headers={**of(token), "origin": "http://evil.test"}
    )
    assert answer.json()["code"] == "cross_origin"


async def test_one_changes_ones_own_password_and_other_logins_end(control: Running) -> None:
    anna = await person(control, "viewer")
    other, _ = await logged_in(control, anna.username, anna.password)
    pending = (await reset(control, anna.id))["token"]
    body = {"current_password": anna.password, "new_password": GOOD}
    path = "/api/v1/auth/password"
    wrong = {**body, "current_password": "not it"}
    answer = await control.client.post(path, json=wrong, headers=anna.headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "wrong_password")
    answer = await control.client.post(path, json=body, headers=anna.headers)
    assert answer.status_code == 204
    assert (await control.client.get(ME, headers=anna.headers)).status_code == 200
    answer = await control.client.get(ME, headers={"cookie": f"{COOKIE}={other}"})
    assert answer.status_code == 401
    assert (await accept(control, pending, "another good passphrase"))[0] == 404
    await logged_in(control, anna.username, GOOD)


async def test_guessing_the_present_password_is_throttled(control: Running) -> None:
    anna = await person(control, "viewer")
    body = {"current_password": "a guess", "new_password": GOOD}
    statuses = [
        (
            await control.client.post("/api/v1/auth/password", json=body, headers=anna.headers)
        ).status_code
        for _ in range(11)
    ]
    assert statuses == [403] * 10 + [429]


async def test_the_invitation_puts_them_into_teams(control: Running) -> None:
    answer = await control.client.post(
        "/api/v1/teams", json={"name": "search"}, headers=control.bearer
    )
    team = answer.json()
    issued = await invite(control, team_ids=[team["id"]])
    assert issued["user"]["teams"] == [{"id": team["id"], "name": "search"}]
    answer = await control.client.post(
        "/api/v1/invitations",
        json={"username": "bert", "team_ids": ["team_none"]},
        headers=control.bearer,
    )
    assert answer.json()["code"] == "team_not_found"
    admin = await administrator(control)
    answer = await control.client.get("/api/v1/users?q=bert", headers=admin.headers)
    assert answer.json()["items"] == []
