"""The facts of a model are the same from the hub, from a cache on disk, and from a folder."""

# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

import asyncio
import shutil
from pathlib import Path

import pytest
from huggingface_hub import snapshot_download

from catalog.room import Room
from support.hub import Data, Fault, declare
from support.hub.models import DEMO
from vllm_manager.kit.errors import Problem


async def test_a_model_has_the_same_facts_wherever_it_lies(room: Room, tmp_path: Path) -> None:
    shutil.copytree(DEMO, tmp_path / "copy")
    hub = await room.catalog.facts("acme/tiny-chat", None)
    folder = await room.catalog.facts(str(tmp_path / "copy"), None)
    demo = await room.catalog.facts("demo", None)
    await asyncio.to_thread(
        snapshot_download,
        "acme/tiny-chat",
        endpoint=room.hub.url,
        cache_dir=room.settings.model_store,
        token=False,
    )
    room.hub.close()
    cache = await room.catalog.facts("acme/tiny-chat", None)
    assert [one.source for one in (hub, folder, demo, cache)] == ["hub", "folder", "demo", "cache"]
    for one in (folder, demo, cache):
        assert one.parameters == hub.parameters
        assert one.weights_bytes == hub.weights_bytes
        assert one.config == hub.config
        assert one.context_tokens == hub.context_tokens == 2048
        assert one.supported is True
    assert hub.weights_bytes == 2 * sum((hub.parameters or {}).values())
    assert cache.commit == hub.commit
    assert cache.license == hub.license == "apache-2.0"
    assert cache.folder is not None


async def test_a_half_written_snapshot_is_not_taken_for_the_model(room: Room) -> None:
    home = room.settings.model_store / "models--acme--tiny-chat"
    commit = room.hub.repositories["acme/tiny-chat"].refs["main"]
    snapshot = home / "snapshots" / commit
    snapshot.mkdir(parents=True)
    (home / "refs").mkdir()
    (home / "refs" / "main").write_text(commit)
    shutil.copy(DEMO / "config.json", snapshot)
    (snapshot / "model.safetensors").symlink_to("../../blobs/not-there-yet")
    assert (await room.catalog.facts("acme/tiny-chat", None)).source == "hub"


async def test_headers_are_read_once_for_a_commit(room: Room) -> None:
    for _ in range(2):
        await room.catalog.facts("acme/sharded", None)
    assert len(room.hub.asked("/resolve/")) - len(room.hub.asked("config.json")) == 2


async def test_only_the_header_of_a_large_file_is_fetched(room: Room) -> None:
    await room.catalog.facts("acme/tiny-chat", None)
    sent = sum(request.sent_bytes for request in room.hub.asked("model.safetensors"))
    assert 0 < sent <= 64 << 10


async def test_a_hub_that_ignores_ranges_is_not_read_to_the_end(room: Room) -> None:
    fault = Fault(path="*model.safetensors", ignore_range=True)
    room.hub.faults.add(fault)
    facts = await room.catalog.facts("acme/tiny-chat", None)
    assert facts.weights_bytes is not None


async def test_a_gated_model_is_read_by_whom_the_hub_admits(room: Room) -> None:
    with pytest.raises(Problem) as caught:
        await room.catalog.facts("acme/gated-chat", None)
    assert caught.value.code == "hub_gated"
    room.hub.admit("hf_admitted_0123456789", "ada", "acme/gated-chat")
    await room.catalog.tokens.put("installation", "usr_1", "hf_admitted_0123456789")
    facts = await room.catalog.facts("acme/gated-chat", None)
    assert (facts.gate, facts.license) == ("manual", "llama3")


async def test_a_damaged_config_is_named(room: Room) -> None:
    room.hub.add(declare("acme/damaged", {"config.json": Data('{"architectures": [')}))
    with pytest.raises(Problem, match=r"config\.json of acme/damaged") as caught:
        await room.catalog.facts("acme/damaged", None)
    assert caught.value.code == "config_malformed"


async def test_a_folder_that_is_not_there_is_named(room: Room) -> None:
    with pytest.raises(Problem) as caught:
        await room.catalog.facts("/no/such/folder", None)
    assert caught.value.code == "model_folder_missing"
