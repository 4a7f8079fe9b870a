"""Keys through the API: made, shown once, listed, changed, rotated, revoked."""

from datetime import timedelta
from typing import Any

import pytest

from fakes.clock import FakeClock
from support.application import Running
from support.keys import ask, bearer, call, key, refused, service_account, team
from support.people import Person, person
from vllm_manager.auth.keys.permits import MOST_KEYS
from vllm_manager.auth.keys.service import Keys

pytestmark = pytest.mark.integration


def iso(clock: FakeClock, **ahead: float) -> str:
    return (clock.now() + timedelta(**ahead)).isoformat().replace("+00:00", "Z")


async def works(control: Running, secret: str) -> bool:
    """Whether the control plane takes a key."""
    answer = await control.client.get("/api/v1/auth/me", headers=bearer(secret))
    return answer.status_code == 200


async def test_a_key_is_shown_once(control: Running) -> None:
    member = await person(control, "member")
    secret, made = await key(control, member)
    assert secret.startswith("vm-")
    assert len(secret) > 40
    assert made["hint"] == f"vm-…{secret[-4:]}"
    for path in ("/keys", f"/keys/{made['id']}"):
        _, found = await call(control, member, "GET", path)
        assert secret not in str(found)
    assert await works(control, secret)


async def test_a_key_has_all_that_it_was_given(timed: Running, clock: FakeClock) -> None:
    member = await person(timed, "member")
    team_id = await team(timed, "research", member)
    _, made = await key(
        timed,
        member,
        models=["demo"],
        addresses=["10.1.0.0/8"],
        expires_at=iso(clock, days=1),
        limits={"tokens_per_minute": 1000},
    )
    assert made["owner"]["username"] == member.username
    assert made["team"] == {"id": team_id, "name": "research"}
    assert (made["models"], made["addresses"]) == (["demo"], ["10.0.0.0/8"])
    assert made["expires_at"] == iso(clock, days=1)
    assert made["limits"]["tokens_per_minute"] == 1000
    assert made["limits"]["tokens_per_day"] is None
    assert (made["state"], made["last_used_at"]) == ("active", None)
    assert await ask(timed, member, "GET", f"/keys/{made['id']}") == made


async def test_everybody_lists_their_own_and_administrators_all(control: Running) -> None:
    ada, bob = await person(control, "member"), await person(control, "operator")
    await team(control, "research", ada)
    for who in (ada, bob):
        await key(control, who, name=who.username)

    async def names(who: Person | None, query: str = "") -> list[str]:
        page = await ask(control, who, "GET", f"/keys{query}")
        return [item["name"] for item in page["items"]]

    assert await names(ada) == [ada.username]
    assert await names(bob) == [bob.username]
    assert await names(ada, f"?owner={bob.id}") == []
    assert await names(None) == [bob.username, ada.username, "admin"]
    assert await names(None, f"?owner={ada.username}") == [ada.username]
    assert await names(None, f"?owner={bob.id}") == [bob.username]
    assert await names(None, "?team=research") == [ada.username]


async def test_the_list_has_pages(control: Running) -> None:
    made = [(await key(control, name=str(number)))[1]["id"] for number in range(3)]
    first = await ask(control, None, "GET", "/keys?limit=2")
    rest = await ask(control, None, "GET", f"/keys?limit=2&cursor={first['next_cursor']}")
    found = [item["id"] for item in first["items"] + rest["items"]]
    assert found[:3] == made[::-1]
    assert rest["next_cursor"] is None


async def test_what_is_left_out_of_a_change_stays(control: Running) -> None:
    member = await person(control, "member")
    _, made = await key(control, member, models=["demo"], addresses=["10.0.0.0/8"])
    path = f"/keys/{made['id']}"
    changed = await ask(control, member, "PATCH", path, {"name": "new", "models": None})
    assert changed == {**made, "name": "new", "models": None}
    assert (await ask(control, member, "PATCH", path, {"addresses": None}))["addresses"] is None


async def test_wrong_fields_are_named(timed: Running, clock: FakeClock) -> None:
    wrong: dict[str, tuple[Any, str]] = {
        "addresses": (["10.0.0.0/99"], "addresses.0"),
        "expires_at": (iso(clock, days=-1), "expires_at"),
        "models": ([], "models"),
        "name": ("", "name"),
        "owner": ("nobody", "owner"),
        "team": ("nobody", "team"),
        "limits": ({"tokens_per_minute": 0}, "limits.tokens_per_minute"),
    }
    for name, (value, field) in wrong.items():
        status, found = await call(timed, None, "POST", "/keys", {"name": "x", name: value})
        assert (status, [e["field"] for e in found["errors"]]) == (422, [field]), name
    _, made = await key(timed)
    status, found = await call(timed, None, "PATCH", f"/keys/{made['id']}", {"name": None})
    assert (status, found["errors"][0]["field"]) == (422, "name")


async def test_a_member_lowers_the_limits_of_an_own_key_and_an_administrator_raises_them(
    control: Running,
) -> None:
    member = await person(control, "member")
    _, made = await key(control, member, limits={"tokens_per_minute": 1000})
    path = f"/keys/{made['id']}"
    lower = {"limits": {"tokens_per_minute": 500, "tokens_per_day": 9000}}
    changed = await ask(control, member, "PATCH", path, lower)
    assert changed["limits"]["tokens_per_minute"] == 500
    for higher in ({"tokens_per_minute": 501, "tokens_per_day": 9000}, {}):
        status, found = await call(control, member, "PATCH", path, {"limits": higher})
        assert status == 422
        assert found["errors"][0]["field"] == "limits.tokens_per_minute"
    assert (await ask(control, member, "GET", path))["limits"] == changed["limits"]
    changed = await ask(control, None, "PATCH", path, {"limits": {}})
    assert set(changed["limits"].values()) == {None}


async def test_a_rotated_key_works_beside_the_new_one_for_a_day(
    timed: Running, clock: FakeClock
) -> None:
    member = await person(timed, "member")
    given = {"models": ["demo"], "addresses": None, "limits": {"tokens_per_day": 5}}
    old_secret, old = await key(timed, member, **given)
    answer = await ask(timed, member, "POST", f"/keys/{old['id']}/rotate")
    new_secret, new = answer["secret"], answer["key"]
    for name in ("name", "owner", "team", "models", "addresses", "limits", "expires_at"):
        assert new[name] == old[name], name
    found = await ask(timed, member, "GET", f"/keys/{old['id']}")
    assert (found["state"], found["replaced_by"]) == ("replaced", new["id"])
    assert found["expires_at"] == iso(clock, hours=24)
    assert await works(timed, old_secret)
    assert await works(timed, new_secret)
    clock.advance(24 * 3600)
    assert not await works(timed, old_secret)
    assert await works(timed, new_secret)
    assert (await ask(timed, None, "GET", f"/keys/{old['id']}"))["state"] == "expired"


async def test_the_overlap_ends_when_it_is_told_to(timed: Running, clock: FakeClock) -> None:
    secret, made = await key(timed, expires_at=iso(clock, days=9))
    body = {"old_until": iso(clock, minutes=5), "expires_at": iso(clock, days=30)}
    answer = await ask(timed, None, "POST", f"/keys/{made['id']}/rotate", body)
    assert answer["key"]["expires_at"] == iso(clock, days=30)
    clock.advance(300)
    assert not await works(timed, secret)
    past = {"old_until": iso(clock, minutes=-1)}
    new = answer["key"]["id"]
    assert await refused(timed, None, "POST", f"/keys/{new}/rotate", past) == "invalid_request"


async def test_the_overlap_is_thirty_days_at_most(timed: Running, clock: FakeClock) -> None:
    _, made = await key(timed)
    path = f"/keys/{made['id']}/rotate"
    status, found = await call(timed, None, "POST", path, {"old_until": iso(clock, days=31)})
    assert (status, found["errors"][0]["field"]) == (422, "old_until")
    await ask(timed, None, "POST", path, {"old_until": iso(clock, days=30)})


async def test_a_key_never_lives_longer_by_being_rotated(timed: Running, clock: FakeClock) -> None:
    _, made = await key(timed, expires_at=iso(clock, hours=1))
    await ask(timed, None, "POST", f"/keys/{made['id']}/rotate")
    found = await ask(timed, None, "GET", f"/keys/{made['id']}")
    assert found["expires_at"] == iso(clock, hours=1)


async def test_a_revoked_key_is_over_for_good(control: Running) -> None:
    secret, made = await key(control)
    path = f"/keys/{made['id']}"
    revoked = await ask(control, None, "POST", f"{path}/revoke")
    assert revoked["state"] == "revoked"
    assert not await works(control, secret)
    assert await ask(control, None, "POST", f"{path}/revoke") == revoked
    assert await refused(control, None, "PATCH", path, {"name": "x"}) == "key_revoked"
    assert await refused(control, None, "POST", f"{path}/rotate") == "key_revoked"


async def test_a_key_that_was_rotated_or_is_over_is_not_rotated(
    timed: Running, clock: FakeClock
) -> None:
    _, rotated = await key(timed)
    await ask(timed, None, "POST", f"/keys/{rotated['id']}/rotate")
    again = f"/keys/{rotated['id']}/rotate"
    assert await refused(timed, None, "POST", again) == "key_replaced"
    _, short = await key(timed, expires_at=iso(clock, minutes=1))
    clock.advance(60)
    assert await refused(timed, None, "POST", f"/keys/{short['id']}/rotate") == "key_expired"


async def test_only_administrators_make_keys_for_others(control: Running) -> None:
    ada, bob = await person(control, "member"), await person(control, "operator")
    body = {"name": "x", "owner": ada.id}
    assert await refused(control, bob, "POST", "/keys", body) == "forbidden"
    secret, made = await key(control, owner=ada.username)
    assert made["owner"]["id"] == ada.id
    me = await ask(control, bearer(secret), "GET", "/auth/me")
    assert me["user"]["username"] == ada.username


async def test_a_member_makes_keys_for_own_teams_alone(control: Running) -> None:
    ada, bob = await person(control, "member"), await person(control, "member")
    await team(control, "research", ada)
    body = {"name": "x", "team": "research"}
    assert await refused(control, bob, "POST", "/keys", body) == "invalid_request"
    assert (await key(control, ada, team="research"))[1]["team"]["name"] == "research"
    assert (await key(control, bob))[1]["team"] is None
    assert (await key(control, owner=bob.id, team="research"))[1]["team"]["name"] == "research"


async def test_the_keys_of_a_service_account_are_made_by_administrators(control: Running) -> None:
    await service_account(control, "nightly")
    secret, made = await key(control, owner="nightly")
    assert made["owner"]["kind"] == "service"
    own = bearer(secret)
    assert await refused(control, own, "POST", "/keys", {"name": "x"}) == "service_account_keys"
    path = f"/keys/{made['id']}"
    assert await refused(control, own, "POST", f"{path}/rotate") == "service_account_keys"
    assert await refused(control, own, "PATCH", path, {"name": "x"}) == "service_account_keys"
    await ask(control, own, "POST", f"{path}/revoke")


@pytest.mark.parametrize("given", [{"models": ["demo"]}, {"addresses": ["0.0.0.0/0"]}])
async def test_a_restricted_key_makes_no_keys_without_its_restrictions(
    control: Running, given: dict[str, Any]
) -> None:
    secret, made = await key(control, **given, management=True)
    path = f"/keys/{made['id']}"
    for method, where, body in (
        ("POST", "/keys", {"name": "x"}),
        ("PATCH", path, {"models": None, "addresses": None}),
        ("POST", f"{path}/rotate", None),
        ("PUT", "/limits/installation", {}),
    ):
        assert await refused(control, bearer(secret), method, where, body) == "key_restricted"


async def test_what_a_key_makes_ends_with_it(timed: Running, clock: FakeClock) -> None:
    member = await person(timed, "member")
    secret, _ = await key(timed, member, expires_at=iso(clock, days=1))
    own = bearer(secret)
    assert await refused(timed, own, "POST", "/keys", {"name": "x"}) == "invalid_request"
    _, made = await key(timed, own, expires_at=iso(clock, days=1))
    longer = {"expires_at": iso(clock, days=2)}
    assert await refused(timed, own, "PATCH", f"/keys/{made['id']}", longer) == "invalid_request"
    await ask(timed, member, "PATCH", f"/keys/{made['id']}", longer)


async def test_a_person_makes_no_more_keys_than_there_is_room_for(control: Running) -> None:
    member = await person(control, "member")
    made = [(await key(control, owner=member.id))[1]["id"] for _ in range(MOST_KEYS)]
    assert await refused(control, member, "POST", "/keys", {"name": "x"}) == "too_many_keys"
    rotate = f"/keys/{made[0]}/rotate"
    assert await refused(control, member, "POST", rotate) == "too_many_keys"
    await ask(control, member, "POST", f"/keys/{made[0]}/revoke")
    await key(control, member)


async def test_the_last_use_is_written_at_most_once_a_minute(
    timed: Running, clock: FakeClock
) -> None:
    _, made = await key(timed)
    keys: Keys = timed.app.state.keys

    async def used(seconds: float) -> str:
        await keys.note_used(
            {made["id"]: clock.now() + timedelta(seconds=seconds), "key_no": clock.now()}
        )
        return (await ask(timed, None, "GET", f"/keys/{made['id']}"))["last_used_at"]

    assert await used(0) == iso(clock)
    assert await used(59) == iso(clock)
    assert await used(60) == iso(clock, seconds=60)
    assert await used(10) == iso(clock, seconds=60)


async def test_the_gateway_s_batches_tell_when_keys_were_used(timed: Running) -> None:
    _, made = await key(timed)
    records = [
        {"at": at, "model": "demo", "status": 200, "key": key_id}
        for at, key_id in ((1767225700.0, made["id"]), (1767225600.0, made["id"]), (1.0, None))
    ]
    answer = await timed.client.post(
        "/internal/v1/gateway/usage",
        json={"batch": "bat_1", "records": records},
        headers=timed.token("internal_token"),
    )
    assert answer.status_code == 200
    found = await ask(timed, None, "GET", f"/keys/{made['id']}")
    assert found["last_used_at"] == "2026-01-01T00:01:40Z"


async def test_who_follows_keys_and_limits_hears_of_changes_but_not_whose(
    control: Running,
) -> None:
    subscription = control.app.state.events.hub.subscribe({"keys", "limits"})
    _, made = await key(control)
    await ask(control, None, "PATCH", f"/keys/{made['id']}", {"name": "new"})
    await ask(control, None, "PUT", "/limits/model/demo", {"tokens_per_day": 7})
    await ask(control, None, "POST", f"/keys/{made['id']}/rotate")
    await ask(control, None, "POST", f"/keys/{made['id']}/revoke")
    heard = [(m.event, m.data) for m in await subscription.wait(60)]
    subscription.close()
    changes = ["keys", "keys", "limits", "keys", "keys"]
    assert heard == [(f"{topic}_changed", {}) for topic in changes]


async def test_who_may_put_requests_first_gives_a_key_high_priority(control: Running) -> None:
    member, operator = await person(control, "member"), await person(control, "operator")
    _, made = await key(control, member)
    assert made["priority"] == "normal"
    path = f"/keys/{made['id']}"
    for who, body in ((member, {"priority": "high"}), (member, {"name": "x", "priority": "high"})):
        method, at = ("PATCH", path) if "name" not in body else ("POST", "/keys")
        status, problem = await call(control, who, method, at, body)
        assert (status, problem["errors"][0]["field"]) == (422, "priority")
    assert (await ask(control, member, "PATCH", path, {"priority": "low"}))["priority"] == "low"
    _, own = await key(control, operator, priority="high")
    assert own["priority"] == "high"


async def test_a_key_that_was_raised_for_a_member_stays_so_through_their_changes(
    control: Running,
) -> None:
    member = await person(control, "member")
    _, made = await key(control, member)
    path = f"/keys/{made['id']}"
    await ask(control, None, "PATCH", path, {"priority": "high"})
    changed = await ask(control, member, "PATCH", path, {"name": "other", "priority": "high"})
    assert changed["priority"] == "high"
    rotated = await ask(control, member, "POST", f"{path}/rotate", {})
    assert rotated["key"]["priority"] == "high"
