"""59. Weights as pickle, also through an index, are told for what they are and never read."""

import json
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from catalog.room import Room, room_in
from support.hub import Hub, Made, declare

pytestmark = pytest.mark.survival

SUFFIXES = ["bin", "pt", "pth", "pkl", "ckpt"]


@pytest.fixture
async def room(tmp_path: Path) -> AsyncGenerator[Room]:
    with Hub() as hub:
        async with room_in(tmp_path, hub) as room:
            yield room


@pytest.mark.parametrize("suffix", SUFFIXES)
async def test_59_pickle_of_any_name_is_found_and_not_fetched(room: Room, suffix: str) -> None:
    files = {"config.json": "{}", f"model.{suffix}": Made(1 << 16)}
    room.hub.add(declare("acme/pickled", files))
    details = await room.catalog.model("acme/pickled", None, None)
    facts = await room.catalog.facts("acme/pickled", None)
    assert [finding.code for finding in details.findings] == ["pickle_only"]
    assert f"model.{suffix}" in details.findings[0].detail
    assert (facts.weight_format, facts.weights_bytes, facts.parameters) == ("pickle", None, None)
    assert room.hub.asked(f"model.{suffix}") == []


async def test_59_an_index_of_pickles_is_pickle_too(room: Room) -> None:
    index = json.dumps({"weight_map": {"a": "pytorch_model-00001-of-00002.bin"}})
    room.hub.add(
        declare("acme/index", {"config.json": "{}", "pytorch_model.bin.index.json": index})
    )
    details = await room.catalog.model("acme/index", None, None)
    assert [finding.code for finding in details.findings] == ["pickle_only"]


async def test_59_a_safetensors_name_over_a_pickle_is_no_safetensors(
    room: Room, tmp_path: Path
) -> None:
    import pickle

    from vllm_manager.kit.errors import Problem

    ran = tmp_path / "ran"

    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str, str]]:
            return (Path.write_text, (str(ran), "ran"))

    data = pickle.dumps(Evil())
    room.hub.add(declare("acme/evil", {"config.json": "{}", "model.safetensors": data}))
    with pytest.raises(Problem) as caught:
        await room.catalog.facts("acme/evil", None)
    assert caught.value.code == "safetensors_malformed"
    assert not ran.exists()
