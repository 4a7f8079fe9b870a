"""Logins are listed with where they are used, and ended by their user or an administrator."""

from typing import Any

from fakes.clock import FakeClock
from support.application import Running
from support.people import COOKIE, logged_in, person

ME = "/api/v1/auth/me"
SESSIONS = "/api/v1/auth/sessions"


async def listed(control: Running, headers: dict[str, str]) -> list[dict[str, Any]]:
    answer = await control.client.get(SESSIONS, headers=headers)
    assert answer.status_code == 200
    return answer.json()["items"]


async def test_a_login_shows_its_address_program_and_which_is_this_one(control: Running) -> None:
    anna = await person(control, "viewer")
    await logged_in(control, anna.username, anna.password)
    found = await listed(control, anna.headers)
    assert [session["is_current"] for session in found].count(True) == 1
    assert len(found) == 2
    assert found[0]["address"] == "127.0.0.1"
    assert found[0]["user_agent"].startswith("python-httpx")
    assert anna.cookie not in str(found)


async def test_use_is_noted_every_five_minutes(timed: Running, clock: FakeClock) -> None:
    anna = await person(timed, "viewer")
    [first] = await listed(timed, anna.headers)
    clock.advance(120)
    assert (await listed(timed, anna.headers))[0]["last_seen_at"] == first["last_seen_at"]
    clock.advance(180)
    await listed(timed, {**anna.headers, "user-agent": "another"})
    [later] = await listed(timed, anna.headers)
    assert later["last_seen_at"] > first["last_seen_at"]
    assert later["user_agent"] == "another"


async def test_one_ends_another_of_ones_own_logins(control: Running) -> None:
    anna = await person(control, "viewer")
    other, _ = await logged_in(control, anna.username, anna.password)
    [away] = [s for s in await listed(control, anna.headers) if not s["is_current"]]
    path = f"{SESSIONS}/{away['id']}"
    assert (await control.client.delete(path, headers=anna.headers)).status_code == 204
    answer = await control.client.get(ME, headers={"cookie": f"{COOKIE}={other}"})
    assert answer.status_code == 401
    assert (await control.client.get(ME, headers=anna.headers)).status_code == 200
    answer = await control.client.delete(path, headers=anna.headers)
    assert answer.json()["code"] == "session_not_found"


async def test_an_administrator_ends_one_or_all_logins_of_a_user(control: Running) -> None:
    anna = await person(control, "operator")
    await logged_in(control, anna.username, anna.password)
    path = f"/api/v1/users/{anna.id}/sessions"
    answer = await control.client.get(path, headers=control.bearer)
    ids = [session["id"] for session in answer.json()["items"]]
    assert len(ids) == 2
    answer = await control.client.delete(f"{path}/{ids[0]}", headers=control.bearer)
    assert answer.status_code == 204
    answer = await control.client.delete(path, headers=control.bearer)
    assert answer.json() == {"ended": 1}
    assert (await control.client.get(ME, headers=anna.headers)).status_code == 401


async def test_logging_in_again_in_one_browser_ends_the_login_before(control: Running) -> None:
    anna = await person(control, "viewer")
    body = {"username": anna.username, "password": anna.password}
    headers = {"cookie": f"{COOKIE}={anna.cookie}"}
    answer = await control.client.post("/api/v1/auth/login", json=body, headers=headers)
    control.client.cookies.clear()
    assert answer.cookies[COOKIE] != anna.cookie
    assert (await control.client.get(ME, headers=headers)).status_code == 401
