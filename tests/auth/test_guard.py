"""Who is let in, and by what."""

from datetime import timedelta
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from fakes.clock import FakeClock
from support.application import ORIGIN, Running, running_in

pytestmark = pytest.mark.integration

ME = "/api/v1/auth/me"
LOGOUT = "/api/v1/auth/logout"
OPEN = {
    "/healthz",
    "/readyz",
    "/version",
    "/openapi.json",
    "/docs",
    "/api/v1/auth/login",
    "/api/v1/auth/links",
    "/api/v1/auth/oidc",
    "/api/v1/auth/oidc/start",
    "/api/v1/auth/oidc/finish",
}


def routes_of(app: FastAPI) -> list[tuple[str, str]]:
    """Return every documented route, and the internal ones, as method and path."""
    documented = [
        (method.upper(), path.replace("{", "").replace("}", ""))
        for path, item in app.openapi()["paths"].items()
        for method in item
    ]
    internal = [
        ("GET", "/internal/v1/gateway/snapshots"),
        ("POST", "/internal/v1/gateway/usage"),
        ("POST", "/internal/v1/reports"),
    ]
    assert not [r for r in app.routes if isinstance(r, APIRoute) and r.path not in OPEN]
    return documented + internal


async def test_every_route_that_is_not_open_needs_a_credential(control: Running) -> None:
    for credential in ({}, {"authorization": "Bearer vm-nobody"}, {"authorization": "Basic eA=="}):
        for method, path in routes_of(control.app):
            if path in OPEN:
                continue
            answer = await control.client.request(method, path, headers=credential, json={})
            assert answer.status_code in (401, 422), (method, path, answer.status_code)
            if method == "GET":
                assert answer.status_code == 401, path


@pytest.mark.parametrize("token", ["internal_token", "report_token"])
async def test_a_machine_token_opens_nothing_for_people(control: Running, token: str) -> None:
    answer = await control.client.get(ME, headers=control.token(token))
    assert answer.status_code == 401


async def test_a_key_opens_no_door_of_the_machines(control: Running) -> None:
    answer = await control.client.post(
        "/internal/v1/gateway/usage", headers=control.bearer, content=b"{}"
    )
    assert answer.status_code == 401


async def test_a_bearer_key_tells_who_it_is_and_has_no_csrf_token(control: Running) -> None:
    answer = await control.client.get(ME, headers=control.bearer)
    assert answer.json()["user"]["username"] == "admin"
    assert answer.json()["csrf_token"] is None


async def test_the_cookie_is_kept_from_scripts_and_other_sites(control: Running) -> None:
    body = {"username": control.username, "password": control.password}
    answer = await control.client.post("/api/v1/auth/login", json=body)
    cookie = answer.headers["set-cookie"].lower()
    assert cookie.startswith("vllm_manager_session=")
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "secure" not in cookie
    answer = await control.client.post(
        "https://manager.test/api/v1/auth/login", json=body, headers={"cookie": ""}
    )
    assert "secure" in answer.headers["set-cookie"].lower()
    assert answer.headers["strict-transport-security"]


async def test_a_page_reload_gets_the_same_csrf_token_again(control: Running) -> None:
    csrf = await control.log_in()
    answer = await control.client.get(ME)
    assert answer.json()["csrf_token"] == csrf["x-csrf-token"]


async def test_a_change_with_the_cookie_alone_is_refused(control: Running) -> None:
    csrf = await control.log_in()
    for headers in ({}, {"x-csrf-token": "guess"}):
        answer = await control.client.post(LOGOUT, headers=headers)
        assert answer.status_code == 403
        assert answer.json()["code"] == "csrf_required"
    answer = await control.client.delete("/api/v1/deployments/demo")
    assert answer.json()["code"] == "csrf_required"
    assert (await control.client.post(LOGOUT, headers=csrf)).status_code == 204


@pytest.mark.parametrize(
    "headers",
    [{"origin": "http://evil.test"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}],
)
async def test_a_page_of_another_site_can_neither_act_nor_listen(
    control: Running, headers: dict[str, str]
) -> None:
    csrf = await control.log_in()
    for method, path in (("POST", LOGOUT), ("GET", "/api/v1/events"), ("GET", ME)):
        answer = await control.client.request(method, path, headers={**csrf, **headers})
        assert answer.json()["code"] == "cross_origin", path
    answer = await control.client.post(
        "/api/v1/auth/login", json={"username": "a", "password": "b"}, headers=headers
    )
    assert answer.json()["code"] == "cross_origin"


async def test_the_own_page_may_act(control: Running) -> None:
    csrf = await control.log_in()
    answer = await control.client.post(LOGOUT, headers={**csrf, "origin": ORIGIN})
    assert answer.status_code == 204


async def test_after_logout_a_stolen_cookie_is_worth_nothing(control: Running) -> None:
    csrf = await control.log_in()
    stolen = control.client.cookies["vllm_manager_session"]
    await control.client.post(LOGOUT, headers=csrf)
    answer = await control.client.get(ME, headers={"cookie": f"vllm_manager_session={stolen}"})
    assert answer.status_code == 401


async def test_a_login_replaces_a_cookie_that_someone_else_chose(control: Running) -> None:
    control.client.cookies.set("vllm_manager_session", "chosen-by-an-attacker")
    await control.log_in()
    answer = await control.client.get(
        ME, headers={"cookie": "vllm_manager_session=chosen-by-an-attacker"}
    )
    assert answer.status_code == 401


async def test_an_expired_session_is_refused(tmp_path: Path) -> None:
    clock = FakeClock()
    async with running_in(tmp_path, clock) as control:
        await control.log_in()
        clock.advance(timedelta(days=8).total_seconds())
        answer = await control.client.get(ME)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_sql_in_a_credential_finds_nobody(control: Running) -> None:
    for text in ("' OR 1=1 --", "vm-' UNION SELECT * FROM keys --"):
        answer = await control.client.get(ME, headers={"authorization": f"Bearer {text}"})
        assert answer.status_code == 401
        answer = await control.client.get(ME, headers={"cookie": f"vllm_manager_session={text}"})
        assert answer.status_code == 401
