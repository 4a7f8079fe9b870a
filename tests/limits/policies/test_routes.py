"""Limits through the API: set, read, taken away, and what applies to a key."""

from datetime import datetime
from typing import Any

import pytest

from support.application import Running
from support.keys import ask, bearer, call, key, refused, team
from support.people import person
from vllm_manager.limits import UsageLedger, UsageRecord, UsageReport

pytestmark = pytest.mark.integration

NONE = {
    "requests_per_minute": None,
    "tokens_per_minute": None,
    "concurrent_requests": None,
    "tokens_per_day": None,
    "tokens_per_month": None,
}


async def spend(
    control: Running, at: datetime, tokens: int, key_id: str, user: str, team_id: str | None = None
) -> None:
    """Let the gateway report what a request used."""
    ledger: UsageLedger = control.app.state.usage
    half = tokens // 2
    record = UsageRecord(
        at=at.timestamp(),
        model="demo",
        status=200,
        key=key_id,
        user=user,
        team=team_id,
        prompt_tokens=half,
        completion_tokens=tokens - half,
    )
    assert await ledger.record(UsageReport(f"bat_{at.timestamp()}_{tokens}_{key_id}", [record]))


async def test_limits_of_each_scope_are_set_read_and_taken_away(control: Running) -> None:
    ada = await person(control, "member")
    team_id = await team(control, "research", ada)
    _, made = await key(control, ada)
    subjects = {
        "/limits/installation": (None, None),
        f"/limits/team/{team_id}": (team_id, "research"),
        f"/limits/user/{ada.id}": (ada.id, ada.username),
        f"/limits/key/{made['id']}": (made["id"], "reports"),
        "/limits/model/demo": ("demo", "demo"),
    }
    for path, (subject, name) in subjects.items():
        policy = await ask(control, None, "PUT", path, {"tokens_per_minute": 7})
        assert (policy["subject"], policy["name"]) == (subject, name)
        assert policy["limits"] == {**NONE, "tokens_per_minute": 7}
        assert await ask(control, None, "GET", path) == policy
    listed = (await ask(control, None, "GET", "/limits"))["items"]
    assert [item["scope"] for item in listed] == ["installation", "key", "model", "team", "user"]
    one = (await ask(control, None, "GET", "/limits?scope=team"))["items"]
    assert [item["subject"] for item in one] == [team_id]
    for path in subjects:
        await ask(control, None, "DELETE", path)
        gone = await ask(control, None, "GET", path)
        assert (gone["limits"], gone["updated_at"]) == (NONE, None)
        await ask(control, None, "DELETE", path)
    assert (await ask(control, None, "GET", "/limits"))["items"] == []


async def test_a_put_replaces_all_five(control: Running) -> None:
    path = "/limits/installation"
    await ask(control, None, "PUT", path, {"requests_per_minute": 5, "tokens_per_day": 9})
    found = await ask(control, None, "PUT", path, {"concurrent_requests": 2})
    assert found["limits"] == {**NONE, "concurrent_requests": 2}


async def test_the_list_has_pages(control: Running) -> None:
    for name in ("a", "b", "c"):
        await ask(control, None, "PUT", f"/limits/model/{name}", {"concurrent_requests": 1})
    first = await ask(control, None, "GET", "/limits?limit=2")
    rest = await ask(control, None, "GET", f"/limits?limit=2&cursor={first['next_cursor']}")
    assert [item["subject"] for item in first["items"] + rest["items"]] == ["a", "b", "c"]
    assert rest["next_cursor"] is None


async def test_nobody_and_nonsense_are_refused(control: Running) -> None:
    for scope in ("team", "user", "key"):
        code = await refused(control, None, "PUT", f"/limits/{scope}/nobody", {})
        assert code == f"{scope}_not_found"
    for path, body in (
        ("/limits/planet/earth", {}),
        ("/limits/installation", {"tokens_per_day": -1}),
        ("/limits/installation", {"tokens_per_day": "many"}),
        ("/limits/installation", {"tokens_per_year": 1}),
    ):
        assert await refused(control, None, "PUT", path, body) == "invalid_request", path


async def test_only_administrators_set_limits(control: Running) -> None:
    for role in ("operator", "member", "viewer"):
        who = await person(control, role)
        for method in ("PUT", "DELETE"):
            for path in ("/limits/installation", "/limits/model/demo", f"/limits/user/{who.id}"):
                assert await refused(control, who, method, path, {}) == "forbidden"


async def test_a_member_sees_the_limits_that_they_fall_under(control: Running) -> None:
    ada, bob = await person(control, "member"), await person(control, "member")
    mine, theirs = await team(control, "research", ada), await team(control, "sales", bob)
    (_, own), (_, other) = await key(control, ada), await key(control, bob)
    visible = [f"/limits/key/{own['id']}", f"/limits/team/{mine}", f"/limits/user/{ada.id}"]
    hidden = [f"/limits/key/{other['id']}", f"/limits/team/{theirs}", f"/limits/user/{bob.id}"]
    for path in ("/limits/installation", "/limits/model/demo", *visible, *hidden):
        await ask(control, None, "PUT", path, {"tokens_per_minute": 7})
    listed = (await ask(control, ada, "GET", "/limits"))["items"]
    assert [item["subject"] for item in listed] == [None, own["id"], "demo", mine, ada.id]
    for path in visible:
        await ask(control, ada, "GET", path)
    for path in hidden:
        assert (await refused(control, ada, "GET", path)).endswith("_not_found")
    operator = await person(control, "operator")
    assert len((await ask(control, operator, "GET", "/limits"))["items"]) == 8


async def test_what_applies_to_a_key_is_listed_with_the_tightest(control: Running) -> None:
    ada = await person(control, "member")
    team_id = await team(control, "research", ada)
    secret, made = await key(
        control, ada, models=["demo"], management=True, limits={"tokens_per_minute": 50}
    )
    for path, limits in (
        ("installation", {"tokens_per_minute": 900, "concurrent_requests": 100}),
        (f"team/{team_id}", {"tokens_per_minute": 300, "concurrent_requests": 9}),
        (f"user/{ada.id}", {"requests_per_minute": 60}),
        ("model/demo", {"requests_per_minute": 5}),
        ("model/other", {"requests_per_minute": 1}),
    ):
        await ask(control, None, "PUT", f"/limits/{path}", limits)
    found = await ask(control, ada, "GET", f"/limits/effective?key={made['id']}")
    assert [item["scope"] for item in found["items"]] == [
        "installation",
        "team",
        "user",
        "key",
        "model",
    ]
    smallest: dict[str, Any] = {"tokens_per_minute": 50, "concurrent_requests": 9}
    assert found["tightest"] == {**NONE, **smallest, "requests_per_minute": 60}
    own = await ask(control, bearer(secret), "GET", "/limits/effective?model=demo")
    assert own["key"] == made["id"]
    assert own["tightest"]["requests_per_minute"] == 5


async def test_without_a_key_the_limits_of_the_login_are_shown(control: Running) -> None:
    ada = await person(control, "member")
    await ask(control, None, "PUT", f"/limits/user/{ada.id}", {"requests_per_minute": 60})
    found = await ask(control, ada, "GET", "/limits/effective")
    assert (found["key"], [item["scope"] for item in found["items"]]) == (None, ["user"])


async def test_what_is_used_of_a_quota_is_told_by_day_and_month(timed: Running) -> None:
    now = timed.app.state.events.clock.now().replace(month=2, day=10)
    timed.app.state.events.clock.jump_wall(40 * 86400.0)  # 10 February
    assert timed.app.state.events.clock.now().date() == now.date()
    ada = await person(timed, "member")
    team_id = await team(timed, "research", ada)
    _, made = await key(timed, ada, limits={"tokens_per_day": 1000, "requests_per_minute": 5})
    await ask(timed, None, "PUT", f"/limits/team/{team_id}", {"tokens_per_month": 5000})
    await ask(timed, None, "PUT", f"/limits/user/{ada.id}", {"requests_per_minute": 6})
    for day, tokens in ((now, 10), (now.replace(day=9), 100), (now.replace(month=1), 1000)):
        await spend(timed, day, tokens, made["id"], ada.id, team_id)
    await spend(timed, now, 7, "key_other", "usr_other")
    timed.app.state.events.clock.advance(600.0)  # the days before are summed every ten minutes
    found = await ask(timed, ada, "GET", f"/limits/effective?key={made['id']}")
    used = {item["scope"]: item["used"] for item in found["items"]}
    spent = {"day": "2026-02-10", "tokens_today": 10, "tokens_this_month": 110}
    assert used == {"team": spent, "user": None, "key": spent}


async def test_a_rotated_key_goes_on_with_what_was_used(timed: Running) -> None:
    now = timed.app.state.events.clock.now()
    ada = await person(timed, "member")
    _, first = await key(timed, ada, limits={"tokens_per_day": 1000})
    ids = [first["id"]]
    for tokens in (10, 100):
        await spend(timed, now, tokens, ids[-1], ada.id)
        answer = await ask(timed, ada, "POST", f"/keys/{ids[-1]}/rotate")
        ids.append(answer["key"]["id"])
    await spend(timed, now, 1, ids[-1], ada.id)
    for key_id, tokens in zip(ids, (10, 110, 111), strict=True):
        found = await ask(timed, ada, "GET", f"/limits/effective?key={key_id}")
        assert found["items"][0]["used"]["tokens_today"] == tokens


async def test_a_key_of_somebody_else_has_no_limits_to_be_seen(control: Running) -> None:
    ada, bob = await person(control, "member"), await person(control, "member")
    _, made = await key(control, bob)
    path = f"/limits/effective?key={made['id']}"
    assert await refused(control, ada, "GET", path) == "key_not_found"
    assert (await call(control, None, "GET", path))[0] == 200
