"""A half-written or damaged model is shown as such, and never given to an engine."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from downloads.library.room import Room, a_model, json_bytes, put, safetensors, write

REPO = "acme/chat"
FIRST, SECOND = "a" * 40, "b" * 40
SHARD = "model-00002-of-00002.safetensors"


def without(name: str) -> dict[str, bytes]:
    return {path: data for path, data in a_model().items() if path != name}


def blob_of(snapshot: Path, name: str) -> Path:
    return (snapshot / name).resolve()


def _missing_blob(snapshot: Path) -> None:
    blob_of(snapshot, SHARD).unlink()


def _cut_off(snapshot: Path) -> None:
    os.truncate(blob_of(snapshot, SHARD), 100)


def _grown(snapshot: Path) -> None:
    with blob_of(snapshot, SHARD).open("ab") as file:
        file.write(b"more")


def _huge_header(snapshot: Path) -> None:
    blob_of(snapshot, SHARD).write_bytes(b"\xff" * 64)


def _link_outside(snapshot: Path) -> None:
    outside = write(snapshot.parents[3] / "outside", {"secret": safetensors()})
    (snapshot / SHARD).unlink()
    (snapshot / SHARD).symlink_to(outside / "secret")


def _link_to_a_link_outside(snapshot: Path) -> None:
    outside = write(snapshot.parents[3] / "outside", {"secret": safetensors()})
    blob = blob_of(snapshot, SHARD)
    blob.unlink()
    blob.symlink_to(outside / "secret")


def _linked_snapshots(snapshot: Path) -> None:
    files = {name: (snapshot / name).read_bytes() for name in a_model()}
    outside = snapshot.parents[3] / "outside"
    write(outside / snapshot.name, files)
    snapshot.parent.rename(snapshot.parents[3] / "aside")
    snapshot.parent.symlink_to(outside)


def _linked_blobs(snapshot: Path) -> None:
    blobs = snapshot.parents[1] / "blobs"
    outside = snapshot.parents[3] / "outside"
    blobs.rename(outside)
    blobs.symlink_to(outside)


def _circle(snapshot: Path) -> None:
    (snapshot / SHARD).unlink()
    (snapshot / SHARD).symlink_to(SHARD)


def _bad_index(snapshot: Path) -> None:
    blob_of(snapshot, "model.safetensors.index.json").write_bytes(b"{")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (_missing_blob, "contents are missing"),
        (_cut_off, "no sound safetensors"),
        (_grown, "more or fewer bytes"),
        (_huge_header, "no sound safetensors"),
        (_link_outside, "leads out of the model"),
        (_link_to_a_link_outside, "leads out of the model"),
        (_linked_snapshots, "leads out of the model"),
        (_linked_blobs, "leads out of the model"),
        (_circle, SHARD),
        (_bad_index, "can't be read"),
    ],
)
async def test_damage_is_named_and_the_model_is_not_offered(
    room: Room, damage: Callable[[Path], None], words: str
) -> None:
    damage(put(room.store, REPO, a_model(), FIRST))
    model = await room.only()
    assert model.state == "broken"
    assert words in " ".join(model.reasons)
    assert await room.library.resolve(REPO) is None


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (without("config.json"), "config.json is missing"),
        (without(SHARD), f"1 of its weight files are missing: {SHARD}"),
        ({"config.json": b"{}", "tokenizer.json": b"{}"}, "no .safetensors weights"),
        ({"config.json": b"{}", "pytorch_model.bin": b"\x80\x04"}, "pickle files only"),
    ],
)
async def test_what_is_missing_is_named_and_the_model_is_not_offered(
    room: Room, files: dict[str, bytes], words: str
) -> None:
    put(room.store, REPO, files, FIRST)
    model = await room.only()
    assert model.state == "partial"
    assert words in " ".join(model.reasons)
    assert await room.library.resolve(REPO) is None


async def test_an_index_that_names_a_pickle_is_broken(room: Room) -> None:
    index = json_bytes({"weight_map": {"a": "pytorch_model.bin"}})
    put(room.store, REPO, {**a_model(), "model.safetensors.index.json": index}, FIRST)
    model = await room.only()
    assert (model.state, await room.library.resolve(REPO)) == ("broken", None)
    assert "pytorch_model.bin" in model.reasons[0]


async def test_a_download_that_left_no_snapshot_is_shown_and_can_be_deleted(room: Room) -> None:
    folder = room.store / "models--acme--chat"
    write(folder / "blobs", {"e" * 64 + ".part": b"half", "f" * 64: b"whole"})
    write(folder / "refs", {})
    model = await room.only()
    assert (model.commit, model.folder, model.state) == (None, None, "partial")
    assert (model.id, model.size_bytes) == ("acme--chat@unfinished", 9)
    assert await room.library.delete(model.id) == 9
    assert await room.listed() == []


async def test_the_newest_snapshot_of_an_interrupted_download_is_partial(room: Room) -> None:
    snapshot = put(room.store, REPO, a_model(), FIRST)
    write(snapshot.parents[1] / "blobs", {f"{'e' * 64}.1234.incomplete": b"half"})
    model = await room.only()
    assert model.state == "partial"
    assert "interrupted download" in model.reasons[0]
    assert await room.library.resolve(REPO) is None


async def test_an_interrupted_download_of_another_commit_spoils_nothing(room: Room) -> None:
    snapshot = put(room.store, REPO, a_model(), FIRST, ref="v1")
    write(snapshot.parents[1], {"refs/main": SECOND.encode(), f"blobs/{'e' * 64}.incomplete": b""})
    model = await room.only()
    assert (model.state, model.revisions) == ("complete", ["v1"])
    assert await room.library.resolve(REPO, "main") is None
    assert await room.library.resolve(REPO, "v1") == snapshot


async def test_what_is_left_of_a_file_that_came_since_spoils_nothing(room: Room) -> None:
    snapshot = put(room.store, REPO, a_model(), FIRST)
    blob = blob_of(snapshot, SHARD)
    write(blob.parent, {f"{blob.name}.1234.incomplete": b"half"})
    assert (await room.only()).state == "complete"


async def test_our_own_part_of_a_newer_revision_spoils_nothing(room: Room) -> None:
    snapshot = put(room.store, REPO, a_model(), FIRST)
    write(snapshot.parents[1] / "blobs", {f"{'e' * 64}.part": b"half"})
    assert (await room.only()).state == "complete"


async def test_an_empty_ref_names_nothing(room: Room) -> None:
    snapshot = put(room.store, REPO, a_model(), FIRST)
    write(snapshot.parents[1] / "refs", {"main": b""})
    model = await room.only()
    assert (model.state, model.revisions) == ("complete", [])
    assert await room.library.resolve(REPO) is None
    assert await room.library.resolve(REPO, FIRST) == snapshot


async def test_what_is_no_model_is_passed_over(room: Room) -> None:
    put(room.store, REPO, a_model(), FIRST)
    write(room.store, {"CACHEDIR.TAG": b"", "datasets--a--b/refs/main": b"x", "version.txt": b"1"})
    (room.store / "models--acme--empty").mkdir()
    assert (await room.only()).repo == REPO
