"""`chat`: a question to a model, answered word by word; a conversation without a question."""

import json
import sys
from collections.abc import Iterable, Iterator
from typing import Annotated, cast

import typer

from vllm_manager.cli.client import (
    Client,
    Json,
    JsonOption,
    TokenOption,
    UrlOption,
    as_object,
    connect,
)
from vllm_manager.cli.deployments import NameArgument
from vllm_manager.cli.output import err, print_json, print_problem
from vllm_manager.kit.errors import Problem

_DATA = "data:"


def events(lines: Iterable[str]) -> Iterator[Json]:
    """Yield the JSON objects of a stream of server-sent events, up to `[DONE]`.

    Raises:
        Problem: the stream holds an error, or breaks off.
    """
    for line in lines:
        if not line.startswith(_DATA):
            continue
        text = line[len(_DATA) :].strip()
        if text == "[DONE]":
            return
        event = _event(text)
        if error := as_object(event.get("error")):
            raise Problem("stream_failed", str(error.get("message")), status=502)
        yield event
    raise Problem("stream_failed", "The answer broke off before its end.", status=502)


def _event(text: str) -> Json:
    """Return an event.

    Raises:
        Problem: it is no JSON object.
    """
    try:
        event = as_object(json.loads(text))
    except ValueError:
        event = None
    if event is None:
        raise Problem("stream_failed", f"The answer holds no event: {text[:80]}", status=502)
    return event


def _words(event: Json) -> str:
    """Return what a chunk adds to the answer; the last one, with the usage, adds nothing."""
    choices = cast(list[Json], event.get("choices") or [])
    return "".join(str(choice["delta"].get("content") or "") for choice in choices[:1])


def _ask(client: Client, request: Json) -> str:
    """Stream one answer to standard output and return it whole."""
    said: list[str] = []
    with client.lines("POST", "/v1/chat/completions", {**request, "stream": True}) as lines:
        for event in events(lines):
            said.append(_words(event))
            sys.stdout.write(said[-1])
            sys.stdout.flush()
    sys.stdout.write("\n")
    return "".join(said)


def _converse(client: Client, request: Json) -> None:
    """Talk until the end of input."""
    err.print("Ask; an empty line or Ctrl-D ends.", style="dim")
    messages: list[Json] = list(request["messages"])
    while True:
        try:
            question = input("› ").strip()
        except EOFError:
            return
        if not question:
            return
        messages.append({"role": "user", "content": question})
        try:
            answer = _ask(client, {**request, "messages": messages})
        except Problem as problem:
            print_problem(problem.details)
            messages.pop()
            continue
        messages.append({"role": "assistant", "content": answer})


def chat(
    name: NameArgument,
    question: Annotated[str | None, typer.Argument(help="Left out: a conversation.")] = None,
    system: Annotated[str | None, typer.Option(help="The system message.")] = None,
    max_tokens: Annotated[int | None, typer.Option(help="Longest answer.")] = None,
    temperature: Annotated[float | None, typer.Option(help="0 is the same each time.")] = None,
    url: UrlOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask a deployed model, through the same gateway that applications use."""
    opening: list[Json] = [{"role": "system", "content": system}] if system else []
    options = {"max_tokens": max_tokens, "temperature": temperature}
    request: Json = {"model": name, "messages": opening}
    request |= {key: value for key, value in options.items() if value is not None}
    with connect(url, token) as client:
        if question is None:
            _converse(client, request)
            return
        request["messages"] = [*opening, {"role": "user", "content": question}]
        if as_json:
            print_json(client.post("/v1/chat/completions", request))
        else:
            _ask(client, request)
