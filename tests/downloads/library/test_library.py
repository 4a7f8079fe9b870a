"""What is on disk: listed by revision, with sizes, users and what is wrong; deleted when unused."""

import asyncio
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from huggingface_hub import scan_cache_dir

from downloads.library.room import Room, a_model, put, safetensors
from vllm_manager.downloads.layout import ModelFolder
from vllm_manager.downloads.library import Use
from vllm_manager.kit.errors import Problem

REPO = "acme/chat"
FIRST, SECOND = "a" * 40, "b" * 40


def size_of(files: dict[str, bytes]) -> int:
    return sum(map(len, {data: data for data in files.values()}))


async def test_an_empty_library_is_an_empty_page(room: Room) -> None:
    page = await room.library.list(10)
    assert (page.items, page.next_cursor, page.total_bytes) == ([], None, 0)


async def test_a_whole_model_is_complete_and_resolved(room: Room) -> None:
    snapshot = put(room.store, REPO, a_model(), FIRST)
    model = await room.only()
    assert (model.repo, model.commit, model.revisions) == (REPO, FIRST, ["main"])
    assert (model.state, model.reasons, model.source) == ("complete", [], "hub")
    assert (model.size_bytes, model.files_count) == (size_of(a_model()), 5)
    assert model.id == f"acme--chat@{FIRST}"
    for revision in (None, "main", FIRST):
        assert await room.library.resolve(REPO, revision) == snapshot
    assert await room.library.resolve(REPO, "other") is None
    assert await room.library.resolve("acme/nothing") is None


@pytest.mark.parametrize("name", ["../acme/chat", "acme", "/etc", "acme/chat/..", "a/b\0"])
async def test_what_is_no_models_name_resolves_to_nothing(room: Room, name: str) -> None:
    assert await room.library.resolve(name) is None


async def test_huggingface_hub_sees_the_same_models_and_sizes(room: Room) -> None:
    put(room.store, REPO, a_model(), FIRST)
    put(room.store, REPO, {**a_model(), "tokenizer.json": b"[]"}, SECOND, ref="v2")
    put(room.store, "acme/other", {**a_model(b"\2")}, FIRST)
    page = await room.library.list(10)
    theirs = scan_cache_dir(room.store)
    assert theirs.warnings == []
    assert page.total_bytes == theirs.size_on_disk
    by_commit = {(r.repo_id, v.commit_hash): v for r in theirs.repos for v in r.revisions}
    assert {(m.repo, m.commit): m.size_bytes for m in page.items} == {
        key: found.size_on_disk for key, found in by_commit.items()
    }


async def test_files_that_revisions_share_count_once_and_stay_when_one_goes(room: Room) -> None:
    first, second = a_model(), {**a_model(), "tokenizer.json": b"[1]"}
    put(room.store, REPO, first, FIRST, ref="v1")
    put(room.store, REPO, second, SECOND)
    page = await room.library.list(10)
    assert page.total_bytes == size_of({**first, "second tokenizer": b"[1]"})
    assert {model.commit: model.freed_bytes for model in page.items} == {FIRST: 2, SECOND: 3}
    assert await room.library.delete(f"acme--chat@{FIRST}") == 2
    left = await room.only()
    assert (left.commit, left.state) == (SECOND, "complete")
    assert await room.library.verify(left.id)
    assert scan_cache_dir(room.store).warnings == []


async def test_the_last_revision_takes_the_whole_folder_with_it(room: Room) -> None:
    put(room.store, REPO, a_model(), FIRST)
    assert await room.library.delete(f"acme--chat@{FIRST}") == size_of(a_model())
    assert [path.name for path in room.store.iterdir()] in ([], [".locks"])
    assert await room.listed() == []


async def test_a_model_in_use_is_not_deleted_and_its_users_are_named(room: Room) -> None:
    snapshot = put(room.store, REPO, a_model(), FIRST)
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    room.uses[:] = [
        Use("by-name", REPO, None, moment),
        Use("by-folder", str(snapshot), None),
        Use("of-another", "acme/other", None),
        Use("of-another-revision", REPO, "v9"),
    ]
    model = await room.only()
    assert model.used_by == ["by-folder", "by-name"]
    assert (model.last_used_at, model.last_used_by) == (moment, "engine")
    with pytest.raises(Problem) as caught:
        await room.library.delete(model.id)
    assert (caught.value.code, caught.value.details.status) == ("model_in_use", 409)
    assert "by-folder, by-name" in caught.value.details.detail
    assert snapshot.is_dir()
    room.uses.clear()
    assert await room.library.delete(model.id) > 0


async def test_without_an_engine_the_last_use_is_the_files_last_reading(room: Room) -> None:
    put(room.store, REPO, a_model(), FIRST)
    assert (await room.only()).last_used_by == "file_access"


@contextmanager
def another_process_holds(claim: Path) -> Generator[None]:
    """Let a process of its own claim a folder, as the one that fetches does."""
    code = (
        "import pathlib, sys; from vllm_manager.downloads.worker.claim import Claim; "
        "Claim(pathlib.Path(sys.argv[1])).take(); print('taken', flush=True); input()"
    )
    command = [sys.executable, "-c", code, str(claim)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"taken\n"
        yield
        holder.communicate(b"\n")


async def test_a_model_that_a_download_works_in_is_not_deleted(room: Room) -> None:
    put(room.store, REPO, a_model(), FIRST)
    with another_process_holds(ModelFolder(room.store, REPO).claim):
        with pytest.raises(Problem) as caught:
            await room.library.delete(f"acme--chat@{FIRST}")
        assert caught.value.code == "model_busy"
        assert (await room.only()).state == "complete"
    # The process is gone, and has not let the folder go: the dead don't count.
    assert await room.library.delete(f"acme--chat@{FIRST}") > 0


@pytest.mark.parametrize(
    "model_id", ["acme--chat@" + "c" * 40, "nothing", "..--..@x", "acme--chat@", "@", "%2e%2e@a"]
)
async def test_an_id_that_is_not_there_is_a_404(room: Room, model_id: str) -> None:
    put(room.store, REPO, a_model(), FIRST)
    with pytest.raises(Problem) as caught:
        await room.library.get(model_id)
    assert (caught.value.code, caught.value.details.status) == ("model_not_found", 404)


async def test_the_list_comes_in_pages(room: Room) -> None:
    for number in range(5):
        put(room.store, f"acme/m{number}", a_model(), FIRST)
    seen: list[str] = []
    cursor = None
    while True:
        page = await room.library.list(2, cursor)
        seen += [model.repo for model in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == [f"acme/m{number}" for number in range(5)]


async def test_a_models_files_are_told_with_their_checksums(room: Room) -> None:
    put(room.store, REPO, a_model(), FIRST)
    details = await room.library.get(f"acme--chat@{FIRST}")
    files = {file.path: file for file in details.files}
    assert set(files) == set(a_model())
    assert files["tokenizer.json"].size_bytes == 2
    assert len(files["tokenizer.json"].checksum or "") == 64


async def test_many_files_are_listed_without_blocking_the_loop(room: Room) -> None:
    many = {f"extra/{n}.json": str(n).encode() for n in range(2000)}
    put(room.store, REPO, {**many, "config.json": b"{}", "model.safetensors": safetensors()})
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0)
            ticks += 1

    ticking = asyncio.create_task(tick())
    model = await room.only()
    ticking.cancel()
    assert model.files_count == 2002
    assert ticks > 5
