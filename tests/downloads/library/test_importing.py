"""A folder becomes `local/<name>`: only what may be loaded, only from inside the folder."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from downloads.library.room import Room, a_model, json_bytes, safetensors, write
from vllm_manager.downloads.library import importing
from vllm_manager.downloads.library.schemas import ImportRequest
from vllm_manager.downloads.library.work import Progress
from vllm_manager.kit.errors import Problem
from vllm_manager.operations import Operation

INDEX = "model.safetensors.index.json"


async def import_(room: Room, folder: Path, name: str = "mine") -> Operation:
    return await room.library.import_folder(ImportRequest(path=str(folder), name=name))


async def refusal(room: Room, folder: Path) -> Problem:
    with pytest.raises(Problem) as caught:
        await import_(room, folder)
    assert await room.listed() == []
    return caught.value


async def test_a_folder_becomes_a_model_that_a_deployment_can_name(room: Room) -> None:
    files = {**a_model(), "modeling.py": b"raise SystemExit", "notes.md": b"mine"}
    ended = await room.ended(await import_(room, write(room.home / "folder", files)))
    assert (ended.kind, ended.subject, ended.status) == ("model.import", "local/mine", "succeeded")
    folder = await room.library.resolve("local/mine")
    assert folder is not None
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == a_model()
    model = await room.only()
    assert (model.source, model.repo, model.state) == ("local", "local/mine", "complete")
    assert (await room.ended(await room.library.verify(model.id))).status == "succeeded"


async def test_the_same_contents_are_always_the_same_commit(room: Room) -> None:
    folder = write(room.home / "folder", a_model())
    await room.ended(await import_(room, folder))
    first = (await room.only()).commit
    await room.ended(await import_(room, folder))
    assert (await room.only()).commit == first
    (folder / "tokenizer.json").write_bytes(b"[2]")
    await room.ended(await import_(room, folder))
    assert len(await room.listed()) == 2
    newest = await room.library.resolve("local/mine")
    assert newest is not None
    assert newest.name != first


async def test_what_was_imported_no_longer_depends_on_the_folder(room: Room) -> None:
    folder = write(room.home / "folder", a_model())
    await room.ended(await import_(room, folder))
    for name in a_model():
        with (folder / name).open("r+b") as file:
            file.write(b"changed in place")
    model = await room.only()
    assert (await room.ended(await room.library.verify(model.id))).status == "succeeded"


async def test_links_within_the_folder_are_followed(room: Room) -> None:
    folder = write(room.home / "folder", a_model())
    (folder / "tokenizer.json").rename(folder / "real.json")
    (folder / "tokenizer.json").symlink_to("real.json")
    assert (await room.ended(await import_(room, folder))).status == "succeeded"


def _absolute_link(folder: Path) -> None:
    outside = write(folder.parent / "outside", {"x.safetensors": safetensors()})
    (folder / "extra.safetensors").symlink_to(outside / "x.safetensors")


def _climbing_link(folder: Path) -> None:
    write(folder.parent, {"secret.json": b"{}"})
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer.json").symlink_to("../secret.json")


def _linked_folder(folder: Path) -> None:
    (folder / "more").symlink_to("/etc")


@pytest.mark.parametrize("link", [_absolute_link, _climbing_link, _linked_folder])
async def test_a_link_that_leads_out_is_refused(room: Room, link: Callable[[Path], None]) -> None:
    folder = write(room.home / "folder", a_model())
    link(folder)
    problem = await refusal(room, folder)
    assert (problem.code, problem.details.status) == ("link_outside", 422)


async def test_a_link_that_is_put_in_a_files_place_meanwhile_is_not_followed(room: Room) -> None:
    folder = write(room.home / "folder", a_model())
    files = importing.examine(folder)
    secret = write(room.home / "outside", {"secret": b"secret"}) / "secret"
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer.json").symlink_to(secret)
    with pytest.raises(Problem) as caught:
        importing.take_in(folder, files, room.store, "local/mine", Progress())
    assert caught.value.code == "link_outside"
    assert [path for path in room.store.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    ("files", "code", "named"),
    [
        ({"config.json": b"{}", "pytorch_model.bin": b"\x80"}, "pickle_refused", "pytorch_model"),
        ({"config.json": b"{}", "weights.pt": b"\x80"}, "pickle_refused", "weights.pt"),
        (
            {**a_model(), INDEX: json_bytes({"weight_map": {"a": "pytorch_model.bin"}})},
            "pickle_refused",
            INDEX,
        ),
        (
            {**a_model(), INDEX: json_bytes({"weight_map": {"a": "../x.safetensors"}})},
            "index_malformed",
            "../x",
        ),
        (
            {**a_model(), INDEX: json_bytes({"weight_map": {"a": "model-9.safetensors"}})},
            "weights_missing",
            "model-9",
        ),
        ({"config.json": b"{}"}, "no_weights", ".json"),
        ({"model.safetensors": safetensors()}, "no_config", "config.json"),
        ({**a_model(), "config.json": b"[]"}, "config_malformed", "config.json"),
        (
            {"config.json": b"{}", "model.safetensors": b"\xff" * 64},
            "safetensors_malformed",
            "model.safetensors",
        ),
        (
            {"config.json": b"{}", "model.safetensors": safetensors()[:-10]},
            "safetensors_malformed",
            "model.safetensors",
        ),
    ],
)
async def test_what_may_not_be_loaded_is_refused_by_name(
    room: Room, files: dict[str, bytes], code: str, named: str
) -> None:
    problem = await refusal(room, write(room.home / "folder", files))
    assert problem.code == code
    assert named in problem.details.detail


async def test_a_pipe_in_a_files_place_hangs_nothing(room: Room) -> None:
    folder = write(room.home / "folder", a_model())
    (folder / "tokenizer.json").unlink()
    os.mkfifo(folder / "tokenizer.json")
    assert (await room.ended(await import_(room, folder))).status == "succeeded"
    ours = await room.library.resolve("local/mine")
    assert ours is not None
    assert not (ours / "tokenizer.json").exists()


async def test_a_folder_that_is_not_there_is_a_404(room: Room) -> None:
    problem = await refusal(room, room.home / "nothing")
    assert (problem.code, problem.details.status) == ("model_folder_missing", 404)


@pytest.mark.parametrize("path", ["relative", "", "/a\0b", "/a\nb", "/" + "x" * 5000])
def test_a_path_that_is_none_is_refused(path: str) -> None:
    with pytest.raises(ValidationError):
        ImportRequest(path=path, name="mine")


@pytest.mark.parametrize("name", ["", "..", "a/b", "-a", "a--b", "a.git", "a\\b", "а", "x" * 97])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        ImportRequest(path="/data", name=name)
