"""`models` and `token`: what a person reads, and what goes over the wire."""

import json
from pathlib import Path
from typing import Any

import pytest

from catalog.room import CANARY, room_in
from cli.conftest import Run
from support.hub import Hub, ready_made
from support.rest_server import RestServer
from vllm_manager.catalog import SearchQuery
from vllm_manager.kit.errors import Problem

Json = dict[str, Any]


@pytest.fixture
async def said(tmp_path: Path) -> Json:
    """What the API says of a search, of a model and of a list with the hub away."""
    with Hub(ready_made()) as hub:
        async with room_in(tmp_path, hub) as room:
            page = await room.catalog.search(SearchQuery(sort="downloads"), None)
            model = await room.catalog.model("acme/pickled", None, None)
            hub.close()
            away = await room.catalog.popular(3)
    told = {"page": page, "model": model, "away": away}
    return {name: one.model_dump(mode="json") for name, one in told.items()}


def test_a_search_shows_what_matters_of_each(server: RestServer, run: Run, said: Json) -> None:
    server.answer("GET /api/v1/catalog/search", said["page"])
    done = run("models", "search", "acme", "--max-parameters", "7B", "--sort", "likes")
    assert done.exit_code == 0, done.output
    for words in ("acme/tiny-chat", "2.03M", "BF16", "apache-2.0", "own code", "unsupported"):
        assert words in done.output
    query = server.calls[0].query
    assert (query["q"], query["max_parameters"], query["sort"]) == (
        ["acme"],
        ["7000000000"],
        ["likes"],
    )


def test_a_list_from_the_shelf_says_so(server: RestServer, run: Run, said: Json) -> None:
    server.answer("GET /api/v1/catalog/popular", said["away"])
    done = run("models", "popular")
    assert done.exit_code == 0
    assert "came with this version" in done.output
    assert "can't be reached" in done.output


def test_a_model_is_shown_with_what_keeps_it(server: RestServer, run: Run, said: Json) -> None:
    server.answer("GET /api/v1/catalog/models/acme/pickled", said["model"])
    done = run("models", "show", "acme/pickled")
    assert done.exit_code == 0, done.output
    for words in ("LlamaForCausalLM", "2,048 tokens", "pickle (pytorch_model.bin)", "Convert"):
        assert words in done.output
    whole = run("models", "show", "acme/pickled", "--json")
    assert json.loads(whole.stdout) == said["model"]


def test_an_amount_that_is_none_is_misuse(server: RestServer, run: Run) -> None:
    assert run("models", "search", "--min-parameters", "many").exit_code == 2
    assert server.calls == []


def test_a_token_is_read_from_standard_input(server: RestServer, run: Run) -> None:
    view = {"is_set": True, "last_four": CANARY[-4:], "scope": "user"}
    server.answer("PUT /api/v1/catalog/token", view)
    done = run("token", "set", "--scope", "user", typed=f"{CANARY}\n")
    assert done.exit_code == 0, done.output
    assert server.calls[0].body == {"token": CANARY}
    assert server.calls[0].query == {"scope": ["user"]}
    assert CANARY not in done.output
    assert CANARY[-4:] in done.output


def test_a_token_is_no_argument(server: RestServer, run: Run) -> None:
    assert run("token", "set", CANARY).exit_code == 2
    assert run("token", "set", typed="").exit_code == 2
    assert server.calls == []


def test_a_token_is_shown_tested_and_forgotten(server: RestServer, run: Run) -> None:
    server.answer("GET /api/v1/catalog/token", {"is_set": False})
    assert "None is set" in run("token", "show").output
    told: Json = {"scope": "installation", "account": "ada", "kind": "read"}
    server.answer("POST /api/v1/catalog/token/test", told)
    assert "ada's (read)" in run("token", "test").output
    server.answer("DELETE /api/v1/catalog/token", {})
    assert run("token", "delete").exit_code == 0
    server.answer(
        "POST /api/v1/catalog/token/test",
        {"type": "t", "title": "T", "status": 403, "detail": "No.", "code": "hub_token_refused"},
        status=403,
    )
    refused = run("token", "test")
    assert isinstance(refused.exception, Problem)
    assert refused.exception.code == "hub_token_refused"
