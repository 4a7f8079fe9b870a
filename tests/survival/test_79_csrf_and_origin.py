"""79. CSRF on every unsafe method, DELETE included; pages of other sites can't listen either."""

from collections.abc import AsyncGenerator, Iterator
from pathlib import Path

import pytest

from support.application import ORIGIN, Running, running_in
from support.people import COOKIE, administrator, person

pytestmark = pytest.mark.survival

SAFE = {"GET", "HEAD", "OPTIONS"}
WITHOUT_SESSION = {"login", "acceptLink", "startOidcLogin", "finishOidcLogin"}
OPEN = {"getHealth", "getReadiness", "getVersion", "getLink", "getOidc"}
BODIES: dict[str, dict[str, str]] = {
    "login": {"username": "a", "password": "b"},
    "acceptLink": {"password": "b"},
    "startOidcLogin": {},
    "finishOidcLogin": {"state": "s", "code": "c"},
}
FOREIGN = (
    {"origin": "https://evil.test"},
    {"origin": "null"},
    {"origin": f"{ORIGIN}.evil.test"},
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
    {"sec-fetch-site": "cross-site", "origin": ORIGIN},
)


@pytest.fixture
async def control(tmp_path: Path) -> AsyncGenerator[Running]:
    async with running_in(tmp_path) as control:
        yield control


def operations(control: Running) -> Iterator[tuple[str, str, str]]:
    """Yield name, method and an address that names nothing, of every operation."""
    for path, item in control.app.openapi()["paths"].items():
        for method, operation in item.items():
            address = path.replace("{", "").replace("}", "")
            yield operation["operationId"], method.upper(), address


async def test_79_no_unsafe_route_takes_the_cookie_alone(control: Running) -> None:
    admin = await administrator(control)
    other = await person(control, "administrator")
    wrong: tuple[dict[str, str], ...] = (
        {},
        {"x-csrf-token": ""},
        {"x-csrf-token": "guess"},
        {"x-csrf-token": other.csrf},
    )
    seen: set[str] = set()
    for name, method, path in operations(control):
        if method in SAFE or name in WITHOUT_SESSION:
            continue
        seen.add(method)
        for sent in wrong:
            headers = {"cookie": f"{COOKIE}={admin.cookie}", **sent}
            answer = await control.client.request(method, path, headers=headers, json={})
            assert (answer.status_code, answer.json()["code"]) == (403, "csrf_required"), name
    assert seen == {"POST", "PUT", "PATCH", "DELETE"}
    me = await control.client.get("/api/v1/auth/me", headers=admin.headers)
    assert me.status_code == 200, "nothing was done: the session is still there"


async def test_79_a_page_of_another_site_reaches_no_route_streams_included(
    control: Running,
) -> None:
    admin = await administrator(control)
    for name, method, path in operations(control):
        if name in WITHOUT_SESSION:
            headers: dict[str, str] = {}
            body = BODIES[name]
        elif name in OPEN:
            continue
        else:
            headers, body = admin.headers, {}
        for foreign in FOREIGN:
            answer = await control.client.request(
                method, path, headers={**headers, **foreign}, json=body
            )
            assert (answer.status_code, answer.json()["code"]) == (403, "cross_origin"), name
            assert "access-control-allow-origin" not in answer.headers


async def test_79_a_preflight_of_another_site_is_granted_nothing(control: Running) -> None:
    asked = {
        "origin": "https://evil.test",
        "access-control-request-method": "DELETE",
        "access-control-request-headers": "x-csrf-token",
    }
    for _, _, path in operations(control):
        answer = await control.client.options(path, headers=asked)
        assert answer.status_code in (401, 403, 404, 405), path
        assert not [name for name in answer.headers if name.startswith("access-control-")]


async def test_79_every_answer_keeps_a_page_from_being_framed_or_scripted(
    control: Running,
) -> None:
    for path in ("/api/v1/auth/me", "/api/v1/nothing", "/", "/docs", "/openapi.json", "/healthz"):
        answer = await control.client.get(path, headers={"accept": "text/html"})
        policy = answer.headers["content-security-policy"]
        parts = [each.strip().partition(" ") for each in policy.split(";")]
        directives = {name: value for name, _, value in parts}
        assert directives["frame-ancestors"] == "'none'", path
        scripts = directives.get("script-src", directives["default-src"])
        assert scripts in ("'self'", "'none'"), path
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert answer.headers["x-frame-options"] == "DENY"
