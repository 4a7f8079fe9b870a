"""The API's page names each endpoint, and the errors' page each code that the code can raise."""

import ast
import re
from collections.abc import Iterator
from typing import Any

import pytest

from support.documentation import ROOT, page
from vllm_manager.api.app import create_app
from vllm_manager.settings import Settings

RAISING = {"Problem": 0, "Refusal": 1, "Denial": 0, "Failure": 0, "reply_problem": 2}
"""What carries a code → at which place among its arguments."""


def endpoints() -> set[tuple[str, str]]:
    """Return method and path of each endpoint, as the page writes them."""
    paths: dict[str, dict[str, Any]] = create_app(Settings()).openapi()["paths"]
    return {
        (method.upper(), path.removeprefix("/api/v1"))
        for path, methods in paths.items()
        for method in methods
    }


def calls() -> Iterator[tuple[str, ast.Call]]:
    """Yield every call of a plain name in the product's code."""
    for folder in ("src", "engine/src"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                    yield node.func.id, node


def codes() -> set[str]:
    """Return every code that is written out where something is raised."""
    found: set[str] = set()
    for name, call in calls():
        place = RAISING.get(name)
        if place is None or len(call.args) <= place:
            continue
        for node in ast.walk(call.args[place]):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
    return {code for code in found if re.fullmatch(r"[a-z]+(_[a-z]+)+", code)}


def test_each_endpoint_is_documented() -> None:
    written = re.findall(r"`(GET|POST|PATCH|PUT|DELETE) (/[^`?\s]*)", page("api"))
    assert endpoints() - set(written) == set()


def test_no_endpoint_is_documented_that_is_not_there() -> None:
    ours = page("api").split("## Models")[0]
    written = re.findall(r"`(GET|POST|PATCH|PUT|DELETE) (/[^`?\s]*)", ours)
    outside = {("GET", "/openapi.json"), ("GET", "/docs")}
    assert set(written) - endpoints() - outside == set()


def test_each_code_of_an_error_is_documented() -> None:
    assert len(codes()) > 40
    written = page("errors") + page("failures")
    assert {code for code in codes() if f"`{code}`" not in written} == set()


@pytest.mark.parametrize(("schema", "name"), [("KeyView", "Key"), ("LogLine", "LogLine")])
def test_each_member_of_an_object_is_documented(schema: str, name: str) -> None:
    members = create_app(Settings()).openapi()["components"]["schemas"][schema]["properties"]
    (told,) = re.findall(rf"^`{name}`: (`.+?)\n\n", page("api"), re.MULTILINE | re.DOTALL)
    assert set(members) - set(re.findall(r"\"(\w+)\"", told)) == set()
