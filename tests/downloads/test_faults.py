"""What a hub, a network and a disk do to downloads, and how each of it ends."""

import os
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from downloads.room import QUICK, Room, downloads_in, room_on, until
from support.application import database_in
from support.hub import Data, Fault, Hub, declare, large, weights
from vllm_manager.downloads.schemas import Download
from vllm_manager.downloads.worker.claim import Claim
from vllm_manager.downloads.worker.part import BLOCK_BYTES
from vllm_manager.kit.process import ProcessIdentity, own_identity

pytestmark = pytest.mark.integration

SIZE = 24 << 20
SHARD = "*/cdn/*model-00001*"


async def failure(room: Room, download: Download) -> tuple[str, str]:
    """Return code and words of a download's failure."""
    failed = await room.wait_for(download, "failed")
    assert failed.error is not None
    return failed.error.code, failed.error.detail


def sent_bytes(hub: Hub) -> int:
    return sum(request.sent_bytes for request in hub.asked("/cdn/"))


@pytest.mark.parametrize("percent", [1, 50, 99])
async def test_a_dropped_connection_goes_on_where_it_broke(room: Room, percent: int) -> None:
    room.hub.add(large(SIZE))
    piece = 8 << 20
    room.hub.faults.add(Fault(SHARD, drop_after_bytes=piece * percent // 100, times=3))
    done = await room.wait_for(await room.pull("acme/large"), "succeeded")
    assert done.bytes_done == done.bytes_total
    assert sent_bytes(room.hub) < SIZE + 4 * BLOCK_BYTES
    ranges = [request.headers.get("range") for request in room.hub.asked("/cdn/")]
    assert None not in ranges[1:]


async def test_connections_that_break_again_and_again_end_in_a_named_failure(room: Room) -> None:
    room.hub.add(large(SIZE))
    room.hub.faults.add(Fault(SHARD, drop_after_bytes=0))
    code, detail = await failure(room, await room.pull("acme/large"))
    assert code == "hub_unreachable"
    assert "kept" in detail


async def test_a_flipped_byte_is_refused_with_the_name_of_the_file(room: Room) -> None:
    room.hub.add(large(SIZE, files=2))
    room.hub.faults.add(Fault(SHARD, flip_byte_at=SIZE // 2))
    code, detail = await failure(room, await room.pull("acme/large"))
    assert code == "file_corrupt"
    assert "model-00001-of-00002.safetensors" in detail
    (commit,) = room.hub.repositories["acme/large"].commits.values()
    etag = commit.files["model-00001-of-00002.safetensors"].etag
    assert not [name for name in room.left("acme/large") if name.startswith(etag)]


async def test_after_a_flipped_byte_a_retry_fetches_that_file_alone(room: Room) -> None:
    room.hub.add(large(SIZE, files=2))
    fault = room.hub.faults.add(Fault(SHARD, flip_byte_at=SIZE // 2))
    asked = await room.pull("acme/large")
    await room.wait_for(asked, "failed")
    room.hub.faults.remove(fault)
    await room.downloads.service.act(asked.id, "retry")
    await room.wait_for(asked, "succeeded")
    gets = [r for r in room.hub.asked("/cdn/") if r.method == "GET"]
    sent = [sum(r.sent_bytes for r in gets if name in r.path) for name in ("00001-of", "00002-of")]
    assert sent[0] >= 2 * SIZE - 4 * BLOCK_BYTES
    assert sent[1] < 1.5 * SIZE


async def test_a_part_that_was_damaged_on_the_disk_is_fetched_anew(room: Room) -> None:
    room.hub.add(large(SIZE))
    fault = room.hub.faults.add(Fault(SHARD, stall_after_bytes=3 << 20))
    asked = await room.pull("acme/large")
    await room.wait_for(asked, lambda d: d.bytes_done >= 3 * BLOCK_BYTES)
    await room.downloads.service.act(asked.id, "pause")

    async def ended() -> bool:
        return not room.downloads.dispatcher.is_busy

    await until(ended)
    (part,) = (room.folder("acme/large") / "blobs").glob("*.part")
    with part.open("r+b") as file:
        file.write(b"damaged")
    room.hub.faults.remove(fault)
    await room.downloads.service.act(asked.id, "resume")
    done = await room.wait_for(asked, "succeeded")
    assert done.error is None


async def test_a_file_that_changes_while_it_comes_is_listed_and_fetched_anew(room: Room) -> None:
    repository = declare("acme/moves", {"config.json": "{}", "model.safetensors": weights(SIZE)})
    room.hub.add(repository)
    fault = room.hub.faults.add(Fault("*/cdn/*", stall_after_bytes=2 << 20))
    asked = await room.pull("acme/moves")
    await room.wait_for(asked, lambda d: d.bytes_done >= 2 * BLOCK_BYTES)
    await room.downloads.service.act(asked.id, "pause")
    old = repository.refs["main"]
    repository.vanish("main")
    new = repository.commit({"config.json": "{}", "model.safetensors": weights(SIZE, 7)})
    repository.commits[old] = repository.commits[new]  # the same commit id, another content
    room.hub.faults.remove(fault)
    await room.downloads.service.act(asked.id, "resume")
    done = await room.wait_for(asked, "succeeded")
    assert done.commit == new
    snapshot = room.folder("acme/moves") / "snapshots" / new
    etag = repository.commits[new].files["model.safetensors"].etag
    assert os.readlink(snapshot / "model.safetensors").endswith(etag)
    assert room.left("acme/moves") == []


async def test_a_repository_that_never_stands_still_is_a_named_failure(room: Room) -> None:
    room.hub.add(large(SIZE))
    room.hub.faults.add(Fault("*/resolve/*", etag="0" * 64))
    code, _ = await failure(room, await room.pull("acme/large"))
    assert (code, room.listing.listed) == ("changed_upstream", 3)


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault("*/resolve/*", status=401), "hub_token_refused"),
        (Fault("*/resolve/*", status=403, error_code="GatedRepo"), "hub_gated"),
        (Fault("*/resolve/*", status=404, error_code="EntryNotFound"), "hub_file_not_found"),
        (Fault("*/resolve/*", status=429, retry_after_seconds=0), "hub_rate_limited"),
        (Fault("*/resolve/*", status=503), "hub_unavailable"),
    ],
)
async def test_each_refusal_of_the_hub_has_its_own_words(
    room: Room, fault: Fault, code: str
) -> None:
    room.hub.faults.add(fault)
    assert (await failure(room, await room.pull("acme/tiny-chat")))[0] == code


@pytest.mark.parametrize("status", [429, 503])
async def test_a_busy_hub_is_asked_again(room: Room, status: int) -> None:
    room.hub.faults.add(Fault("*/resolve/*", status=status, times=6))
    done = await room.wait_for(await room.pull("acme/tiny-chat"), "succeeded")
    assert done.bytes_done == done.bytes_total


async def test_an_address_that_expired_is_asked_for_again(room: Room) -> None:
    room.hub.add(large(SIZE))
    room.hub.faults.add(Fault(SHARD, status=403, times=1))
    await room.wait_for(await room.pull("acme/large"), "succeeded")


async def test_silence_is_shown_as_a_stall_and_the_connection_is_replaced(
    tmp_path: Path, hub: Hub
) -> None:
    hub.add(large(SIZE))
    fault = hub.faults.add(Fault(SHARD, stall_after_bytes=1000))
    async with downloads_in(tmp_path, hub, replace(QUICK, attempts=100)) as room:
        asked = await room.pull("acme/large")
        silent = await room.wait_for(asked, lambda d: d.stalled and d.bytes_per_second == 0)
        assert (silent.state, silent.eta_seconds) == ("running", None)
        connections = len(hub.asked("/cdn/"))

        async def is_replaced() -> bool:
            return len(hub.asked("/cdn/")) > connections

        await until(is_replaced)
        hub.faults.remove(fault)
        done = await room.wait_for(asked, "succeeded")
        assert not done.stalled


async def test_a_disk_too_small_is_refused_before_the_first_byte(room: Room) -> None:
    petabyte = 1 << 50
    room.hub.add(
        declare(
            "acme/huge", {"config.json": "{}", "model.safetensors": weights(petabyte, 0, "0" * 64)}
        )
    )
    code, detail = await failure(room, await room.pull("acme/huge"))
    assert code == "disk_too_small"
    assert "1125899.9 GB" in detail
    assert room.hub.asked("resolve") == []


async def test_a_hub_that_knows_no_ranges_is_read_from_the_start(room: Room) -> None:
    room.hub.add(large(SIZE))
    room.hub.faults.add(Fault("*/cdn/*", ignore_range=True))
    done = await room.wait_for(await room.pull("acme/large"), "succeeded")
    assert done.bytes_done == done.bytes_total


async def test_a_file_without_a_told_length_comes_as_well(room: Room) -> None:
    room.hub.faults.add(Fault("*/resolve/*", no_length=True))
    done = await room.wait_for(await room.pull("acme/tiny-chat"), "succeeded")
    assert done.bytes_done == done.bytes_total


async def test_an_index_that_names_pickle_ends_it_before_the_weights_come(room: Room) -> None:
    index = '{"weight_map": {"a": "pytorch_model-00001.bin"}}'
    files = {
        "config.json": "{}",
        "model.safetensors.index.json": Data(index),
        "model.safetensors": weights(64 << 20),
    }
    room.hub.add(declare("acme/sly", files))
    code, detail = await failure(room, await room.pull("acme/sly"))
    assert code == "pickle_refused"
    assert "pytorch_model-00001.bin" in detail
    assert not (room.folder("acme/sly") / "refs" / "main").exists()


async def test_what_a_dead_process_left_is_taken_over(tmp_path: Path, hub: Hub) -> None:
    async with downloads_in(tmp_path, hub) as room:
        claim = room.folder("acme/tiny-chat").parent / ".locks" / "models--acme--tiny-chat"
        me = own_identity()
        dead = ProcessIdentity(me.host, me.pid, me.started - 1000)  # its pid lives on in another
        Claim(claim / "vllm-manager.claim", dead).take()
        blobs = room.folder("acme/tiny-chat") / "blobs"
        blobs.mkdir(parents=True)
        commit = hub.repositories["acme/tiny-chat"].find("main")
        assert commit is not None
        etag = commit.files["model.safetensors"].etag
        (blobs / f"{etag}.part").write_bytes(b"left")
        (blobs / f"{etag}.journal").write_bytes(b"no journal")
        await room.wait_for(await room.pull("acme/tiny-chat"), "succeeded")
        assert room.left("acme/tiny-chat") == []


async def test_a_living_process_keeps_its_claim_and_is_named(tmp_path: Path, hub: Hub) -> None:
    path = tmp_path / "one.claim"
    assert Claim(path).take() is None
    other = ProcessIdentity(socket.gethostname(), os.getpid(), own_identity().started)
    assert Claim(path, ProcessIdentity("elsewhere", 1, 1.0)).take() == str(other)


async def test_only_the_holder_of_the_lease_fetches(tmp_path: Path, hub: Hub) -> None:
    async with database_in(tmp_path) as database, room_on(database, tmp_path, hub, QUICK) as first:
        elsewhere = first.downloads.lease
        assert elsewhere.is_mine
        await elsewhere.release()
        asked = await first.pull("acme/tiny-chat")
        await first.downloads.dispatcher.step()
        assert (await first.downloads.service.get(asked.id)).state == "queued"
        await elsewhere.hold()
        await first.wait_for(asked, "succeeded")


async def test_downloads_go_on_by_themselves_after_a_restart(tmp_path: Path, hub: Hub) -> None:
    hub.add(large(SIZE))
    fault = hub.faults.add(Fault(SHARD, stall_after_bytes=2 << 20))
    async with database_in(tmp_path) as database:
        async with room_on(database, tmp_path, hub) as room:
            asked = await room.pull("acme/large")
            await room.wait_for(asked, lambda d: d.bytes_done >= 2 * BLOCK_BYTES)
        hub.faults.remove(fault)
        async with room_on(database, tmp_path, hub) as room:
            await room.wait_for(asked, "succeeded")
            assert room.listing.listed == 0
    assert sent_bytes(hub) < SIZE + 12 * BLOCK_BYTES


async def test_a_bound_on_bytes_holds_for_all_together(tmp_path: Path, hub: Hub) -> None:
    hub.add(large(3 << 20))
    async with downloads_in(tmp_path, hub, download_bytes_per_second=1 << 20) as room:
        asked = await room.pull("acme/large")
        running = await room.wait_for(asked, lambda d: d.bytes_done > 1 << 20)
        assert running.bytes_per_second is not None
        assert running.bytes_per_second < 2 << 20
        await room.wait_for(asked, "succeeded")
