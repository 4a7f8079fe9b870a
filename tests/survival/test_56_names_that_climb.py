"""56. Model ids that climb, hide or deceive are refused, and nobody is asked for them."""

from collections.abc import AsyncGenerator
from pathlib import Path
from urllib.parse import quote

import pytest

from catalog.room import engine_in
from support.application import Running, running_in
from support.hub import Hub, declare, ready_made
from vllm_manager.catalog.names import check_model_id
from vllm_manager.kit.errors import Problem

pytestmark = pytest.mark.survival

IDS = [
    "../secret",
    "acme/../../etc/passwd",
    "acme/..",
    "/etc/passwd",
    "//host/share",
    "acme/tiny\0chat",
    "acme\\tiny-chat",
    "acme/tiny-chat\n",
    "a" * 97 + "/b",
    "acme/" + "b" * 400,
    "аcme/tiny-chat",  # a Cyrillic letter
    "acme/tiny‑chat",  # a hyphen that is none
    "ａｃｍｅ/tiny-chat",
    "base:..",
    "base:../x",
    "acme/tiny-chat:main",
    "%2e%2e/x",
    "acme/%2e%2e",
    "acme/tiny--chat",
    "acme/tiny-chat.git",
    "-acme/x",
    ".acme/x",
    "a/b/c",
    "",
    " ",
]


@pytest.fixture
async def running(tmp_path: Path) -> AsyncGenerator[tuple[Running, Hub]]:
    with Hub(ready_made()) as hub:
        engine = engine_in(tmp_path)
        async with running_in(tmp_path, hub_endpoint=hub.url, engine_python=engine) as running:
            yield running, hub


@pytest.mark.parametrize("name", IDS)
def test_56_the_id_is_refused_by_its_field(name: str) -> None:
    with pytest.raises(Problem) as caught:
        check_model_id(name)
    details = caught.value.details
    assert (details.status, details.errors[0].field) == (422, "model")
    assert details.detail.isascii() or "…" in details.detail or "“" in details.detail


async def test_56_the_api_refuses_them_in_any_coding_and_asks_nobody(
    running: tuple[Running, Hub],
) -> None:
    product, hub = running
    coded = [quote(name, safe="") for name in IDS if name.strip() and name == name.strip()]
    doubly = [quote(one, safe="") for one in coded]
    for name in [*coded, *doubly]:
        for rest in ("", "/card", "/files"):
            path = f"/api/v1/catalog/models/{name}{rest}"
            answer = await product.client.get(path, headers=product.bearer)
            assert answer.status_code in (400, 404, 422), (path, answer.text)
            assert answer.headers["content-type"] == "application/problem+json"
    assert hub.requests == []


async def test_56_a_revision_that_climbs_is_refused(running: tuple[Running, Hub]) -> None:
    product, hub = running
    for revision in ("../main", "a/../b", "-main", "..", "мain"):
        answer = await product.client.get(
            "/api/v1/catalog/models/acme/tiny-chat",
            params={"revision": revision},
            headers=product.bearer,
        )
        assert answer.status_code == 422, revision
    assert hub.requests == []


async def test_56_a_repository_whose_files_climb_is_not_used(
    running: tuple[Running, Hub],
) -> None:
    product, hub = running
    for number, path in enumerate(("../../evil.json", "/etc/evil", "a\\b", "x/../y")):
        hub.add(declare(f"acme/evil-{number}", {path: "{}", "config.json": "{}"}))
        for rest in ("", "/files"):
            answer = await product.client.get(
                f"/api/v1/catalog/models/acme/evil-{number}{rest}", headers=product.bearer
            )
            assert (answer.status_code, answer.json()["code"]) == (422, "unsafe_path"), path
