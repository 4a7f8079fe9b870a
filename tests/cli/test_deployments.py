"""`ls`, `deploy`, `stop`, `start`, `restart`, `delete` against a server."""

import json
from collections.abc import Callable
from pathlib import Path

from typer.testing import Result

from support.answers import PROBLEM, deployment, operation
from support.rest_server import RestServer
from vllm_manager.cli.follow import fetched, start_of
from vllm_manager.kit.errors import Problem

Run = Callable[..., Result]


def accept(
    server: RestServer, route: str, *, ends: str = "succeeded", phase: str = "ready"
) -> None:
    """Let the server accept a change, still running at the first look, ended at the second."""
    running = {"deployment": deployment(phase="queued"), "operation": operation()}
    server.answer(route, running, status=202)
    finished = operation(ends, error=PROBLEM if ends == "failed" else None)
    server.answer("GET /api/v1/operations/op_1", operation(), finished, finished)
    server.answer(
        "GET /api/v1/deployments/demo", deployment(phase="loading"), deployment(phase=phase)
    )


def test_a_start_is_told_with_how_it_was_done_and_the_seconds_of_each_phase() -> None:
    steps = [
        {"phase": "starting", "state": "done", "seconds": 9.04, "expected_seconds": None},
        {"phase": "fetching", "state": "expected", "seconds": None, "expected_seconds": 1.0},
        {"phase": "loading", "state": "done", "seconds": 75.0, "expected_seconds": None},
    ]
    why = "waited 8.2 s for the spare"
    told = start_of(deployment(how="warm", how_reason=why, timeline=steps))
    assert told == f"warm start ({why}): starting 9.0 s, loading 1 min 15 s"
    assert start_of(deployment(how="cold", how_reason=None, timeline=[])) == "cold start"


def test_a_start_that_nobody_saw_or_that_goes_on_is_not_told() -> None:
    assert start_of(deployment(how=None)) is None
    assert start_of(deployment(phase="loading", how="warm")) is None


def fetching(**more: object) -> str | None:
    fetch: dict[str, object] = {
        "state": "running", "stalled": False, "bytes_done": 512, "bytes_total": 2048,
        "bytes_per_second": None, "eta_seconds": None, **more,
    }  # fmt: skip
    return fetched(deployment(fetch=fetch))


def test_a_fetch_tells_its_speed_and_is_stalled_only_where_the_server_says_so() -> None:
    assert fetching(bytes_per_second=256.0, eta_seconds=6.0) == (
        "demo: 512 B of 2 KiB, 256 B/s, 6.0 s left"
    )
    assert fetching() == "demo: 512 B of 2 KiB"
    assert fetching(stalled=True, bytes_per_second=0.0) == "demo: 512 B of 2 KiB, stalled"


def test_ls_shows_every_page(run: Run, server: RestServer) -> None:
    first = {"items": [deployment("a")], "next_cursor": "more"}
    server.answer(
        "GET /api/v1/deployments", first, {"items": [deployment("b")], "next_cursor": None}
    )
    shown = run("ls")
    assert shown.exit_code == 0
    assert [line.split()[0] for line in shown.stdout.splitlines()] == ["NAME", "a", "b"]
    assert server.calls[1].query["cursor"] == ["more"]
    assert server.calls[0].headers["authorization"] == "Bearer vm-key"


def test_ls_as_json_is_one_document(run: Run, server: RestServer) -> None:
    server.answer("GET /api/v1/deployments", {"items": [deployment()], "next_cursor": None})
    assert json.loads(run("ls", "--json").stdout)["items"][0]["phase"] == "ready"


def test_ls_of_nothing_says_how_to_begin(run: Run, server: RestServer) -> None:
    server.answer("GET /api/v1/deployments", {"items": [], "next_cursor": None})
    assert "vllm-manager deploy" in run("ls").stdout


def test_markup_in_a_name_is_printed_as_it_is(run: Run, server: RestServer) -> None:
    hostile = deployment(reason="[red]not red[/red] [link=x]")
    server.answer("GET /api/v1/deployments", {"items": [hostile], "next_cursor": None})
    assert "[red]not" in run("ls").stdout


def test_deploy_sends_what_the_flags_say(run: Run, server: RestServer) -> None:
    accept(server, "POST /api/v1/deployments")
    words = "deploy demo --model demo --replicas 2 --arg max-model-len=1024 --arg enforce_eager"
    more = "--max-concurrent-requests 8 --max-queued-requests 0 --queue-wait-seconds 2.5"
    others = ["--arg", "dtype=auto", "--env", "A=b=c", "--cpus", "1.5", "--tp", "2"]
    done = run(*words.split(), *others, *more.split())
    assert done.exit_code == 0, done.output
    sent = server.calls[0]
    assert sent.body == {
        "name": "demo",
        "model": "demo",
        "replicas": 2,
        "resources": {"cpus": 1.5, "tensor_parallel_size": 2},
        "arguments": {"max_model_len": 1024, "enforce_eager": True, "dtype": "auto"},
        "environment": {"A": "b=c"},
        "max_concurrent_requests": 8,
        "max_queued_requests": 0,
        "queue_wait_seconds": 2.5,
    }
    assert len(sent.headers["idempotency-key"]) >= 32


def test_flags_win_over_the_file(run: Run, server: RestServer, tmp_path: Path) -> None:
    accept(server, "POST /api/v1/deployments")
    spec = {"name": "other", "model": "m", "replicas": 3, "arguments": {"seed": 1, "dtype": "auto"}}
    (tmp_path / "spec.json").write_text(json.dumps(spec))
    run("deploy", "demo", "-f", str(tmp_path / "spec.json"), "--replicas", "1", "--arg", "seed=2")
    assert server.calls[0].body == {
        "name": "demo",
        "model": "m",
        "replicas": 1,
        "arguments": {"seed": 2, "dtype": "auto"},
    }


def test_deploy_waits_and_tells_the_phases(run: Run, server: RestServer) -> None:
    accept(server, "POST /api/v1/deployments")
    done = run("deploy", "demo", "--model", "demo")
    assert "loading" in done.stderr
    assert done.stdout == "demo is ready\n"


def test_deploy_without_waiting_comes_back_at_once(run: Run, server: RestServer) -> None:
    accept(server, "POST /api/v1/deployments")
    assert run("deploy", "demo", "--model", "demo", "--no-wait").stdout == "demo is queued\n"
    assert len(server.calls) == 1


def test_a_failed_deployment_is_a_problem_with_its_cause(run: Run, server: RestServer) -> None:
    accept(server, "POST /api/v1/deployments", ends="failed", phase="failed")
    done = run("deploy", "demo", "--model", "demo")
    assert done.exit_code == 1
    assert isinstance(done.exception, Problem)
    assert done.exception.details.causes[0].evidence == "ValueError: max seq len (4096)"


def test_deploy_without_a_model_is_misuse(run: Run) -> None:
    assert run("deploy", "demo").exit_code == 2


def test_an_environment_pair_without_a_value_is_misuse(run: Run) -> None:
    assert run("deploy", "demo", "--model", "demo", "--env", "A").exit_code == 2


def test_a_file_that_is_no_object_is_misuse(run: Run, tmp_path: Path) -> None:
    (tmp_path / "spec.json").write_text("[1]")
    assert run("deploy", "demo", "-f", str(tmp_path / "spec.json")).exit_code == 2


def test_stop_start_and_restart_wait_for_their_operation(run: Run, server: RestServer) -> None:
    for verb, phase in (("stop", "stopped"), ("start", "ready"), ("restart", "ready")):
        accept(server, f"POST /api/v1/deployments/demo/{verb}", phase=phase)
        done = run(verb, "demo")
        assert (done.exit_code, done.stdout) == (0, f"demo is {phase}\n")


def test_delete_asks_first(run: Run, server: RestServer) -> None:
    done = run("delete", "demo", typed="n\n")
    assert done.exit_code == 1
    assert server.calls == []


def test_delete_waits_until_it_is_gone(run: Run, server: RestServer) -> None:
    accept(server, "DELETE /api/v1/deployments/demo")
    del server.answers["GET /api/v1/deployments/demo"]
    done = run("delete", "demo", "--yes")
    assert (done.exit_code, done.stdout) == (0, "demo is deleted\n")


def test_an_action_as_json_gives_deployment_and_operation(run: Run, server: RestServer) -> None:
    accept(server, "POST /api/v1/deployments/demo/stop", phase="stopped")
    told = json.loads(run("stop", "demo", "--json").stdout)
    assert told["operation"]["status"] == "succeeded"
    assert told["deployment"]["phase"] == "stopped"


def test_a_name_can_not_reach_another_path(run: Run, server: RestServer) -> None:
    run("stop", "../users/x?y=1")
    assert server.calls[0].path == "/api/v1/deployments/..%2Fusers%2Fx%3Fy%3D1/stop"
