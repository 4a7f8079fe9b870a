"""`alerts`: what people read, and what is sent for what they type."""

import json
from typing import Any

from cli.conftest import Run
from support.rest_server import RestServer
from vllm_manager.kit.errors import Problem

ALERT: dict[str, Any] = {
    "id": "alr_1",
    "rule": "disk_low",
    "subject": "/srv/models",
    "severity": "warning",
    "title": "The disk of models is nearly full",
    "detail": "8.0 of 100 GiB are free.",
    "remediation": [],
    "since": "2026-11-23T10:00:00Z",
    "resolved_at": None,
    "acknowledged_by": "anna",
    "note": "On Monday",
    "silenced_until": None,
    "is_known": False,
}
RECEIVER: dict[str, Any] = {
    "id": "rcv_1",
    "name": "on-call",
    "kind": "webhook",
    "target": "https://chat.example.com/…",
    "least_severity": "critical",
    "is_enabled": True,
    "delivered_at": None,
    "last_error": "chat.example.com answered 404 Not Found.",
    "waiting": 2,
}


def test_an_alert_is_shown_with_who_sees_to_it(server: RestServer, run: Run) -> None:
    server.answer("GET /api/v1/alerts", {"items": [ALERT], "next_cursor": None})
    done = run("alerts", "ls")
    assert done.exit_code == 0, done.output
    for words in ("nearly full", "8.0 of 100", "anna sees to it (On Monday)", "not known now"):
        assert words in done.output
    as_json = run("alerts", "ls", "--json")
    assert json.loads(as_json.output)["items"] == [ALERT]


def test_that_all_is_well_is_said(server: RestServer, run: Run) -> None:
    server.answer("GET /api/v1/alerts", {"items": [], "next_cursor": None})
    assert "Nothing needs attention." in run("alerts", "ls").output


def test_a_silence_is_asked_for_in_seconds(server: RestServer, run: Run) -> None:
    made = {"id": "sil_1", "ends_at": "2026-11-23T12:00:00Z"}
    server.answer("POST /api/v1/alerts/silences", made)
    done = run("alerts", "silence", "--for", "2h", "--reason", "Service", "--rule", "gpu_hot")
    assert done.exit_code == 0, done.output
    assert server.calls[0].body == {
        "rule": "gpu_hot",
        "subject": None,
        "seconds": 7200,
        "reason": "Service",
    }
    assert run("alerts", "silence", "--for", "soon", "--reason", "x").exit_code == 2


def test_receivers_are_found_by_name(server: RestServer, run: Run) -> None:
    server.answer("GET /api/v1/alerts/receivers", {"items": [RECEIVER], "next_cursor": None})
    server.answer("PATCH /api/v1/alerts/receivers/rcv_1", RECEIVER)
    listed = run("alerts", "receivers", "ls").output
    assert "answered 404" in " ".join(listed.split())
    done = run("alerts", "receivers", "set", "on-call", "--off", "--least", "info")
    assert done.exit_code == 0, done.output
    assert server.calls[-1].body == {"is_enabled": False, "least_severity": "info"}
    assert run("alerts", "receivers", "rm", "nobody").exit_code == 1


def test_a_receiver_has_one_address(server: RestServer, run: Run) -> None:
    both = ("--webhook", "https://x", "--email", "a@b")
    assert run("alerts", "receivers", "add", "x", *both).exit_code == 2
    assert run("alerts", "receivers", "add", "x").exit_code == 2


def mendable(action: str, deployment: str | None = "demo", **arguments: Any) -> dict[str, Any]:
    """Return an alert with one remedy, after one that is advice."""
    remedy = {"label": "Mend it", "action": action, "arguments": arguments}
    advice: dict[str, Any] = {"label": "Buy a disk", "action": "none", "arguments": {}}
    return {**ALERT, "deployment": deployment, "remediation": [advice, remedy]}


DEMO: dict[str, Any] = {"name": "demo", "phase": "ready", "desired": "running", "spec": {}}
ALERT_PATH = "/api/v1/alerts/alr_1"
DEMO_PATH = "/api/v1/deployments/demo"


def changes(server: RestServer) -> list[tuple[str, str, Any]]:
    return [(c.method, c.path, c.body) for c in server.calls if c.method != "GET"]


def accepted() -> dict[str, Any]:
    operation = {"id": "op_1", "kind": "k", "subject": "demo", "status": "pending"}
    return {"operation": operation, "deployment": DEMO}


def test_what_mends_an_alert_is_numbered(server: RestServer, run: Run) -> None:
    server.answer(f"GET {ALERT_PATH}", mendable("restart"))
    shown = run("alerts", "explain", "alr_1")
    assert shown.exit_code == 0, shown.output
    for words in ("nearly full", "- Buy a disk", "--do 1 Mend it"):
        assert words in " ".join(shown.output.split())


def test_an_alerts_remedy_scales_its_deployment(server: RestServer, run: Run) -> None:
    server.answer(f"GET {ALERT_PATH}", mendable("scale", replicas=2))
    server.answer(f"GET {DEMO_PATH}", DEMO)
    server.answer(f"PATCH {DEMO_PATH}", DEMO)
    done = run("alerts", "explain", "alr_1", "--do", "1")
    assert done.exit_code == 0, done.output
    assert changes(server) == [("PATCH", DEMO_PATH, {"replicas": 2})]


def test_what_serves_is_restarted_only_when_that_was_confirmed(
    server: RestServer, run: Run
) -> None:
    server.answer(f"GET {ALERT_PATH}", mendable("restart"))
    server.answer(f"GET {DEMO_PATH}", DEMO)
    server.answer(f"POST {DEMO_PATH}/restart", accepted())
    words = ("alerts", "explain", "alr_1", "--do", "1", "--no-wait")
    assert run(*words, typed="n\n").exit_code != 0
    assert changes(server) == []
    assert run(*words, "--yes").exit_code == 0
    assert changes(server) == [("POST", f"{DEMO_PATH}/restart", None)]


def test_a_deployment_that_is_stopped_itself_is_not_started_again(
    server: RestServer, run: Run
) -> None:
    server.answer(f"GET {ALERT_PATH}", mendable("stop", name="demo"))
    server.answer(f"GET {DEMO_PATH}", {**DEMO, "phase": "failed"})
    server.answer(f"POST {DEMO_PATH}/stop", accepted())
    words = ("alerts", "explain", "alr_1", "--do", "1", "--no-wait")
    assert run(*words, typed="n\n").exit_code != 0
    done = run(*words, typed="y\n")
    assert done.exit_code == 0, done.output
    assert changes(server) == [("POST", f"{DEMO_PATH}/stop", None)]


def test_a_key_that_ends_is_rotated_and_printed_once(server: RestServer, run: Run) -> None:
    rotate = mendable("rotate", None, key_id="key_1", name="ci", owner="anna", days=30)
    old = {"id": "key_1", "hint": "vm-…abcd", "expires_at": "2026-11-25T00:00:00Z"}
    new = {"id": "key_2", "name": "ci", "owner": {"username": "anna"}}
    server.answer(f"GET {ALERT_PATH}", rotate)
    server.answer("GET /api/v1/keys/key_1", old)
    server.answer("POST /api/v1/keys/key_1/rotate", {"secret": "vm-new", "key": new})
    done = run("alerts", "explain", "alr_1", "--do", "1")
    assert done.exit_code == 0, done.output
    assert done.stdout.strip() == "vm-new"
    [(_, _, asked)] = changes(server)
    assert asked["expires_at"] > "2026"


def test_what_is_over_is_not_mended_and_a_page_is_told_by_its_address(
    server: RestServer, run: Run
) -> None:
    server.answer(f"GET {ALERT_PATH}", mendable("open", None, path="/library?unused=true"))
    shown = run("alerts", "explain", "alr_1", "--do", "1")
    assert f"{server.url}/library?unused=true" in shown.stdout
    over = {**mendable("restart"), "resolved_at": "2026-11-23T11:00:00Z"}
    server.answer(f"GET {ALERT_PATH}", over)
    caught = run("alerts", "explain", "alr_1", "--do", "1").exception
    assert isinstance(caught, Problem)
    assert caught.code == "nothing_to_mend"
