"""Alerts through the API: who may see, say and set what."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from fakes.clock import FakeClock
from support.application import Running, running_in
from support.http_server import HttpServer
from support.keys import ask, call, key, refused
from support.people import person

pytestmark = pytest.mark.integration

WEBHOOK = {"name": "on-call", "kind": "webhook"}


async def begun(control: Running, rule: str) -> dict[str, Any]:
    """Return the alert of a rule once it is on."""
    async with asyncio.timeout(60):
        while True:
            for alert in (await ask(control, None, "GET", "/alerts"))["items"]:
                if alert["rule"] == rule:
                    return alert
            await asyncio.sleep(0.1)


async def over(control: Running, clock: FakeClock, alert_id: str) -> None:
    """Let time pass until an alert is over."""
    async with asyncio.timeout(60):
        while True:
            alert = await ask(control, None, "GET", f"/alerts/{alert_id}")
            if alert["resolved_at"] is not None:
                return
            clock.advance(20)
            await asyncio.sleep(0.1)


async def test_a_receiver_is_added_tried_changed_and_removed(
    control: Running, web: HttpServer
) -> None:
    target = f"{web.url}/hooks/1"
    made = await ask(control, None, "POST", "/alerts/receivers", {**WEBHOOK, "target": target})
    path = f"/alerts/receivers/{made['id']}"
    tried = await ask(control, None, "POST", f"{path}/test")
    assert tried["delivered_at"] is not None
    await web.kill()
    status, problem = await call(control, None, "POST", f"{path}/test")
    assert (status, problem["code"]) == (502, "not_delivered")
    changed = await ask(control, None, "PATCH", path, {"is_enabled": False})
    assert (changed["is_enabled"], changed["failed_at"] is None) == (False, False)
    again = {**WEBHOOK, "target": target}
    assert await refused(control, None, "POST", "/alerts/receivers", again) == "receiver_exists"
    await ask(control, None, "DELETE", path)
    assert (await ask(control, None, "GET", "/alerts/receivers"))["items"] == []
    assert await refused(control, None, "DELETE", path) == "receiver_not_found"


async def test_roles(control: Running) -> None:
    silence = {"seconds": 60, "reason": "Maintenance."}
    receiver = {**WEBHOOK, "target": "https://example.com/x"}
    for role in ("viewer", "member"):
        who = await person(control, role)
        await ask(control, who, "GET", "/alerts")
        await ask(control, who, "GET", "/alerts/rules")
        await ask(control, who, "GET", "/alerts/silences")
        assert await refused(control, who, "GET", "/alerts/receivers") == "forbidden"
        assert await refused(control, who, "POST", "/alerts/silences", silence) == "forbidden"
    operator = await person(control, "operator")
    made = await ask(control, operator, "POST", "/alerts/silences", silence)
    assert made["created_by"] == operator.username
    await ask(control, operator, "DELETE", f"/alerts/silences/{made['id']}")
    await ask(control, operator, "GET", "/alerts/receivers")
    assert await refused(control, operator, "POST", "/alerts/receivers", receiver) == "forbidden"


@pytest.mark.parametrize(
    "body",
    [
        {"seconds": 10, "reason": "x"},
        {"seconds": 3600, "reason": ""},
        {"seconds": 3600, "reason": "x", "rule": "no_such_rule"},
        {"seconds": 3600, "reason": "a\u0007b"},
        {"seconds": 3600, "reason": "x", "subject": ""},
    ],
)
async def test_nonsense_is_refused(control: Running, body: dict[str, object]) -> None:
    assert await refused(control, None, "POST", "/alerts/silences", body) == "invalid_request"


async def test_what_is_not_there_is_said_to_be_so(control: Running) -> None:
    assert await refused(control, None, "GET", "/alerts/alr_1") == "alert_not_found"
    said = await refused(control, None, "POST", "/alerts/alr_1/acknowledge", {})
    assert said == "alert_not_found"
    assert await refused(control, None, "DELETE", "/alerts/silences/sil_1") == "silence_not_found"


async def test_the_product_itself_sees_what_needs_attention(tmp_path: Path) -> None:
    """A key ends soon; an hour later no Ray has answered."""
    clock = FakeClock()
    async with running_in(tmp_path, clock) as control:
        ends = (clock.now() + timedelta(days=2)).isoformat()
        await key(control, None, expires_at=ends)
        clock.advance(120)
        keys = await begun(control, "keys_expiring")
        assert keys["deployment"] is None
        [rotate] = [r for r in keys["remediation"] if r["action"] == "rotate"]
        assert rotate["arguments"]["days"] == 14
        viewer = await person(control, "viewer")
        told = await ask(control, viewer, "GET", f"/alerts/{keys['id']}")
        assert [r["action"] for r in told["remediation"]] == ["open"]
        await ask(
            control,
            None,
            "POST",
            f"/keys/{rotate['arguments']['key_id']}/rotate",
            {"expires_at": (clock.now() + timedelta(days=30)).isoformat()},
        )
        await over(control, clock, keys["id"])
        clock.advance(60)
        alert = await begun(control, "ray_down")
        path = f"/alerts/{alert['id']}"
        said = await ask(control, None, "POST", f"{path}/acknowledge", {"note": "I do"})
        assert (said["acknowledged_by"], said["note"]) == (control.username, "I do")
        assert (await ask(control, None, "GET", path)) == said
