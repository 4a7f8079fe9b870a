"""A download from the asking to the model on disk, with a real process and a hub on loopback."""

import asyncio
import os
from typing import Any

import pytest
from huggingface_hub import scan_cache_dir

from downloads.room import Room, until
from support.hub import Fault, large
from vllm_manager.downloads.worker.part import BLOCK_BYTES
from vllm_manager.kit.errors import Problem

pytestmark = pytest.mark.integration

SLOW = 2 << 20
"""Bytes per second of each connection, so that a test can act in the middle."""


async def test_a_model_comes_as_the_hugging_face_cache_lays_it_out(room: Room) -> None:
    asked = await room.pull("acme/tiny-chat")
    done = await room.wait_for(asked, "succeeded")
    repository = room.hub.repositories["acme/tiny-chat"]
    commit = repository.refs["main"]
    assert done.commit == commit
    assert (done.bytes_done, done.files_done) == (done.bytes_total, done.files_total)
    snapshot = room.folder("acme/tiny-chat") / "snapshots" / commit
    link = os.readlink(snapshot / "model.safetensors")
    assert link == f"../../blobs/{repository.commits[commit].files['model.safetensors'].etag}"
    assert (room.folder("acme/tiny-chat") / "refs" / "main").read_text() == commit
    assert room.left("acme/tiny-chat") == []


async def test_hugging_face_s_own_scan_reads_it_as_its_own(room: Room) -> None:
    done = await room.wait_for(await room.pull("acme/tiny-chat"), "succeeded")
    found = scan_cache_dir(room.store)
    (repo,) = found.repos
    (revision,) = repo.revisions
    assert found.warnings == []
    assert (repo.repo_id, revision.commit_hash) == ("acme/tiny-chat", done.commit)
    assert revision.refs == {"main"}
    assert repo.size_on_disk == done.bytes_total


async def test_a_snapshot_is_seen_whole_or_not_at_all(room: Room) -> None:
    room.hub.add(large(8 << 20))
    room.hub.faults.add(Fault("*/cdn/*", bytes_per_second=SLOW))
    asked = await room.pull("acme/large")
    await room.wait_for(asked, lambda d: d.files_done == 1)
    snapshots = room.folder("acme/large") / "snapshots"
    assert list(snapshots.iterdir()) == []
    assert not (room.folder("acme/large") / "refs" / "main").exists()
    assert scan_cache_dir(room.store).warnings == []
    room.hub.faults.clear()
    done = await room.wait_for(asked, "succeeded")
    assert [path.name for path in snapshots.iterdir()] == [done.commit]


async def test_the_operation_says_how_it_went(room: Room) -> None:
    done = await room.wait_for(await room.pull("acme/tiny-chat"), "succeeded")
    operation = await room.operations.get(done.operation_id)
    assert (operation.kind, operation.status, operation.progress) == (
        "model.download",
        "succeeded",
        1.0,
    )


async def test_watchers_hear_at_most_two_figures_a_second_and_each_state(room: Room) -> None:
    room.hub.add(large(6 << 20))
    room.hub.faults.add(Fault("*/cdn/*", bytes_per_second=1 << 20))
    subscription = room.topics.subscribe({"downloads"})
    began = asyncio.get_running_loop().time()
    await room.wait_for(await room.pull("acme/large"), "succeeded")
    took_seconds = asyncio.get_running_loop().time() - began
    heard: list[dict[str, Any]] = []
    async with asyncio.timeout(90):
        while not heard or heard[-1]["state"] != "succeeded":
            heard += [message.data for message in await subscription.wait(30)]
    states = [data["state"] for data in heard]
    assert list(dict.fromkeys(states))[:3] == ["queued", "listing", "running"]
    assert states.count("running") <= 2 * took_seconds + 2
    assert any(data["bytes_per_second"] for data in heard)


async def test_pause_keeps_what_came_and_resume_goes_on_from_there(room: Room) -> None:
    room.hub.add(large(16 << 20))
    room.hub.faults.add(Fault("*/cdn/*", bytes_per_second=SLOW))
    asked = await room.pull("acme/large")
    await room.wait_for(asked, lambda d: d.bytes_done > 4 * BLOCK_BYTES)
    paused = await room.downloads.service.act(asked.id, "pause")
    assert (paused.state, paused.bytes_per_second) == ("paused", None)
    kept = len(room.left("acme/large"))
    room.hub.faults.clear()
    await room.downloads.service.act(asked.id, "resume")
    done = await room.wait_for(asked, "succeeded")
    assert kept == 2
    sent = sum(request.sent_bytes for request in room.hub.asked("/cdn/"))
    assert done.bytes_total is not None
    assert sent < done.bytes_total + 12 * BLOCK_BYTES


async def test_a_paused_download_stays_paused(room: Room) -> None:
    room.hub.add(large(16 << 20))
    room.hub.faults.add(Fault("*/cdn/*", bytes_per_second=SLOW))
    asked = await room.pull("acme/large")
    await room.wait_for(asked, lambda d: d.bytes_done > 0)
    await room.downloads.service.act(asked.id, "pause")
    await room.downloads.dispatcher.step()
    paused = await room.downloads.service.get(asked.id)
    operation = await room.operations.get(asked.operation_id)
    assert (paused.state, operation.status) == ("paused", "paused")


async def test_a_download_and_its_operation_never_disagree(room: Room) -> None:
    room.hub.add(large(16 << 20))
    room.hub.faults.add(Fault("*/cdn/*", bytes_per_second=SLOW))
    asked = await room.pull("acme/large")
    for _ in range(20):
        await room.wait_for(asked, "running")
        running = await room.row(asked)
        writes = [
            room.downloads.record.write(running, state="running", message=str(n)) for n in "ab"
        ]
        pause = room.downloads.service.act(asked.id, "pause")
        await asyncio.gather(*writes, pause, return_exceptions=True)
        operation = await room.operations.get(asked.operation_id)
        assert ((await room.row(asked)).state, operation.status) == ("paused", "paused")
        await room.downloads.service.act(asked.id, "resume")


async def test_cancel_leaves_nothing_on_the_disk(room: Room) -> None:
    room.hub.add(large(16 << 20))
    room.hub.faults.add(Fault("*/cdn/*", bytes_per_second=SLOW))
    asked = await room.pull("acme/large")
    await room.wait_for(asked, lambda d: d.files_done == 1 and d.bytes_done > BLOCK_BYTES)

    async def folder_is_gone() -> bool:
        return not room.folder("acme/large").exists()

    cancelled = await room.downloads.service.act(asked.id, "cancel")
    assert cancelled.state == "cancelled"
    await until(folder_is_gone)
    operation = await room.operations.get(asked.operation_id)
    assert operation.status == "cancelled"


async def test_what_was_cancelled_can_be_fetched_again(room: Room) -> None:
    asked = await room.pull("acme/tiny-chat")
    await room.downloads.service.act(asked.id, "cancel")
    again = await room.downloads.service.act(asked.id, "retry")
    assert again.operation_id != asked.operation_id
    done = await room.wait_for(asked, "succeeded")
    assert done.bytes_done == done.bytes_total


async def test_the_same_model_asked_for_twice_is_one_download(room: Room) -> None:
    room.hub.add(large(8 << 20))
    room.hub.faults.add(Fault("*/cdn/*", bytes_per_second=SLOW))
    asked = await asyncio.gather(*(room.pull("acme/large") for _ in range(5)))
    assert len({download.id for download in asked}) == 1
    room.hub.faults.clear()
    done = await room.wait_for(asked[0], "succeeded")
    assert sum(r.sent_bytes for r in room.hub.asked("/cdn/")) <= (done.bytes_total or 0) * 1.5


async def test_a_model_that_is_here_is_not_fetched_again(room: Room) -> None:
    await room.wait_for(await room.pull("acme/tiny-chat"), "succeeded")
    before = len(room.hub.requests)
    again = await room.wait_for(await room.pull("acme/tiny-chat"), "succeeded")
    assert len(room.hub.requests) == before
    assert again.bytes_done == again.bytes_total


async def test_the_one_with_the_highest_priority_is_next(room: Room) -> None:
    for name in ("one", "two", "three", "four"):
        room.hub.add(large(8 << 20, identifier=f"acme/{name}"))
    room.hub.faults.add(Fault("*/cdn/*", bytes_per_second=SLOW))
    first = [await room.pull(f"acme/{name}") for name in ("one", "two")]
    for download in first:
        await room.wait_for(download, "running")
    third = await room.pull("acme/three")
    fourth = await room.pull("acme/four", priority=5)
    await room.downloads.service.act(first[0].id, "pause")
    await room.wait_for(fourth, "running")
    assert (await room.downloads.service.get(third.id)).state == "queued"


async def test_a_deployment_gets_the_download_that_there_is(room: Room) -> None:
    room.hub.add(large(8 << 20))
    room.hub.faults.add(Fault("*/cdn/*", bytes_per_second=SLOW))
    first = await room.downloads.service.ensure("acme/large", "main")
    second = await room.downloads.service.ensure("acme/large", "main")
    assert (first.id, first.created_by) == (second.id, None)
    known = await room.downloads.service.state_of("acme/large", "main")
    assert known is not None
    assert known.id == first.id
    assert await room.downloads.service.state_of("acme/none", "main") is None


async def test_a_listing_that_fails_for_now_is_tried_again(room: Room) -> None:
    room.listing.problems = [Problem("hub_unavailable", "503.", status=503, retryable=True)]
    done = await room.wait_for(await room.pull("acme/tiny-chat"), "succeeded")
    assert (room.listing.listed, done.message) == (2, None)


async def test_a_listing_that_is_refused_is_the_download_s_error(room: Room) -> None:
    failed = await room.wait_for(await room.pull("acme/nothing"), "failed")
    assert failed.error is not None
    assert failed.error.code == "model_gone"
    operation = await room.operations.get(failed.operation_id)
    assert (operation.status, operation.message) == ("failed", failed.error.detail)


async def test_weights_that_are_pickle_are_refused(room: Room) -> None:
    failed = await room.wait_for(await room.pull("acme/pickled"), "failed")
    assert failed.error is not None
    assert failed.error.code == "pickle_refused"
    assert "pytorch_model.bin" in failed.error.detail


async def test_a_fetching_process_that_dies_is_replaced_and_goes_on(room: Room) -> None:
    room.hub.add(large(16 << 20))
    fault = room.hub.faults.add(Fault("*/cdn/*", bytes_per_second=SLOW))
    asked = await room.pull("acme/large")
    await room.wait_for(asked, lambda d: d.bytes_done > 4 * BLOCK_BYTES)
    pid = room.downloads.link.pid
    assert pid is not None
    os.kill(pid, 9)
    room.hub.faults.remove(fault)
    await room.wait_for(asked, "succeeded")
    assert room.downloads.link.pid != pid


async def test_a_verb_that_makes_no_sense_is_refused(room: Room) -> None:
    done = await room.wait_for(await room.pull("acme/tiny-chat"), "succeeded")
    with pytest.raises(Problem) as caught:
        await room.downloads.service.act(done.id, "pause")
    assert (caught.value.code, caught.value.details.status) == ("download_state", 409)
