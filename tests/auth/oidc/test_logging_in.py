"""Logins at a real provider: a user is made at the first, found again, with their groups' role."""

import secrets
from pathlib import Path
from typing import Any

import pytest

from support.application import ORIGIN, Running, running_in
from support.oidc_provider import CLIENT_ID, OidcProvider, parameters
from support.people import COOKIE, person
from support.sign_on import PATH, begin, finish, sign_on, who

pytestmark = pytest.mark.integration


def somebody(provider: OidcProvider, **claims: Any) -> str:
    """Make a person at the provider; return their subject."""
    subject = f"subject-{secrets.token_hex(6)}"
    provider.knows(subject, **{"groups": ["everybody"], **claims})
    return subject


async def users(control: Running, text: str) -> list[dict[str, Any]]:
    answer = await control.client.get(f"/api/v1/users?q={text}", headers=control.bearer)
    return answer.json()["items"]


async def test_the_login_page_learns_what_the_button_says(
    tmp_path: Path, provider: OidcProvider
) -> None:
    settings = provider.settings(oidc_default_role="viewer", oidc_name="Example Company")
    for name in ("on", "off"):
        (tmp_path / name).mkdir()
    async with running_in(tmp_path / "on", **settings) as control:
        found = (await control.client.get(PATH)).json()
    assert found == {"enabled": True, "name": "Example Company"}
    async with running_in(tmp_path / "off") as control:
        assert (await control.client.get(PATH)).json() == {"enabled": False, "name": None}
        answer = await control.client.post(f"{PATH}/start", json={})
        assert (answer.status_code, answer.json()["code"]) == (404, "oidc_off")
        answer = await control.client.post(f"{PATH}/finish", json={"state": "x", "code": "y"})
        assert (answer.status_code, answer.json()["code"]) == (404, "oidc_off")


async def test_the_first_login_makes_a_user_and_the_second_finds_them(
    control: Running, provider: OidcProvider
) -> None:
    name = f"anna-{secrets.token_hex(4)}"
    subject = somebody(provider, preferred_username=name, email=f"{name}@example.org")
    first = await who(control, await sign_on(control, provider, subject))
    assert (first["username"], first["role"]) == (name, "member")
    second = await who(control, await sign_on(control, provider, subject))
    assert second == first
    [listed] = await users(control, name)
    assert (listed["status"], listed["email"]) == ("active", f"{name}@example.org")
    assert listed["last_login_at"] is not None


async def test_the_provider_is_asked_with_pkce_state_and_nonce(control: Running) -> None:
    one, other = (parameters((await begin(control)).url), parameters((await begin(control)).url))
    assert one["client_id"] == CLIENT_ID
    assert one["redirect_uri"] == f"{ORIGIN}/login/oidc"
    assert one["code_challenge_method"] == "S256"
    for name in ("state", "nonce", "code_challenge"):
        assert len(one[name]) >= 43
        assert one[name] != other[name]


async def test_the_login_is_a_session_like_any_other(
    control: Running, provider: OidcProvider
) -> None:
    answer = await sign_on(control, provider, somebody(provider))
    set_cookies = answer.headers.get_list("set-cookie")
    [session] = [each for each in set_cookies if each.startswith(COOKIE)]
    assert "HttpOnly" in session
    assert "SameSite=lax" in session
    assert any(each.startswith('vllm_manager_oidc=""') for each in set_cookies)
    token = answer.json()["session"]["csrf_token"]
    headers = {"cookie": f"{COOKIE}={answer.cookies[COOKIE]}", "x-csrf-token": token}
    listed = await control.client.get("/api/v1/auth/sessions", headers=headers)
    [found] = listed.json()["items"]
    assert found["is_current"]
    path = f"/api/v1/auth/sessions/{found['id']}"
    assert (await control.client.delete(path, headers=headers)).status_code == 204
    me = await control.client.get("/api/v1/auth/me", headers=headers)
    assert me.status_code == 401


async def test_who_comes_by_single_sign_on_has_no_password_to_change(
    control: Running, provider: OidcProvider
) -> None:
    answer = await sign_on(control, provider, somebody(provider))
    token = answer.json()["session"]["csrf_token"]
    headers = {"cookie": f"{COOKIE}={answer.cookies[COOKIE]}", "x-csrf-token": token}
    body = {"current_password": "", "new_password": "correct horse battery staple"}
    for guess in ("x", "None"):
        body["current_password"] = guess
        changed = await control.client.post("/api/v1/auth/password", json=body, headers=headers)
        assert (changed.status_code, changed.json()["code"]) == (409, "no_password")


@pytest.mark.parametrize(
    ("groups", "role"),
    [
        (["everybody"], "member"),
        (["everybody", "ml-ops"], "operator"),
        (["ml-admins", "everybody", "ml-ops"], "administrator"),
        ("ml-ops", "operator"),
    ],
)
async def test_the_most_that_a_group_gives_is_the_role(
    control: Running, provider: OidcProvider, groups: Any, role: str
) -> None:
    subject = somebody(provider, groups=groups)
    assert (await who(control, await sign_on(control, provider, subject)))["role"] == role


async def test_the_role_follows_the_groups_at_each_login(
    control: Running, provider: OidcProvider
) -> None:
    subject = somebody(provider, groups=["ml-admins"])
    before = await who(control, await sign_on(control, provider, subject))
    provider.knows(subject, groups=["everybody"])
    after = await who(control, await sign_on(control, provider, subject))
    assert (before["role"], after["role"]) == ("administrator", "member")
    assert after["id"] == before["id"]


async def test_who_is_in_no_group_is_refused_and_their_logins_end(
    control: Running, provider: OidcProvider
) -> None:
    answer = await sign_on(control, provider, somebody(provider, groups=["others"]))
    assert (answer.status_code, answer.json()["code"]) == (403, "oidc_refused")
    assert COOKIE not in answer.cookies
    subject = somebody(provider)
    earlier = (await sign_on(control, provider, subject)).cookies[COOKIE]
    provider.knows(subject, groups=[])
    assert (await sign_on(control, provider, subject)).status_code == 403
    me = await control.client.get("/api/v1/auth/me", headers={"cookie": f"{COOKIE}={earlier}"})
    assert me.status_code == 401


async def test_a_default_role_lets_everybody_of_the_provider_in(
    tmp_path: Path, provider: OidcProvider
) -> None:
    settings = provider.settings(oidc_default_role="viewer", oidc_groups_claim="realm.roles")
    settings["oidc_roles"] = {"boss": "operator"}
    async with running_in(tmp_path, **settings) as control:
        plain = await who(control, await sign_on(control, provider, somebody(provider)))
        subject = somebody(provider, realm={"roles": ["boss"]})
        boss = await who(control, await sign_on(control, provider, subject))
    assert (plain["role"], boss["role"]) == ("viewer", "operator")


async def test_an_equal_name_or_address_makes_nobody_somebody_else(
    control: Running, provider: OidcProvider
) -> None:
    local = await person(control, "administrator")
    mail = f"{local.username}@example.org"
    await control.client.patch(
        f"/api/v1/users/{local.id}", json={"email": mail}, headers=control.bearer
    )
    claims = {"preferred_username": local.username, "email": mail, "email_verified": True}
    first, second = [
        await who(control, await sign_on(control, provider, somebody(provider, **claims)))
        for _ in range(2)
    ]
    assert len({local.id, first["id"], second["id"]}) == 3
    assert (first["username"], first["role"]) == (mail, "member")
    assert (second["username"], second["role"]) == (f"{local.username}-2", "member")
    assert (await users(control, local.username))[0]["role"] == "administrator"


async def test_a_disabled_user_stays_out(control: Running, provider: OidcProvider) -> None:
    subject = somebody(provider)
    user = await who(control, await sign_on(control, provider, subject))
    path = f"/api/v1/users/{user['id']}"
    await control.client.post(f"{path}/disable", headers=control.bearer)
    answer = await sign_on(control, provider, subject)
    assert (answer.status_code, answer.json()["code"]) == (403, "oidc_refused")
    await control.client.post(f"{path}/enable", headers=control.bearer)
    assert (await who(control, await sign_on(control, provider, subject)))["id"] == user["id"]


async def test_logins_and_refusals_are_in_the_audit_log_with_names(
    control: Running, provider: OidcProvider
) -> None:
    subject = somebody(provider, preferred_username=f"bert-{secrets.token_hex(4)}")
    user = await who(control, await sign_on(control, provider, subject))
    provider.knows(subject, groups=[])
    await sign_on(control, provider, subject)
    answer = await control.client.get(
        f"/api/v1/audit?actor={user['username']}", headers=control.bearer
    )
    refused, done = answer.json()["items"]
    assert [entry["action"] for entry in (refused, done)] == ["finishOidcLogin"] * 2
    assert (done["outcome"], done["actor_id"]) == ("done", user["id"])
    assert done["credential"].startswith("ses_")
    assert (refused["outcome"], refused["code"]) == ("refused", "oidc_refused")
    assert refused["actor"] == user["username"]
    report = await control.client.get("/api/v1/audit/verify", headers=control.bearer)
    assert report.json()["ok"]


async def test_one_goes_on_with_the_page_that_one_came_for(
    control: Running, provider: OidcProvider
) -> None:
    answer = await sign_on(control, provider, somebody(provider), "/deployments/demo?tab=logs")
    assert answer.json()["return_to"] == "/deployments/demo?tab=logs"
    for foreign in ("https://evil.test/", "//evil.test", "/\\evil.test", "/\t/evil.test", "x"):
        answer = await sign_on(control, provider, somebody(provider), foreign)
        assert answer.json()["return_to"] == "/", foreign


async def test_the_secret_may_lie_in_a_file(tmp_path: Path, provider: OidcProvider) -> None:
    settings = provider.settings(oidc_default_role="viewer", oidc_client_secret=None)
    (tmp_path / "secrets").mkdir(mode=0o700)
    (tmp_path / "secrets" / "oidc_client_secret").write_text("from a file\n")
    async with running_in(tmp_path, **settings) as control:
        begun = await begin(control)
        answer = await finish(control, begun, provider.log_in(begun.url, somebody(provider)))
        assert answer.status_code == 200
