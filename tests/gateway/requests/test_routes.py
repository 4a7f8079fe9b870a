"""Requests over HTTP: who sees which, who may cancel, who may read what was captured."""

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fakes.clock import FakeClock
from support.application import Running, running_in
from support.people import Person, person
from vllm_manager.gateway.requests.wire import Bodies, Orders, Row, Told

pytestmark = pytest.mark.integration

Json = dict[str, Any]


@pytest.fixture
async def control(tmp_path: Path) -> AsyncGenerator[Running]:
    async with running_in(tmp_path, fake_engine=True) as control:
        yield control


def row(number: int, user: str, **more: Any) -> Row:
    values: dict[str, Any] = {
        "number": number,
        "id": f"req-{number}",
        "deployment": "demo",
        "model": "demo",
        "path": "/v1/completions",
        "stream": True,
        "state": "decode",
        "started_at": 1_790_000_000.0 + number,
        "seconds": 3.0,
        "ttft_seconds": 1.0,
        "completion_tokens": 21,
        "user": user,
        "key_class": "user",
        **more,
    }
    return Row(**values)


def over(number: int, user: str, **more: Any) -> Row:
    return row(number, user, state="done", status=200, status_class="2xx", **more)


async def tell(control: Running, *under_way: Row, ended: list[Row] | None = None) -> Orders:
    answer = await control.client.post(
        "/internal/v1/gateway/requests",
        headers=control.token("internal_token"),
        content=msgspec.json.encode(Told("wrk_1", 4711, list(under_way), ended or [], [])),
    )
    assert answer.status_code == 200, answer.text
    return msgspec.json.decode(answer.content, type=Orders)


async def call(
    control: Running, who: Person, method: str, path: str, body: object = None
) -> tuple[int, Json]:
    path = f"/api/v1/requests{path}"
    answer = await control.client.request(method, path, json=body, headers=who.headers)
    return answer.status_code, answer.json() if answer.content else {}


async def listed(control: Running, who: Person, query: str = "") -> list[str]:
    status, page = await call(control, who, "GET", query)
    assert status == 200, page
    return [item["id"] for item in page["items"]]


async def test_operators_see_all_and_others_their_own(control: Running) -> None:
    member = await person(control, "member")
    await tell(control, row(1, member.id), row(2, "usr_other"))
    assert await listed(control, member) == ["req-1"]
    for role in ("operator", "administrator"):
        assert await listed(control, await person(control, role)) == ["req-2", "req-1"]
    viewer = await person(control, "viewer")
    assert await listed(control, viewer) == []
    assert (await call(control, viewer, "GET", "/req-1"))[0] == 404
    _, page = await call(control, member, "GET", "")
    [item] = page["items"]
    assert (item["user_name"], item["tokens_per_second"]) == (member.username, 10.0)
    assert (item["worker"], page["workers"], page["silent_workers"]) == (4711, 1, 0)


async def test_a_state_that_is_not_known_here_leaves_the_list_whole(control: Running) -> None:
    somebody = await person(control, "administrator")
    await tell(control, ended=[over(1, "usr_1"), row(2, "usr_1", state="overloaded", status=503)])
    status, page = await call(control, somebody, "GET", "")
    assert status == 200, page
    assert [item["state"] for item in page["items"]] == ["refused", "done"]


async def test_another_s_request_is_as_if_it_were_not_there(control: Running) -> None:
    member = await person(control, "member")
    await tell(control, row(1, "usr_other"))
    for method, rest in (("GET", ""), ("POST", "/cancel")):
        status, problem = await call(control, member, method, f"/req-1{rest}")
        assert (status, problem["code"]) == (404, "request_not_found")
    assert (await tell(control, row(1, "usr_other"))).cancel == []


async def test_filters_and_pages(control: Running) -> None:
    operator = await person(control, "operator")
    failed = row(3, "usr_2", state="refused", status=429, status_class="4xx", key="key_1")
    await tell(control, row(1, "usr_1"), row(2, "usr_1", deployment="x"), ended=[failed])
    assert await listed(control, operator, "?deployment=x") == ["req-2"]
    assert await listed(control, operator, "?state=active") == ["req-2", "req-1"]
    assert await listed(control, operator, "?state=recent") == ["req-3"]
    assert await listed(control, operator, "?status=4xx&key=key_1&user=usr_2") == ["req-3"]
    assert await listed(control, operator, "?status=5xx") == []
    _, first = await call(control, operator, "GET", "?limit=2")
    _, second = await call(control, operator, "GET", f"?limit=2&cursor={first['next_cursor']}")
    assert [i["id"] for i in (*first["items"], *second["items"])] == ["req-3", "req-2", "req-1"]
    assert second["next_cursor"] is None


async def test_a_cancellation_reaches_the_worker_and_the_audit_log(control: Running) -> None:
    member, operator = await person(control, "member"), await person(control, "operator")
    await tell(control, row(1, member.id), row(2, member.id), row(3, "usr_other"))
    for who, number in ((member, 1), (operator, 3)):
        status, view = await call(control, who, "POST", f"/req-{number}/cancel")
        assert (status, view["is_cancelling"]) == (202, True)
    assert (await tell(control, row(1, member.id), row(3, "usr_other"))).cancel == [1, 3]
    await tell(control, ended=[over(1, member.id)])
    status, problem = await call(control, member, "POST", "/req-1/cancel")
    assert (status, problem["code"]) == (409, "request_ended")
    answer = await control.client.get("/api/v1/audit?limit=50", headers=control.bearer)
    entries = [e for e in answer.json()["items"] if e["action"] == "cancelRequest"]
    assert {entry["subject"] for entry in entries} == {"req-1", "req-3"}


async def test_viewers_cancel_nothing(control: Running) -> None:
    viewer = await person(control, "viewer")
    await tell(control, row(1, "usr_1"))
    assert (await call(control, viewer, "POST", "/req-1/cancel"))[0] == 403


async def test_what_a_silent_worker_had_is_not_shown_as_current(tmp_path: Path) -> None:
    clock = FakeClock()
    async with running_in(tmp_path, clock) as control:
        operator = await person(control, "operator")
        await tell(control, row(1, "usr_1"))
        clock.advance(11)
        _, page = await call(control, operator, "GET", "")
        assert (page["workers"], page["silent_workers"]) == (0, 1)
        assert page["items"][0]["is_current"] is False
        status, problem = await call(control, operator, "POST", "/req-1/cancel")
        assert (status, problem["code"]) == (409, "gateway_silent")


async def deploy(control: Running) -> None:
    body = {"name": "demo", "model": "demo", "engine": "fake"}
    answer = await control.client.post("/api/v1/deployments", json=body, headers=control.bearer)
    assert answer.status_code == 202, answer.text


async def test_bodies_are_for_administrators_who_asked_for_them(control: Running) -> None:
    admin, operator = await person(control, "administrator"), await person(control, "operator")
    assert (await call(control, admin, "PUT", "/capture/demo", {}))[0] == 404
    await deploy(control)
    assert (await call(control, operator, "PUT", "/capture/demo", {}))[0] == 403
    assert (await call(control, admin, "PUT", "/capture/demo", {"minutes": 61}))[0] == 422
    body = {"minutes": 5, "requests": 3, "keep_hours": 1}
    status, rule = await call(control, admin, "PUT", "/capture/demo", body)
    assert (status, rule["requests_left"], rule["started_by"]) == (200, 3, admin.username)
    bodies = Bodies("asked", "answered")
    orders = await tell(control, ended=[over(1, "usr_1", bodies=bodies)])
    assert orders.capture == {"demo": 2}
    _, rules = await call(control, operator, "GET", "/capture")
    assert [rule["deployment"] for rule in rules["items"]] == ["demo"]
    _, view = await call(control, operator, "GET", "/req-1")
    assert view["has_bodies"] is True
    assert (await call(control, operator, "POST", "/req-1/reveal"))[0] == 403
    status, found = await call(control, admin, "POST", "/req-1/reveal")
    assert (status, found["request"], found["response"]) == (200, "asked", "answered")
    assert (await call(control, admin, "DELETE", "/capture/demo?erase=true"))[0] == 204
    assert (await tell(control)).capture == {}
    status, problem = await call(control, admin, "POST", "/req-1/reveal")
    assert (status, problem["code"]) == (404, "request_bodies_not_found")
    answer = await control.client.get("/api/v1/audit?limit=50", headers=control.bearer)
    actions = {entry["action"] for entry in answer.json()["items"]}
    assert {"startCapture", "stopCapture", "revealBodies"} <= actions


async def test_what_is_no_report_is_refused(control: Running) -> None:
    for content in (b"", b"[]", b'{"worker": ""}', b"\xff"):
        answer = await control.client.post(
            "/internal/v1/gateway/requests",
            headers=control.token("internal_token"),
            content=content,
        )
        assert answer.status_code == 422, content
