"""70. SQL in the Authorization header and in every filter."""

from collections.abc import AsyncGenerator, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest

from support.application import Running, running_in
from support.keys import ask, key, team
from support.people import person

pytestmark = pytest.mark.survival

INJECTIONS = (
    "' OR '1'='1",
    "'; DROP TABLE keys; --",
    '" OR ""="',
    "admin'--",
    "1) UNION SELECT fingerprint FROM keys --",
    "%",
    "_______",
    "\\",
)
ENDLESS = {"streamEvents"}
"""What would not end; its only parameter is a list of known names."""


class Route(NamedTuple):
    """A read, and the names of what it takes as text."""

    name: str
    path: str
    in_path: list[str]
    in_query: list[str]


@pytest.fixture
async def control(tmp_path: Path) -> AsyncGenerator[Running]:
    async with running_in(
        tmp_path, hub_endpoint="http://127.0.0.1:9", models_dir=tmp_path / "models"
    ) as control:
        yield control


def reads(control: Running) -> Iterator[Route]:
    """Yield every GET of the OpenAPI document that takes anything."""
    for path, item in control.app.openapi()["paths"].items():
        operation: dict[str, Any] = item.get("get", {})
        taken = operation.get("parameters", [])
        if not taken or operation["operationId"] in ENDLESS:
            continue
        named = {
            where: [p["name"] for p in taken if p["in"] == where] for where in ("path", "query")
        }
        yield Route(operation["operationId"], path, named["path"], named["query"])


async def everything(control: Running) -> dict[str, Any]:
    """Return what there is of people, keys and limits."""
    return {
        path: (await ask(control, None, "GET", path))["items"]
        for path in ("/users", "/teams", "/keys", "/limits")
    }


async def test_70_a_bearer_of_sql_is_nobody(control: Running) -> None:
    await key(control)
    for text in INJECTIONS:
        for scheme in ("Bearer", "bearer", ""):
            headers = {"authorization": f"{scheme} {text}"}
            answer = await control.client.get("/api/v1/auth/me", headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated"), text
        cookie = {"cookie": f"vllm_manager_session={quote(text)}"}
        answer = await control.client.get("/api/v1/auth/me", headers=cookie)
        assert answer.status_code == 401


async def test_70_a_name_of_sql_opens_no_session(control: Running) -> None:
    for text in INJECTIONS[:4]:
        for body in (
            {"username": text, "password": "x"},
            {"username": control.username, "password": text},
        ):
            answer = await control.client.post("/api/v1/auth/login", json=body)
            assert answer.status_code == 401, text


async def test_70_every_filter_takes_sql_as_text(control: Running) -> None:
    ada = await person(control, "member")
    await team(control, "research", ada)
    await key(control, ada, limits={"tokens_per_day": 7})
    before = await everything(control)
    routes = list(reads(control))
    assert len(routes) > 20
    for route in routes:
        for text in INJECTIONS:
            path = route.path
            for name in route.in_path:
                path = path.replace(f"{{{name}}}", quote(text, safe=""))
            for query in ({name: text} for name in route.in_query or ["nothing"]):
                answer = await control.client.get(path, params=query, headers=control.bearer)
                told = (route.name, text, query, answer.text[:300])
                assert answer.status_code < 500 or answer.json()["code"] != "internal_error", told
                assert "sqlite" not in answer.text.lower(), told
    assert await everything(control) == before


async def test_70_a_filter_of_sql_finds_nothing(control: Running) -> None:
    ada = await person(control, "member")
    await team(control, "research", ada)
    await key(control, ada)
    for text in INJECTIONS:
        for name in ("owner", "team"):
            found = await ask(control, None, "GET", f"/keys?{name}={quote(text)}")
            assert found["items"] == [], (name, text)


async def test_70_names_of_sql_are_kept_as_they_are(control: Running) -> None:
    for text in INJECTIONS:
        _, made = await key(control, name=text)
        assert made["name"] == text
        policy = await ask(
            control, None, "PUT", f"/limits/model/{quote(text, safe='')}", {"tokens_per_day": 7}
        )
        assert policy["subject"] == text
    listed = (await ask(control, None, "GET", "/limits?scope=model"))["items"]
    assert {item["subject"] for item in listed} == set(INJECTIONS)
