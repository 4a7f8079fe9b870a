"""The web interface is served from the package, and nothing else is."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from support.application import Running, running_in

pytestmark = pytest.mark.integration

HTML = {"accept": "text/html,application/xhtml+xml"}


@pytest.fixture
async def built(tmp_path: Path) -> AsyncGenerator[Running]:
    static = tmp_path / "static"
    (static / "assets").mkdir(parents=True)
    (static / "index.html").write_text("<title>the app</title>")
    (static / "assets" / "app-1a2b.js").write_text("// code")
    (static / "favicon.svg").write_text("<svg/>")
    (tmp_path / "secret.txt").write_text("not for you")
    async with running_in(tmp_path, static=static) as control:
        yield control


@pytest.mark.parametrize("path", ["/", "/deployments/demo", "/login"])
async def test_a_page_of_the_interface_is_its_index(built: Running, path: str) -> None:
    answer = await built.client.get(path, headers=HTML)
    assert answer.text == "<title>the app</title>"
    assert answer.headers["cache-control"] == "no-cache"
    assert "script-src 'self';" in answer.headers["content-security-policy"]


async def test_assets_never_change(built: Running) -> None:
    answer = await built.client.get("/assets/app-1a2b.js")
    assert answer.text == "// code"
    assert "immutable" in answer.headers["cache-control"]


async def test_a_missing_asset_is_not_the_index(built: Running) -> None:
    answer = await built.client.get("/assets/app-gone.js", headers=HTML)
    assert answer.status_code == 404
    assert "the app" not in answer.text


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/v1/nothing", "/internal/x"])
async def test_an_address_of_a_program_is_not_the_index(built: Running, path: str) -> None:
    assert (await built.client.get(path, headers=HTML)).status_code == 404


async def test_other_files_of_the_interface_are_served(built: Running) -> None:
    assert (await built.client.get("/favicon.svg")).text == "<svg/>"
    assert (await built.client.get("/robots.txt")).status_code == 404


@pytest.mark.parametrize(
    "path", ["/../secret.txt", "/%2e%2e/secret.txt", "/assets/..%2f..%2fsecret.txt", "//etc/passwd"]
)
async def test_no_file_outside_is_served(built: Running, path: str) -> None:
    answer = await built.client.get(path)
    assert answer.status_code == 404
    assert "not for you" not in answer.text


async def test_without_a_built_interface_a_page_says_what_to_do(control: Running) -> None:
    answer = await control.client.get("/", headers=HTML)
    assert "make up" in answer.text
