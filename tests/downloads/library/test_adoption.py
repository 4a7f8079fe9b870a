"""Models in the machine's own Hugging Face cache are listed, and taken in whole or not at all."""

import asyncio
from pathlib import Path

import pytest
from huggingface_hub import (
    scan_cache_dir,
    snapshot_download,  # pyright: ignore[reportUnknownVariableType]
)

from downloads.library.room import Room, a_model, put, write
from support.hub import Hub, ready_made
from vllm_manager.downloads.library.adoption import caches
from vllm_manager.downloads.library.schemas import AdoptRequest
from vllm_manager.kit.errors import Problem

REPO = "acme/chat"
COMMIT = "a" * 40


async def test_what_the_cache_holds_is_listed_with_its_state(room: Room) -> None:
    put(room.cache, REPO, a_model(), COMMIT)
    put(room.cache, "acme/half", {"config.json": b"{}"}, COMMIT)
    items = (await room.library.adoptable()).items
    told = [(one.repo, one.state, one.how, one.is_adopted) for one in items]
    assert told == [(REPO, "complete", "link", False), ("acme/half", "partial", "link", False)]


async def test_a_model_is_linked_and_takes_no_further_space(room: Room) -> None:
    theirs = put(room.cache, REPO, a_model(), COMMIT)
    ended = await room.ended(await room.library.adopt(AdoptRequest(repo=REPO)))
    assert (ended.kind, ended.status) == ("model.adopt", "succeeded")
    ours = await room.library.resolve(REPO)
    assert ours is not None
    assert ours.is_relative_to(room.store)
    for name in a_model():
        assert (ours / name).samefile(theirs / name)
    (one,) = (await room.library.adoptable()).items
    assert one.is_adopted
    assert scan_cache_dir(room.store).warnings == []


async def test_what_huggingface_hub_itself_fetched_is_adopted(room: Room) -> None:
    def fetch(hub: Hub) -> None:
        snapshot_download("acme/tiny-chat", endpoint=hub.url, cache_dir=room.cache, token=False)

    with Hub(ready_made()) as hub:
        await asyncio.to_thread(fetch, hub)
    (one,) = (await room.library.adoptable()).items
    assert (one.repo, one.state, one.revisions) == ("acme/tiny-chat", "complete", ["main"])
    ended = await room.ended(await room.library.adopt(AdoptRequest(repo="acme/tiny-chat")))
    assert ended.status == "succeeded"
    ours = await room.library.resolve("acme/tiny-chat")
    assert ours is not None
    model = await room.only()
    assert (await room.ended(await room.library.verify(model.id))).status == "succeeded"
    assert not (ours / "README.md").exists()  # as our own downloads leave it out


async def test_the_cache_may_be_emptied_afterwards(room: Room) -> None:
    put(room.cache, REPO, a_model(), COMMIT)
    await room.ended(await room.library.adopt(AdoptRequest(repo=REPO)))
    plan = scan_cache_dir(room.cache).delete_revisions(COMMIT)
    await asyncio.to_thread(plan.execute)
    model = await room.only()
    assert (await room.ended(await room.library.verify(model.id))).status == "succeeded"


async def test_a_cache_without_links_is_copied_under_checksums(room: Room) -> None:
    folder = room.cache / "models--acme--chat"
    write(folder / "snapshots" / COMMIT, a_model())
    write(folder / "refs", {"main": COMMIT.encode()})
    ended = await room.ended(await room.library.adopt(AdoptRequest(repo=REPO)))
    assert (ended.status, ended.message) == ("succeeded", "5 files were copied.")
    assert await room.library.resolve(REPO)
    model = await room.only()
    assert (await room.ended(await room.library.verify(model.id))).status == "succeeded"


async def test_code_and_pickles_are_left_behind(room: Room) -> None:
    files = {**a_model(), "modeling.py": b"raise SystemExit", "pytorch_model.bin": b"\x80"}
    put(room.cache, REPO, files, COMMIT)
    await room.ended(await room.library.adopt(AdoptRequest(repo=REPO)))
    ours = await room.library.resolve(REPO)
    assert ours is not None
    assert {path.name for path in ours.iterdir()} == set(a_model())


async def refusal(room: Room, repo: str, commit: str | None = None) -> Problem:
    with pytest.raises(Problem) as caught:
        await room.library.adopt(AdoptRequest(repo=repo, commit=commit))
    return caught.value


async def test_a_half_written_cache_is_refused_with_what_it_lacks(room: Room) -> None:
    snapshot = put(room.cache, REPO, a_model(), COMMIT)
    (snapshot / "tokenizer.json").resolve().unlink()
    problem = await refusal(room, REPO)
    assert problem.code == "model_incomplete"
    assert "tokenizer.json" in problem.details.detail
    assert not room.store.exists() or await room.listed() == []


async def test_what_is_not_there_is_a_404_that_says_where_was_looked(room: Room) -> None:
    problem = await refusal(room, "acme/none")
    assert (problem.code, problem.details.status) == ("model_not_in_cache", 404)
    assert str(room.cache) in problem.details.detail
    put(room.cache, REPO, a_model(), COMMIT)
    assert COMMIT in (await refusal(room, REPO, "c" * 40)).details.detail


async def test_what_is_here_already_is_refused(room: Room) -> None:
    put(room.cache, REPO, a_model(), COMMIT)
    await room.ended(await room.library.adopt(AdoptRequest(repo=REPO)))
    assert (await refusal(room, REPO)).code == "model_exists"


def test_the_cache_is_where_huggingface_hub_looks_for_it(tmp_path: Path) -> None:
    home = Path.home()
    cases: list[tuple[dict[str, str], Path]] = [
        ({}, home / ".cache/huggingface/hub"),
        ({"HF_HOME": "/data/hf"}, Path("/data/hf/hub")),
        ({"HF_HOME": "/data/hf", "HF_HUB_CACHE": "/data/models"}, Path("/data/models")),
        ({"XDG_CACHE_HOME": "/data/cache"}, Path("/data/cache/huggingface/hub")),
        ({"HF_HUB_CACHE": "~/models"}, home / "models"),
    ]
    assert [list(caches(environment)) for environment, _ in cases] == [[p] for _, p in cases]
