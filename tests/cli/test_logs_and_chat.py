"""`logs` and `chat`."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import Result

from support.rest_server import RestServer
from vllm_manager.cli.chat import events
from vllm_manager.cli.logs import newly_come, unseen
from vllm_manager.kit.errors import Problem

Run = Callable[..., Result]


def line(number: int, text: str, replica: str = "r1", attempt: int = 1) -> dict[str, object]:
    return {"number": number, "text": text, "replica": replica, "attempt": attempt}


def sse(*chunks: object) -> bytes:
    return b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks)


def chunk(text: str) -> dict[str, object]:
    return {"choices": [{"delta": {"content": text}}]}


def test_logs_prints_the_lines_as_they_are(run: Run, server: RestServer) -> None:
    server.answer(
        "GET /api/v1/deployments/demo/logs",
        {"items": [line(1, "[bold]one[/bold]"), line(2, "two " * 60)], "next_cursor": None},
    )
    done = run("logs", "demo", "--tail", "2", "--replica", "r1")
    assert done.stdout == "[bold]one[/bold]\n" + "two " * 60 + "\n"
    assert server.calls[0].query == {"replica": ["r1"], "limit": ["2"]}


def test_lines_of_several_replicas_are_marked(run: Run, server: RestServer) -> None:
    items = [line(1, "one"), line(1, "other", "r2")]
    server.answer("GET /api/v1/deployments/demo/logs", {"items": items, "next_cursor": None})
    assert run("logs", "demo").stdout == "[r1] one\n[r2] other\n"


def test_following_prints_a_line_once_and_a_new_attempt_from_its_start() -> None:
    seen: dict[tuple[str, int], int] = {}
    assert len(unseen([line(1, "a"), line(2, "b")], seen)) == 2
    fresh = unseen([line(2, "b"), line(3, "c"), line(1, "again", attempt=2)], seen)
    assert [one["text"] for one in fresh] == ["c", "again"]


def pages_of(numbers: range, size: int = 500) -> Callable[[object], dict[str, Any]]:
    """Return a reader of pages that end with the highest number; a cursor is the first above."""

    def read(before: object) -> dict[str, Any]:
        last = numbers.stop if before is None else int(str(before))
        first = max(numbers.start, last - size)
        items = [line(number, f"{number}") for number in range(first, last)]
        return {"items": items, "next_cursor": str(first) if first > numbers.start else None}

    return read


def test_following_shows_every_line_of_a_burst() -> None:
    seen = {("r1", 1): 100}
    come = newly_come(pages_of(range(1, 3000)), seen)
    assert [one["number"] for one in come] == [*range(101, 3000)]
    assert newly_come(pages_of(range(1, 3000)), seen) == []


def test_following_says_where_more_came_than_it_reads() -> None:
    seen = {("r1", 1): 100}
    gap, *come = newly_come(pages_of(range(1, 50_000)), seen)
    assert (gap["stream"], "more lines came" in gap["text"]) == ("gap", True)
    assert [one["number"] for one in come] == [*range(10_000, 50_000)]


def test_the_tries_are_listed_with_how_long_each_lasted_and_why_it_ended(
    run: Run, server: RestServer
) -> None:
    tried = {
        "replica": "r1", "generation": 2, "attempt": 3, "state": "failed", "lines": 1290,
        "lines_dropped": 7, "size_bytes": 2048, "failure": {"detail": "It was [killed]."},
        "began_at": "2026-11-23T10:00:00Z", "ended_at": "2026-11-23T10:03:20.5Z",
    }  # fmt: skip
    goes_on = {**tried, "replica": "r2", "ended_at": None, "failure": None, "lines_dropped": 0}
    server.answer("GET /api/v1/deployments/demo/logs/attempts", {"items": [tried, goes_on]})
    told = run("logs", "demo", "--attempts").stdout
    words = " ".join(told.split())
    assert "ago 3 min 20 s failed 1,290 (7 dropped) 2 KiB" in words
    assert "ago goes on failed 1,290 2 KiB" in words
    assert told.endswith("\n  r1: It was [killed].\n")


def follow(run: Run, server: RestServer, *words: str, then: list[dict[str, object]]) -> str:
    """Follow a log of three lines, of which one more comes; then the server is broken."""
    path = "GET /api/v1/deployments/demo/logs"
    tries = {"items": [{"replica": "old", "attempt": 1, "lines": 7}], "next_cursor": None}
    server.answer(f"{path}/attempts", tries)
    held = [line(7, "of an old life", "old"), line(1, "one"), line(2, "two")]
    pages: list[object] = [
        {"items": held[1:], "next_cursor": "c"},
        {"items": [*held, *then], "next_cursor": None},
    ]
    server.answers[path] = [*((200, page) for page in pages), (500, {})]
    done = run("logs", "demo", "--follow", "--tail", "2", *words)
    assert isinstance(done.exception, Problem)
    return done.stdout


def test_following_begins_with_the_tail_and_shows_no_older_life(
    run: Run, server: RestServer
) -> None:
    told = follow(run, server, then=[line(3, "three")])
    assert told == "one\ntwo\nthree\n"


def test_following_as_json_prints_an_object_per_line(run: Run, server: RestServer) -> None:
    told = follow(run, server, "--json", then=[line(3, "three")])
    assert [json.loads(one)["text"] for one in told.splitlines()] == ["one", "two", "three"]


@pytest.mark.parametrize(
    "words",
    [
        "demo --level warning --all",
        "demo --request req_1 --attempt 2",
        "demo --process engine --attempts",
        "--attempts",
        "--all",
        "demo --attempts --follow",
        "demo --attempts --replica r1",
        "demo --attempts --tail 0",
        "demo --attempts --all",
        "demo --all --follow",
        "demo --all --tail 5",
    ],
)
def test_options_that_mean_nothing_together_are_refused(
    run: Run, server: RestServer, words: str
) -> None:
    done = run("logs", *words.split())
    assert (done.exit_code, server.calls) == (2, [])
    assert "together" in done.stderr


def test_chat_streams_the_answer(run: Run, server: RestServer) -> None:
    usage: dict[str, object] = {"choices": [], "usage": {"total_tokens": 3}}
    stream = sse(chunk("Hello "), chunk("there."), usage) + b"data: [DONE]\n\n"
    server.answer("POST /v1/chat/completions", stream)
    done = run("chat", "demo", "Hi?", "--system", "Be brief.", "--max-tokens", "5")
    assert done.stdout == "Hello there.\n"
    assert server.calls[0].body == {
        "model": "demo",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Hi?"},
        ],
        "max_tokens": 5,
        "stream": True,
    }


def test_a_conversation_carries_what_was_said(run: Run, server: RestServer) -> None:
    stream = sse(chunk("Yes.")) + b"data: [DONE]\n\n"
    server.answer("POST /v1/chat/completions", stream)
    done = run("chat", "demo", typed="Really?\nSure?\n\n")
    assert done.exit_code == 0
    assert [m["content"] for m in server.calls[1].body["messages"]] == ["Really?", "Yes.", "Sure?"]


def test_chat_with_an_unknown_model_says_what_the_gateway_says(
    run: Run, server: RestServer
) -> None:
    refusal = {"error": {"message": "There is no model “x”. Known: demo.", "code": "not_found"}}
    server.answer("POST /v1/chat/completions", refusal, status=404)
    done = run("chat", "x", "Hi?")
    assert isinstance(done.exception, Problem)
    assert done.exception.details.detail == "There is no model “x”. Known: demo."


def test_an_error_within_a_stream_is_a_problem() -> None:
    with pytest.raises(Problem, match="engine died"):
        list(events(['data: {"error": {"message": "engine died"}}']))


def test_a_stream_that_breaks_off_is_a_problem() -> None:
    with pytest.raises(Problem, match="broke off"):
        list(events(['data: {"choices": []}', ""]))


@pytest.mark.parametrize("text", ["data: {broken", "data: 3", "data: nothing"])
def test_an_event_that_is_none_is_a_problem(text: str) -> None:
    with pytest.raises(Problem, match="holds no event"):
        list(events([text]))
