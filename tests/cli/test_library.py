"""`models ls|verify|rm|adopt|import`: what a person reads, and what is sent."""

import json
from typing import Any

from cli.conftest import Run
from support.rest_server import RestServer
from vllm_manager.kit.errors import Problem

PATH = "/api/v1/models"
MODEL: dict[str, Any] = {
    "id": "acme--chat@" + "a" * 40,
    "repo": "acme/chat",
    "commit": "a" * 40,
    "revisions": ["main"],
    "source": "hub",
    "folder": "/srv/models/x",
    "state": "complete",
    "reasons": [],
    "size_bytes": 3 << 30,
    "freed_bytes": 1 << 30,
    "files_count": 5,
    "last_used_at": None,
    "last_used_by": None,
    "modified_at": None,
    "used_by": ["support"],
}
OTHER = {
    **MODEL,
    "id": "acme--chat@" + "b" * 40,
    "commit": "b" * 40,
    "state": "broken",
    "reasons": ["model.safetensors: its contents are missing"],
}


def operation(status: str, message: str, error: object = None) -> dict[str, Any]:
    told = {"kind": "model.verify", "subject": "acme/chat@aaaa", "status": status}
    return {"id": "op_1", **told, "message": message, "error": error, "progress": None}


def listed(server: RestServer, *models: dict[str, Any]) -> None:
    page = {"items": list(models), "next_cursor": None, "total_bytes": 4 << 30}
    server.answer(f"GET {PATH}", page)


def test_ls_shows_sizes_states_users_and_what_is_wrong(server: RestServer, run: Run) -> None:
    listed(server, MODEL, OTHER)
    done = run("models", "ls")
    assert done.exit_code == 0
    for words in ("acme/chat", "3.0 GiB", "complete", "broken", "support", "4.0 GiB on disk"):
        assert words in done.stdout
    assert "contents are missing" in done.stderr


def test_ls_on_an_empty_disk_says_what_to_do(server: RestServer, run: Run) -> None:
    listed(server)
    assert "vllm-manager pull" in run("models", "ls").stdout


def test_verify_waits_and_says_what_came_of_it(server: RestServer, run: Run) -> None:
    listed(server, MODEL)
    server.answer(f"POST {PATH}/{_quoted(MODEL)}/verify", {"operation": operation("running", "…")})
    server.answer("GET /api/v1/operations/op_1", operation("succeeded", "5 files are right."))
    done = run("models", "verify", "acme/chat", "--refetch")
    assert "5 files are right." in done.stdout
    assert [call.body for call in server.calls if call.method == "POST"] == [{"refetch": True}]


def test_verify_fails_with_the_problem_of_the_operation(server: RestServer, run: Run) -> None:
    listed(server, MODEL)
    server.answer(f"POST {PATH}/{_quoted(MODEL)}/verify", {"operation": operation("running", "…")})
    details = Problem("model_damaged", "x.safetensors is not right.", status=422).details
    failed = operation("failed", "x", details.model_dump(mode="json"))
    server.answer("GET /api/v1/operations/op_1", failed)
    caught = run("models", "verify", "acme/chat").exception
    assert isinstance(caught, Problem)
    assert caught.details.code == "model_damaged"


def test_of_several_revisions_one_must_be_named(server: RestServer, run: Run) -> None:
    listed(server, MODEL, OTHER)
    caught = run("models", "rm", "acme/chat", "--yes").exception
    assert isinstance(caught, Problem)
    assert caught.details.code == "model_ambiguous"
    assert "acme/chat@bbbbbbbbbbbb" in caught.details.detail
    server.answer(f"DELETE {PATH}/{_quoted(OTHER)}", {"freed_bytes": 1 << 30})
    assert "1.0 GiB are free" in run("models", "rm", "acme/chat@bbbb", "--yes").stdout


def test_rm_asks_first(server: RestServer, run: Run) -> None:
    listed(server, MODEL)
    assert run("models", "rm", "acme/chat", typed="n\n").exit_code == 1
    assert [call.method for call in server.calls if call.method == "DELETE"] == []


def test_a_model_that_is_not_there_is_said(server: RestServer, run: Run) -> None:
    listed(server, MODEL)
    caught = run("models", "rm", "acme/none", "--yes").exception
    assert isinstance(caught, Problem)
    assert caught.details.code == "model_not_found"


def test_adopt_without_a_name_lists_what_there_is(server: RestServer, run: Run) -> None:
    item = {**MODEL, "how": "link", "is_adopted": False}
    server.answer(f"GET {PATH}/adoptable", {"items": [item], "next_cursor": None})
    done = run("models", "adopt")
    assert "acme/chat" in done.stdout
    assert "link" in done.stdout


def test_adopt_and_import_send_what_was_asked(server: RestServer, run: Run) -> None:
    answer = {"operation": operation("running", "…")}
    server.answer(f"POST {PATH}/adopt", answer)
    server.answer(f"POST {PATH}/import", answer)
    run("models", "adopt", "acme/chat", "--no-wait")
    done = run("models", "import", "/data/x", "--name", "mine", "--no-wait", "--json")
    assert json.loads(done.stdout) == answer
    assert [call.body for call in server.calls] == [
        {"repo": "acme/chat", "commit": None},
        {"path": "/data/x", "name": "mine"},
    ]


def _quoted(model: dict[str, Any]) -> str:
    return str(model["id"]).replace("@", "%40")
