"""80. Nobody chooses another's session; logging out ends it everywhere, the gateway included."""

from pathlib import Path

import pytest

from support.application import Running, running_in
from support.control_plane import snapshot
from support.gateway import rig
from support.oidc_provider import oidc_provider
from support.people import COOKIE, Person, logged_in, person
from support.sign_on import begin, finish

pytestmark = pytest.mark.survival

ME = "/api/v1/auth/me"


async def is_in(control: Running, cookie: str) -> bool:
    answer = await control.client.get(ME, headers={"cookie": f"{COOKIE}={cookie}"})
    return answer.status_code == 200


async def log_in_with(control: Running, who: Person, cookie: str) -> str:
    """Log in from a browser that has a cookie already; return the new one."""
    answer = await control.client.post(
        "/api/v1/auth/login",
        json={"username": who.username, "password": who.password},
        headers={"cookie": f"{COOKIE}={cookie}"},
    )
    control.client.cookies.clear()
    return answer.cookies[COOKIE]


async def test_80_a_login_never_takes_a_cookie_that_was_there(tmp_path: Path) -> None:
    async with running_in(tmp_path) as control:
        anna, thief = await person(control, "member"), await person(control, "member")
        made_up = await log_in_with(control, anna, "chosen-by-an-attacker")
        assert not await is_in(control, "chosen-by-an-attacker")
        fixed = await log_in_with(control, anna, thief.cookie)
        assert len({made_up, fixed, thief.cookie}) == 3
        assert not await is_in(control, thief.cookie), "the browser's earlier session ended"
        answer = await control.client.get(ME, headers={"cookie": f"{COOKIE}={fixed}"})
        assert answer.json()["user"]["username"] == anna.username


async def test_80_logout_ends_that_session_and_its_csrf_token_everywhere(tmp_path: Path) -> None:
    async with running_in(tmp_path) as control:
        anna = await person(control, "member")
        other, _ = await logged_in(control, anna.username, anna.password)
        answer = await control.client.post("/api/v1/auth/logout", headers=anna.headers)
        assert answer.status_code == 204
        assert 'session=""' in answer.headers["set-cookie"]
        assert not await is_in(control, anna.cookie)
        answer = await control.client.delete("/api/v1/keys/k", headers=anna.headers)
        assert answer.status_code in (401, 405)
        assert await is_in(control, other), "another browser's login goes on"
    async with running_in(tmp_path) as control:
        assert not await is_in(control, anna.cookie), "a restart brings nothing back"
        assert await is_in(control, other)


async def test_80_a_new_password_ends_every_other_session(tmp_path: Path) -> None:
    async with running_in(tmp_path) as control:
        anna = await person(control, "member")
        others = [(await logged_in(control, anna.username, anna.password))[0] for _ in range(3)]
        body = {"current_password": anna.password, "new_password": "correct horse battery"}
        answer = await control.client.post("/api/v1/auth/password", json=body, headers=anna.headers)
        assert answer.status_code == 204
        assert [await is_in(control, cookie) for cookie in others] == [False] * 3
        assert await is_in(control, anna.cookie)


async def test_80_single_sign_on_opens_no_session_that_another_began(tmp_path: Path) -> None:
    with oidc_provider(tmp_path / "provider.log") as provider:
        settings = provider.settings(oidc_default_role="member")
        async with running_in(tmp_path, **settings) as control:
            thieves, mine = await begin(control), await begin(control)
            trap = provider.log_in(thieves.url, "thief")
            for browser in (None, mine):
                answer = await finish(control, browser, trap)
                assert (answer.status_code, answer.json()["code"]) == (409, "oidc_stale")
                assert COOKIE not in answer.cookies
            answer = await finish(control, mine, provider.log_in(mine.url, "anna"))
            cookie = answer.cookies[COOKIE]
            assert await is_in(control, cookie)
            headers = {
                "cookie": f"{COOKIE}={cookie}",
                "x-csrf-token": answer.json()["session"]["csrf_token"],
            }
            await control.client.post("/api/v1/auth/logout", headers=headers)
            control.client.cookies.clear()
            assert not await is_in(control, cookie)


async def test_80_the_gateway_shuts_the_door_when_told(tmp_path: Path) -> None:
    async with rig(tmp_path) as made:
        headers = {"cookie": f"{COOKIE}=cookie-value"}
        client = made.gateway.client
        assert (await client.get("/v1/models", headers=headers)).status_code == 200
        content = snapshot({"demo": made.entry()})
        content["sessions"] = {}
        await made.gateway.publish(made.control, content)
        assert (await client.get("/v1/models", headers=headers)).status_code == 401
