"""A browser's way through single sign-on, as the login page goes it."""

from dataclasses import dataclass
from typing import Any

import httpx

from support.application import Running
from support.oidc_provider import OidcProvider
from support.people import COOKIE

PATH = "/api/v1/auth/oidc"
STATE_COOKIE = "vllm_manager_oidc"


@dataclass(frozen=True, slots=True)
class Begun:
    """A login under way: where the browser was sent, and the cookie that it was given."""

    url: str
    cookie: str


async def begin(control: Running, return_to: str | None = None) -> Begun:
    """Press the button of the login page."""
    answer = await control.client.post(f"{PATH}/start", json={"return_to": return_to})
    control.client.cookies.clear()
    assert answer.status_code == 200, answer.text
    return Begun(answer.json()["url"], answer.cookies[STATE_COOKIE])


async def finish(control: Running, begun: Begun | None, returned: dict[str, Any]) -> httpx.Response:
    """Come back from the provider, in the browser that began (or in another)."""
    headers = {"cookie": f"{STATE_COOKIE}={begun.cookie}"} if begun else {}
    answer = await control.client.post(f"{PATH}/finish", json=returned, headers=headers)
    control.client.cookies.clear()
    return answer


async def sign_on(
    control: Running, provider: OidcProvider, subject: str, return_to: str | None = None
) -> httpx.Response:
    """Go the whole way as `subject`."""
    begun = await begin(control, return_to)
    return await finish(control, begun, provider.log_in(begun.url, subject))


async def who(control: Running, answer: httpx.Response) -> dict[str, Any]:
    """Return whom the cookie of a finished login stands for."""
    assert answer.status_code == 200, answer.text
    headers = {"cookie": f"{COOKIE}={answer.cookies[COOKIE]}"}
    me = await control.client.get("/api/v1/auth/me", headers=headers)
    assert me.status_code == 200, me.text
    return me.json()["user"]
