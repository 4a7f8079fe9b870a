"""Keys for tests, made and asked for through the API."""

from typing import Any

from support.application import Running
from support.people import Person

Json = dict[str, Any]


def bearer(secret: str) -> dict[str, str]:
    return {"authorization": f"Bearer {secret}"}


async def call(
    control: Running,
    who: Person | dict[str, str] | None,
    method: str,
    path: str,
    body: object = None,
) -> tuple[int, Json]:
    """Ask as a person, with headers, or (None) as the first administrator."""
    headers = control.bearer if who is None else who.headers if isinstance(who, Person) else who
    url = f"/api/v1{path}"
    answer = await control.client.request(method, url, json=body, headers=headers)
    return answer.status_code, answer.json() if answer.content else {}


async def ask(
    control: Running,
    who: Person | dict[str, str] | None,
    method: str,
    path: str,
    body: object = None,
) -> Json:
    """Ask for what must be granted."""
    status, found = await call(control, who, method, path, body)
    assert status in (200, 201, 204), found
    return found


async def refused(
    control: Running,
    who: Person | dict[str, str] | None,
    method: str,
    path: str,
    body: object = None,
) -> str:
    """Ask for what must be refused; return the problem's code."""
    status, found = await call(control, who, method, path, body)
    assert status >= 400, found
    return found["code"]


async def key(
    control: Running, who: Person | dict[str, str] | None = None, **asked: Any
) -> tuple[str, Json]:
    """Make a key; return its secret and how it is shown."""
    made = await ask(control, who, "POST", "/keys", {"name": "reports", **asked})
    return made["secret"], made["key"]


async def team(control: Running, name: str, *members: Person) -> str:
    """Make a team of people and return its id."""
    team_id: str = (await ask(control, None, "POST", "/teams", {"name": name}))["id"]
    for each in members:
        await ask(control, None, "PUT", f"/teams/{team_id}/members/{each.id}")
    return team_id


async def service_account(control: Running, name: str, role: str = "member") -> str:
    """Make a service account and return its id."""
    body = {"username": name, "role": role, "kind": "service"}
    return (await ask(control, None, "POST", "/users", body))["id"]
