"""`audit`: what people read, and what an export proves without a server."""

import json
from pathlib import Path
from typing import Any

import pytest

from audit.test_chain import chain
from cli.conftest import Run
from support.rest_server import RestServer
from vllm_manager.audit.schemas import EXAMPLE
from vllm_manager.kit.errors import Problem

REPORT: dict[str, Any] = {
    "ok": True,
    "entries": 4,
    "first_seq": 1,
    "last_seq": 4,
    "head": "9f2c",
    "broken_at": None,
    "reason": None,
}


def write(folder: Path, links: list[dict[str, Any]]) -> str:
    file = folder / "audit.ndjson"
    file.write_text("".join(json.dumps(link) + "\n" for link in links))
    return str(file)


def test_entries_are_listed_as_they_are_sought(server: RestServer, run: Run) -> None:
    server.answer("GET /api/v1/audit", {"items": [EXAMPLE], "next_cursor": None})
    done = run("audit", "ls", "--actor", "anna", "--from", "2026-11-01", "--limit", "5")
    assert done.exit_code == 0, done.output
    for words in ("anna", "revokeKey", "192.0.2.7", "done"):
        assert words in done.output
    query = server.calls[0].query
    assert (query["actor"], query["limit"]) == (["anna"], ["5"])
    assert query["from"][0].startswith("2026-11-01T00:00:00")


def test_a_server_s_log_is_verified(server: RestServer, run: Run) -> None:
    server.answer("GET /api/v1/audit/verify", REPORT)
    done = run("audit", "verify")
    assert done.exit_code == 0
    assert "4 entries are as they were written" in done.output


def test_a_server_s_broken_log_fails_with_the_place(server: RestServer, run: Run) -> None:
    broken = {"ok": False, "broken_at": 3, "reason": "Entry 2 is missing."}
    server.answer("GET /api/v1/audit/verify", {**REPORT, **broken})
    done = run("audit", "verify")
    assert isinstance(done.exception, Problem)
    assert "entry 3" in str(done.exception)


def test_an_export_is_verified_without_a_server(run: Run, tmp_path: Path) -> None:
    done = run("audit", "verify", write(tmp_path, chain(6)))
    assert done.exit_code == 0
    assert "6 entries" in done.output


def test_a_changed_export_fails_with_the_place(run: Run, tmp_path: Path) -> None:
    links = chain(6)
    links[3]["actor"] = "somebody else"
    done = run("audit", "verify", write(tmp_path, links))
    assert isinstance(done.exception, Problem)
    assert "entry 4" in str(done.exception)


def test_an_end_that_was_cut_off_shows_by_a_hash_that_was_noted(run: Run, tmp_path: Path) -> None:
    links = chain(6)
    noted = links[-1]["hash"]
    assert run("audit", "verify", write(tmp_path, links), "--head", noted).exit_code == 0
    done = run("audit", "verify", write(tmp_path, links[:4]), "--head", noted)
    assert isinstance(done.exception, Problem)
    assert "cut off" in str(done.exception)


@pytest.mark.parametrize("text", ["{", "[]\n", '{"seq": 1}\n'])
def test_what_is_no_export_is_misuse(run: Run, tmp_path: Path, text: str) -> None:
    file = tmp_path / "other.txt"
    file.write_text(text)
    done = run("audit", "verify", str(file))
    assert done.exit_code == 2
    assert "Traceback" not in done.output


def test_a_list_that_is_cut_says_where_it_goes_on(server: RestServer, run: Run) -> None:
    server.answer("GET /api/v1/audit", {"items": [], "next_cursor": None})
    assert json.loads(run("audit", "ls", "--json").stdout) == {"items": [], "next_cursor": None}
    entry = {"seq": 3}
    server.answer("GET /api/v1/audit", {"items": [entry], "next_cursor": "more"})
    found = json.loads(run("audit", "ls", "--limit", "1", "--from", "7d", "--json").stdout)
    assert found == {"items": [entry], "next_cursor": "more"}
