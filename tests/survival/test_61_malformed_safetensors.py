"""61. A safetensors header that is malformed or huge is named, on the hub and on disk alike."""

import json
import struct
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from catalog.room import Room, room_in
from support.hub import Hub, Made, declare
from vllm_manager.kit.errors import Problem

pytestmark = pytest.mark.survival


def file(header: object, data: bytes = b"\0" * 8) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def tensor(**changes: Any) -> dict[str, Any]:
    return {"w": {"dtype": "BF16", "shape": [4], "data_offsets": [0, 8], **changes}}


MALFORMED = {
    "empty": b"",
    "seven bytes": b"\0" * 7,
    "claims more than there is": struct.pack("<Q", 1 << 62) + b"{}",
    "claims a negative length": b"\xff" * 8 + b"{}",
    "no JSON": file(b"not json"),
    "cut off in its header": struct.pack("<Q", 100) + b'{"w"' + b" " * 95,
    "no object": file([1, 2]),
    "no UTF-8": file(b'{"\xff\xfe": 1}'),
    "deeply nested": file(b"[" * 100_000),
    "a tensor that is none": file({"w": 7}),
    "no dtype": file({"w": {"shape": [4], "data_offsets": [0, 8]}}),
    "a negative shape": file(tensor(shape=[-4])),
    "a shape of words": file(tensor(shape=["4"])),
    "a shape that is true": file(tensor(shape=[True])),
    "offsets the wrong way round": file(tensor(data_offsets=[8, 0])),
    "offsets beyond the end": file(tensor(data_offsets=[0, 9])),
    "three offsets": file(tensor(data_offsets=[0, 4, 8])),
    "overlapping tensors": file({**tensor(), "v": tensor()["w"]}),
}


@pytest.fixture
async def room(tmp_path: Path) -> AsyncGenerator[Room]:
    with Hub() as hub:
        async with room_in(tmp_path / "home", hub) as room:
            yield room


@pytest.mark.parametrize("case", MALFORMED)
async def test_61_a_malformed_header_is_named(room: Room, tmp_path: Path, case: str) -> None:
    data = MALFORMED[case]
    room.hub.add(declare("acme/bad", {"config.json": "{}", "model.safetensors": data}))
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(data)
    for model in ("acme/bad", str(tmp_path)):
        with pytest.raises(Problem, match=r"model\.safetensors") as caught:
            await room.catalog.facts(model, None)
        assert caught.value.code == "safetensors_malformed", model
        assert caught.value.details.remediation


async def test_61_a_huge_header_is_not_read(room: Room) -> None:
    huge = Made(1 << 40, prefix=struct.pack("<Q", 1 << 39) + b"{", sha256="0" * 64)
    room.hub.add(declare("acme/huge", {"config.json": "{}", "model.safetensors": huge}))
    with pytest.raises(Problem) as caught:
        await room.catalog.facts("acme/huge", None)
    assert caught.value.code == "safetensors_header_too_large"
    assert sum(request.sent_bytes for request in room.hub.asked("model.safetensors")) <= 1 << 16


async def test_61_a_header_that_is_large_but_sound_is_read(room: Room) -> None:
    names = {
        f"layer.{n}.weight": {"dtype": "F32", "shape": [1], "data_offsets": [4 * n, 4 * n + 4]}
        for n in range(5000)
    }
    room.hub.add(
        declare(
            "acme/many", {"config.json": "{}", "model.safetensors": file(names, b"\0" * 20_000)}
        )
    )
    facts = await room.catalog.facts("acme/many", None)
    assert (facts.parameters, facts.weights_bytes) == ({"F32": 5000}, 20_000)
