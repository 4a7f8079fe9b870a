"""75. Every route × no, unknown, expired, revoked, ended and wrong-role credential."""

from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fakes.clock import FakeClock
from support.application import Running, running_in
from support.hub import Hub
from support.people import COOKIE, Person, person
from vllm_manager.auth import ROLES

pytestmark = pytest.mark.survival

OPEN = {
    "getHealth",
    "getReadiness",
    "getVersion",
    "login",
    "getLink",
    "acceptLink",
    "getOidc",
    "startOidcLogin",
    "finishOidcLogin",
}
"""Operations that say themselves who may come in. All others must name roles."""
OWN = (
    "/api/v1/auth/",
    "/api/v1/keys",
    "/api/v1/fit",
    "/api/v1/requests/{request_id}/cancel",
    "/api/v1/client-errors",
)
"""Where members and viewers may change, or ask with POST: what is their own."""
FOR_ADMINISTRATORS = (
    "/api/v1/users",
    "/api/v1/invitations",
    "/api/v1/teams",
    "/api/v1/limits",
    "/api/v1/usage/prices",
)
INTERNAL = (
    ("GET", "/internal/v1/gateway/snapshots"),
    ("POST", "/internal/v1/gateway/usage"),
    ("POST", "/internal/v1/gateway/requests"),
    ("POST", "/internal/v1/reports"),
    ("POST", "/internal/v1/warmers"),
)
QUERIES = {
    "streamEvents": "?topics=nothing",  # what is right would not end
    "putHubToken": "?scope=user",  # the installation's is for administrators
    "deleteHubToken": "?scope=user",
}
UNSAFE = {"POST", "PUT", "PATCH", "DELETE"}


@dataclass(frozen=True, slots=True)
class Route:
    """One operation of the OpenAPI document."""

    name: str
    method: str
    path: str
    roles: tuple[str, ...] | None

    @property
    def address(self) -> str:
        """A path that names nothing that exists."""
        return self.path.replace("{", "").replace("}", "") + QUERIES.get(self.name, "")


def routes_of(control: Running) -> Sequence[Route]:
    """Return every operation; what ends the session comes last."""
    return sorted(_described(control), key=lambda route: route.name == "logout")


def _described(control: Running) -> Iterator[Route]:
    for path, item in control.app.openapi()["paths"].items():
        for method, operation in item.items():
            roles = operation.get("x-roles")
            yield Route(
                operation["operationId"],
                method.upper(),
                path,
                None if roles is None else tuple(roles),
            )


@pytest.fixture
async def control(tmp_path: Path) -> AsyncGenerator[Running]:
    """The application without a hub: what a permitted caller asks of one fails at once."""
    with Hub(()) as hub:
        async with running_in(tmp_path, hub_endpoint=hub.url) as control:
            yield control


async def statuses(control: Running, headers: dict[str, str]) -> dict[str, tuple[int, str | None]]:
    """Call every operation that is not open; return status and the problem's code of each."""
    found: dict[str, tuple[int, str | None]] = {}
    for route in routes_of(control):
        if route.name in OPEN:
            continue
        answer = await control.client.request(route.method, route.address, headers=headers, json={})
        is_problem = answer.headers.get("content-type", "").startswith("application/problem")
        found[route.name] = (answer.status_code, answer.json()["code"] if is_problem else None)
        assert answer.status_code < 500 or is_problem, route
    return found


async def test_75_every_route_says_who_may_call_it(control: Running) -> None:
    for route in routes_of(control):
        if route.name in OPEN:
            assert route.roles is None, route
            continue
        assert route.roles, f"{route} declares no roles: use require_role"
        assert "administrator" in route.roles, route
        if route.method in UNSAFE and not route.path.startswith(OWN):
            assert not {"member", "viewer"} & set(route.roles), route
        if route.method in UNSAFE and route.path.startswith(FOR_ADMINISTRATORS):
            assert route.roles == ("administrator",), route


async def test_75_without_a_valid_credential_every_route_is_shut(tmp_path: Path) -> None:
    clock = FakeClock()
    async with running_in(tmp_path, clock) as control:
        await _require_shut(control, clock)


async def _require_shut(control: Running, clock: FakeClock) -> None:
    expired, ended, disabled = [await person(control, "administrator") for _ in range(3)]
    tomorrow = clock.now() + timedelta(days=1)
    key, revoked = [await _key(control, expired, tomorrow) for _ in range(2)]
    for path in (f"/api/v1/keys/{revoked[1]}/revoke", f"/api/v1/users/{disabled.id}/disable"):
        answer = await control.client.post(path, headers=control.bearer)
        assert answer.status_code == 200, answer.text
    await control.client.post("/api/v1/auth/logout", headers=ended.headers)
    control.client.cookies.clear()
    clock.advance(timedelta(days=8).total_seconds())
    credentials = {
        "none": {},
        "unknown key": {"authorization": "Bearer vm-nobody"},
        "another scheme": {"authorization": "Basic eDp5"},
        "SQL": {"authorization": "Bearer ' OR 1=1 --"},
        "expired key": {"authorization": f"Bearer {key[0]}"},
        "revoked key": {"authorization": f"Bearer {revoked[0]}"},
        "a replica's token": control.token("report_token"),
        "the gateway's token": control.token("internal_token"),
        "unknown session": {"cookie": f"{COOKIE}=nobody", "x-csrf-token": "x"},
        "expired session": expired.headers,
        "ended session": ended.headers,
        "a disabled user's session": disabled.headers,
        "a wrong key beside a session": {"authorization": "Bearer x", **expired.headers},
    }
    for name, headers in credentials.items():
        for operation, found in (await statuses(control, headers)).items():
            assert found == (401, "not_authenticated"), (name, operation)


async def test_75_every_role_may_do_what_its_routes_say_and_no_more(control: Running) -> None:
    routes = {route.name: route for route in routes_of(control)}
    for role in ROLES:
        user = await person(control, role)
        for name, (status, code) in (await statuses(control, user.headers)).items():
            allowed = routes[name].roles or ()
            if role in allowed:
                assert code not in ("forbidden", "csrf_required"), (role, name)
                assert status != 401, (role, name)
            else:
                assert (status, code) == (403, "forbidden"), (role, name, status)


async def test_75_a_key_has_the_role_of_its_user(control: Running) -> None:
    member = await person(control, "member")
    secret, _ = await _key(control, member, datetime.now(UTC) + timedelta(days=1))
    bearer = {"authorization": f"Bearer {secret}"}
    routes = {route.name: route for route in routes_of(control)}
    for name, (status, code) in (await statuses(control, bearer)).items():
        is_allowed = "member" in (routes[name].roles or ())
        assert (code == "forbidden") is not is_allowed, (name, status, code)


LIMITED: dict[str, tuple[dict[str, object], bool]] = {
    "names models": ({"models": ["demo"]}, False),
    "for models only": ({"management": False}, False),
    "names models and manages": ({"models": ["demo"], "management": True}, True),
    "manages": ({"management": True}, True),
    "neither": ({}, True),
}
"""What keys are made with, and whether they open the REST API."""


@pytest.mark.parametrize("role", ["administrator", "operator", "member"])
@pytest.mark.parametrize("asked", LIMITED)
async def test_75_a_key_for_models_opens_nothing_else(
    control: Running, role: str, asked: str
) -> None:
    user = await person(control, role)
    fields, manages = LIMITED[asked]
    secret, key_id = await _key(control, user, datetime.now(UTC) + timedelta(days=1), **fields)
    bearer = {"authorization": f"Bearer {secret}"}
    for name, (status, code) in (await statuses(control, bearer)).items():
        if manages or name == "getMe":
            assert code != "key_for_models_only", name
        else:
            assert (status, code) == (403, "key_for_models_only"), name
    answer = await control.client.get(f"/api/v1/keys/{key_id}", headers=user.headers)
    assert answer.json()["management"] is manages


async def test_75_a_key_from_another_network_opens_no_route(control: Running) -> None:
    user = await person(control, "administrator")
    until = datetime.now(UTC) + timedelta(days=1)
    secret, _ = await _key(control, user, until, addresses=["192.0.2.0/24"])
    found = await statuses(control, {"authorization": f"Bearer {secret}"})
    assert set(found.values()) == {(403, "address_not_allowed")}


async def test_75_a_key_that_is_narrowed_to_models_loses_the_rest_at_once(
    control: Running,
) -> None:
    user = await person(control, "administrator")
    secret, key_id = await _key(control, user, datetime.now(UTC) + timedelta(days=1))
    bearer, path = {"authorization": f"Bearer {secret}"}, f"/api/v1/keys/{key_id}"
    assert (await control.client.get("/api/v1/users", headers=bearer)).status_code == 200
    body = {"models": ["demo"]}
    changed = await control.client.patch(path, json=body, headers=user.headers)
    assert changed.json()["management"] is False
    assert (await control.client.get("/api/v1/users", headers=bearer)).status_code == 403
    rotated = await control.client.post(f"{path}/rotate", json={}, headers=user.headers)
    assert rotated.json()["key"]["management"] is False


async def test_75_the_doors_of_the_machines_open_to_no_person(control: Running) -> None:
    people = [await person(control, role) for role in ROLES]
    for method, path in INTERNAL:
        for headers in ({}, control.bearer, *(user.headers for user in people)):
            answer = await control.client.request(method, path, headers=headers, json={})
            assert answer.status_code == 401, path


async def _key(
    control: Running, owner: Person, expires_at: datetime, **fields: object
) -> tuple[str, str]:
    """Make a key; return it and its id."""
    body = {"name": "k", "expires_at": expires_at.isoformat(), **fields}
    answer = await control.client.post("/api/v1/keys", json=body, headers=owner.headers)
    assert answer.status_code == 201, answer.text
    return answer.json()["secret"], answer.json()["key"]["id"]
