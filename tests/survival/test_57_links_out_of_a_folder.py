"""57. A link in a local model folder that leads outside is refused before anything is read."""

import shutil
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from catalog.room import Room, room_in
from support.hub import Hub
from support.hub.models import DEMO
from vllm_manager.kit.errors import Problem

pytestmark = pytest.mark.survival


@pytest.fixture
async def room(tmp_path: Path) -> AsyncGenerator[Room]:
    with Hub() as hub:
        async with room_in(tmp_path / "home", hub) as room:
            yield room


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(DEMO, tmp_path / "model"))


@pytest.mark.parametrize("name", ["config.json", "extra.json", "model.safetensors", "sub/deep.txt"])
async def test_57_a_link_to_a_file_elsewhere(room: Room, folder: Path, name: str) -> None:
    secret = folder.parent / "secret"
    secret.write_text("canary")
    link = folder / name
    link.parent.mkdir(exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(secret)
    with pytest.raises(Problem) as caught:
        await room.catalog.facts(str(folder), None)
    assert caught.value.code == "link_outside"
    assert "canary" not in caught.value.details.model_dump_json()


async def test_57_a_link_to_a_folder_elsewhere(room: Room, folder: Path) -> None:
    (folder / "sub").symlink_to("/etc", target_is_directory=True)
    with pytest.raises(Problem) as caught:
        await room.catalog.facts(str(folder), None)
    assert caught.value.code == "link_outside"


async def test_57_links_that_lead_nowhere_or_in_a_circle(room: Room, folder: Path) -> None:
    (folder / "a").symlink_to(folder / "b")
    (folder / "b").symlink_to(folder / "a")
    with pytest.raises(Problem) as caught:
        await room.catalog.facts(str(folder), None)
    assert caught.value.code == "link_outside"


async def test_57_a_link_within_the_folder_is_fine(room: Room, folder: Path) -> None:
    (folder / "again.json").symlink_to("config.json")
    assert (await room.catalog.facts(str(folder), None)).weights_bytes is not None


async def test_57_a_cache_that_links_out_of_itself(room: Room, tmp_path: Path) -> None:
    home = room.settings.model_store / "models--acme--evil"
    snapshot = home / "snapshots" / ("a" * 40)
    snapshot.mkdir(parents=True)
    (home / "refs").mkdir()
    (home / "refs" / "main").write_text("a" * 40)
    shutil.copy(DEMO / "model.safetensors", snapshot)
    (tmp_path / "secret.json").write_text("{}")
    (snapshot / "config.json").symlink_to(tmp_path / "secret.json")
    with pytest.raises(Problem) as caught:
        await room.catalog.facts("acme/evil", None)
    assert caught.value.code == "link_outside"


@pytest.mark.parametrize("text", ["../../../../etc", "..", "", "a/b", "/etc", "\0", "é" * 5000])
async def test_57_a_ref_of_a_cache_that_climbs_is_not_followed(room: Room, text: str) -> None:
    home = room.settings.model_store / "models--acme--gone"
    (home / "refs").mkdir(parents=True)
    (home / "snapshots").mkdir()
    (home / "refs" / "main").write_text(text)
    with pytest.raises(Problem) as caught:
        await room.catalog.facts("acme/gone", None)
    assert caught.value.code == "hub_repo_not_found"
