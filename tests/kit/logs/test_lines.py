"""One shape of line for every process, for programs and for people."""

import asyncio
import json
import logging
from typing import Any

import pytest

from vllm_manager.kit.logs import MEMBERS, JsonLine, PlainLine, about, plain
from vllm_manager.kit.redaction import Redacted

SECRET = "hf_" + "a" * 30  # looks like a token


def record(message: str, level: int = logging.INFO, **more: Any) -> logging.LogRecord:
    made = logging.LogRecord("room", level, __file__, 1, message, (), None)
    made.__dict__.update(more)
    return made


def as_json(made: logging.LogRecord) -> dict[str, Any]:
    return json.loads(JsonLine("gateway").format(made))


def test_a_line_says_when_who_and_what() -> None:
    line = as_json(record("It began", created=0.5, process=7))
    assert line == {
        "time": "1970-01-01T00:00:00.500Z",
        "level": "info",
        "logger": "room",
        "process": "gateway",
        "pid": 7,
        "message": "It began",
    }


def test_what_is_logged_within_a_request_carries_its_id() -> None:
    with about(request_id="req_1"), about(deployment="demo", phase="loading"):
        line = as_json(record("x"))
    assert (line["request_id"], line["deployment"], line["phase"]) == ("req_1", "demo", "loading")
    assert "request_id" not in as_json(record("x"))
    assert [name for name in line if name not in MEMBERS] == []


async def test_a_task_begun_within_a_request_is_part_of_it() -> None:
    async def work() -> dict[str, Any]:
        await asyncio.sleep(0)
        return as_json(record("x"))

    with about(request_id="req_2"):
        task = asyncio.create_task(work())
    assert (await task)["request_id"] == "req_2"


def test_what_a_call_says_itself_goes_before_what_is_current() -> None:
    with about(request_id="req_1"):
        line = as_json(record("x", request_id="req_9", fields={"status": 200}, origin="browser"))
    assert (line["request_id"], line["status"], line["process"]) == ("req_9", 200, "browser")


def test_a_secret_is_written_in_neither_form() -> None:
    made = record(f"the token is {SECRET}")
    try:
        raise ValueError(SECRET)
    except ValueError as error:
        made.exc_info = (ValueError, error, error.__traceback__)
    for form in (JsonLine("x"), PlainLine("x")):
        assert SECRET not in Redacted(form).format(made)
    assert "ValueError" in as_json(made)["exception"]


def test_a_secret_goes_that_the_form_of_a_line_would_hide() -> None:
    made = record("refused:\n" + SECRET, fields={"answers": [{"x": f"\t{SECRET}"}]})
    header = 'sent "csrf_token": "canary0123456789-canary"'  # escaped, it is no pair any more
    try:
        raise ValueError(f"two lines\n{SECRET}\n{header}")
    except ValueError as error:
        made.exc_info = (ValueError, error, error.__traceback__)
    for form in (JsonLine("x"), PlainLine("x")):
        text = Redacted(form).format(made)
        assert SECRET not in text
        assert "canary" not in text
    assert as_json(made)["answers"] == [{"x": "\thf_…"}]


@pytest.mark.parametrize("text", ["a\nb", "\ud800", "\x1b[2J", "“é” \u2028 \x00"])
def test_a_line_stays_one_line_whatever_stands_in_it(text: str) -> None:
    formatted = JsonLine("x").format(record(text))
    assert "\n" not in formatted
    assert json.loads(formatted)["message"] == text


def test_plain_text_tells_what_else_stands_in_a_line_wherever_it_stands() -> None:
    line = {"time": "T", "level": "info", "process": "gateway", "message": "ended", "pid": 1}
    about = {"request_id": "req_1", "deployment": "demo", "phase": None}
    fields = {"status": 200, "ttft_seconds": None, "tokens": 0}
    wanted = "T INFO    gateway: ended  [request_id=req_1 deployment=demo status=200 tokens=0]"
    assert plain({**line, **about, **fields}) == wanted  # as a process writes it
    assert plain({"id": "x", **line, **about, "fields": fields}) == wanted  # as the API tells it


def test_plain_text_can_neither_begin_a_line_nor_steer_a_terminal() -> None:
    with about(request_id="req_1"):
        text = PlainLine("gateway").format(record("no\n2026 ERROR fake \x1b[2J", logging.WARNING))
    assert "\x1b" not in text
    assert "\n" not in text
    assert "WARNING gateway: no\\n2026 ERROR fake \\x1b[2J" in text
    assert text.endswith("[request_id=req_1]")
