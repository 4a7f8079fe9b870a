"""What comes back and proves nothing lets nobody in; a provider that is down harms nobody else."""

import secrets
import socket
from pathlib import Path
from typing import Any

import pytest

from fakes.clock import FakeClock
from support.application import Running, running_in
from support.oidc_provider import OidcProvider, changed, oidc_provider, parameters
from support.people import COOKIE, person
from support.sign_on import PATH, STATE_COOKIE, Begun, begin, finish, sign_on

pytestmark = pytest.mark.integration

ROLES: dict[str, Any] = {"oidc_default_role": "member"}


@pytest.fixture
def subject() -> str:
    return f"subject-{secrets.token_hex(6)}"


async def refused(
    control: Running, begun: Begun | None, returned: dict[str, Any]
) -> tuple[int, str]:
    """Come back, and return how it was refused."""
    answer = await finish(control, begun, returned)
    assert COOKIE not in answer.cookies
    return answer.status_code, answer.json()["code"]


async def test_another_state_than_this_browser_s_is_refused(
    control: Running, provider: OidcProvider, subject: str
) -> None:
    mine, other = await begin(control), await begin(control)
    returned = provider.log_in(mine.url, subject)
    stale = (409, "oidc_stale")
    assert await refused(control, other, returned) == stale, "another login's cookie"
    assert await refused(control, None, returned) == stale, "another browser"
    assert await refused(control, mine, {**returned, "state": "guessed"}) == stale
    assert await refused(control, mine, {**returned, "state": "ü"}) == stale
    forged = Begun(mine.url, mine.cookie[:-8] + "AAAAAAA=")
    assert await refused(control, forged, returned) == stale, "a changed cookie"
    for cookie in ("x", "v1.", "v1.AAAA", "%00"):
        assert await refused(control, Begun(mine.url, cookie), returned) == stale


async def test_what_came_back_is_worth_something_once(
    control: Running, provider: OidcProvider, subject: str
) -> None:
    begun = await begin(control)
    returned = provider.log_in(begun.url, subject)
    provider.knows(subject, groups=["everybody"])
    assert (await finish(control, begun, returned)).status_code == 200
    assert await refused(control, begun, returned) == (409, "oidc_stale")


async def test_the_provider_refuses_a_used_code_also_after_a_restart_here(
    tmp_path: Path, provider: OidcProvider, subject: str
) -> None:
    async with running_in(tmp_path, **provider.settings(**ROLES)) as control:
        begun = await begin(control)
        returned = provider.log_in(begun.url, subject)
        assert (await finish(control, begun, returned)).status_code == 200
    async with running_in(tmp_path, **provider.settings(**ROLES)) as control:
        assert await refused(control, begun, returned) == (403, "oidc_refused")


async def test_a_login_may_end_after_a_restart_here(
    tmp_path: Path, provider: OidcProvider, subject: str
) -> None:
    async with running_in(tmp_path, **provider.settings(**ROLES)) as control:
        begun = await begin(control)
    async with running_in(tmp_path, **provider.settings(**ROLES)) as control:
        answer = await finish(control, begun, provider.log_in(begun.url, subject))
        assert answer.status_code == 200


async def test_a_login_that_takes_longer_than_ten_minutes_is_refused(
    tmp_path: Path, provider: OidcProvider, subject: str
) -> None:
    clock = FakeClock()
    async with running_in(tmp_path, clock, **provider.settings(**ROLES)) as control:
        begun = await begin(control)
        returned = provider.log_in(begun.url, subject)
        clock.advance(601)
        assert await refused(control, begun, returned) == (409, "oidc_stale")


async def test_a_token_of_another_login_is_refused(
    control: Running, provider: OidcProvider, subject: str
) -> None:
    begun = await begin(control)
    stolen = provider.log_in(changed(begun.url, {"nonce": "of-another-login"}), subject)
    assert await refused(control, begun, stolen) == (403, "oidc_refused")


async def test_a_code_for_another_client_is_refused(
    control: Running, provider: OidcProvider, subject: str
) -> None:
    begun = await begin(control)
    theirs = provider.log_in(changed(begun.url, {"client_id": "another"}), subject)
    assert await refused(control, begun, theirs) == (403, "oidc_refused")


async def test_a_made_up_code_and_another_issuer_are_refused(
    control: Running, provider: OidcProvider, subject: str
) -> None:
    begun = await begin(control)
    returned = provider.log_in(begun.url, subject)
    answer = {**returned, "code": "made-up"}
    assert await refused(control, begun, answer) == (403, "oidc_refused")
    begun = await begin(control)
    answer = {**provider.log_in(begun.url, subject), "iss": "https://evil.test"}
    assert await refused(control, begun, answer) == (403, "oidc_refused")


async def test_who_cancels_at_the_provider_is_told_to_try_again(
    control: Running, provider: OidcProvider
) -> None:
    begun = await begin(control)
    returned = provider.refuse(begun.url)
    assert returned["error"] == "access_denied"
    returned.setdefault("state", parameters(begun.url)["state"])
    assert await refused(control, begun, returned) == (403, "oidc_refused")


async def test_refusals_say_nothing_of_why(
    control: Running, provider: OidcProvider, subject: str
) -> None:
    told: set[str] = set()
    provider.knows(subject, groups=[])
    for change in ({}, {"nonce": "another"}, {"client_id": "another"}):
        begun = await begin(control)
        answer = await finish(control, begun, provider.log_in(changed(begun.url, change), subject))
        problem = answer.json()
        problem.pop("request_id")
        told.add(str(problem))
    assert len(told) == 1


async def test_refusals_are_throttled_apart_from_passwords(
    control: Running, provider: OidcProvider, subject: str
) -> None:
    anna = await person(control, "member")
    codes: list[str] = []
    for _ in range(11):
        begun = await begin(control)
        returned = provider.log_in(changed(begun.url, {"nonce": "another"}), subject)
        codes.append((await refused(control, begun, returned))[1])
    assert codes == ["oidc_refused"] * 10 + ["too_many_attempts"]
    body = {"username": anna.username, "password": anna.password}
    answer = await control.client.post("/api/v1/auth/login", json=body)
    assert answer.status_code == 200


async def test_signing_on_never_takes_a_session_that_was_there(
    control: Running, provider: OidcProvider, subject: str
) -> None:
    thief = await person(control, "member")
    provider.knows(subject, groups=["everybody"])
    begun = await begin(control)
    cookies = f"{STATE_COOKIE}={begun.cookie}; {COOKIE}={thief.cookie}"
    returned = provider.log_in(begun.url, subject)
    answer = await control.client.post(f"{PATH}/finish", json=returned, headers={"cookie": cookies})
    control.client.cookies.clear()
    assert answer.cookies[COOKIE] != thief.cookie
    me = await control.client.get("/api/v1/auth/me", headers={"cookie": f"{COOKIE}={thief.cookie}"})
    assert me.status_code == 401, "the browser's earlier session ended"


async def test_with_the_provider_down_passwords_work_and_a_login_there_says_so(
    tmp_path: Path, subject: str
) -> None:
    with oidc_provider(tmp_path / "provider.log") as provider:
        settings = provider.settings(**ROLES)
        async with running_in(tmp_path, **settings) as control:
            begun = await begin(control)
            returned = provider.log_in(begun.url, subject)
            provider.end()
            assert await refused(control, begun, returned) == (503, "oidc_unavailable")
            await person(control, "member")
    async with running_in(tmp_path, **settings) as control:
        answer = await control.client.post(f"{PATH}/start", json={})
        assert (answer.status_code, answer.json()["code"]) == (503, "oidc_unavailable")
        assert answer.json()["retryable"]
        await control.log_in()


async def test_a_provider_that_never_answers_holds_nobody_up_for_long(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        issuer = f"http://127.0.0.1:{silent.getsockname()[1]}"
        settings: dict[str, Any] = {"oidc_issuer": issuer, "oidc_client_id": "x", **ROLES}
        async with running_in(tmp_path, **settings) as control:
            answer = await control.client.post(f"{PATH}/start", json={})
            assert (answer.status_code, answer.json()["code"]) == (503, "oidc_unavailable")


async def test_a_provider_with_another_name_is_not_trusted(
    tmp_path: Path, provider: OidcProvider
) -> None:
    settings = provider.settings(**ROLES)
    settings["oidc_issuer"] = provider.issuer.replace("127.0.0.1", "localhost") + "/"
    async with running_in(tmp_path, **settings) as control:
        answer = await control.client.post(f"{PATH}/start", json={})
    assert (answer.status_code, answer.json()["code"]) == (503, "oidc_unavailable")


async def test_the_secret_and_the_code_stay_out_of_answers_and_logs(
    control: Running, provider: OidcProvider, subject: str, caplog: pytest.LogCaptureFixture
) -> None:
    begun = await begin(control)
    returned = provider.log_in(changed(begun.url, {"nonce": "another"}), subject)
    answer = await finish(control, begun, returned)
    said = answer.text + caplog.text
    assert "of no use anywhere else" not in said
    assert returned["code"] not in said
    assert "nonce" in caplog.text, "the log has the cause"
    assert (await sign_on(control, provider, subject)).status_code == 403
    assert "VLLM_MANAGER_OIDC_DEFAULT_ROLE" in caplog.text
