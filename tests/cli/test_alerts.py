"""`alerts`: what people read, and what is sent for what they type."""

import json
from typing import Any

from cli.conftest import Run
from support.rest_server import RestServer

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
