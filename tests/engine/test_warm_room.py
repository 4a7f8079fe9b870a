"""No spare is kept where there is no room for it, and starts there are cold and say why."""

import os
import secrets
import threading
from pathlib import Path

import pytest

from support.engines import until
from support.warmth import start_warmer, stop_warmer
from vllm_manager_engine.process import EngineProcess
from vllm_manager_engine.warm import client, pristine, room, wire

pytestmark = pytest.mark.linux


def test_a_limit_below_one_spare_is_no_room() -> None:
    assert "spares may hold 5" in str(room.shortage(5))


def test_free_memory_is_known_here() -> None:
    assert (room.available_bytes() or 0) > 1_000_000


_GROUPS = {
    1: ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    2: ("memory.max", "memory.current", "inactive_file"),
}


def control_group(root: Path, version: int, own: str, limit: str) -> None:
    """Lay out the files of a control group that holds 700 bytes, 200 of them cached files."""
    folder = (root / "memory" if version == 1 else root) / own
    folder.mkdir(parents=True, exist_ok=True)
    limit_name, held_name, cached = _GROUPS[version]
    (folder / limit_name).write_text(f"{limit}\n")
    (folder / held_name).write_text("700\n")
    (folder / "memory.stat").write_text(f"anon 500\n{cached} 200\n")


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("seen_at", ["service/engine", ""])
def test_the_limit_of_a_control_group_counts(tmp_path: Path, version: int, seen_at: str) -> None:
    control_group(tmp_path, version, seen_at, "1000")
    assert room.group_bytes(tmp_path, "/service/engine", version) == 500


@pytest.mark.parametrize(("version", "unlimited"), [(1, str((1 << 63) - 4096)), (2, "max")])
def test_a_control_group_without_a_limit_leaves_all(
    tmp_path: Path, version: int, unlimited: str
) -> None:
    control_group(tmp_path, version, "", unlimited)
    assert room.group_bytes(tmp_path, "/", version) is None


def test_no_control_group_is_no_limit(tmp_path: Path) -> None:
    assert room.group_bytes(tmp_path, "/", 1) is None
    assert room.group_bytes(tmp_path, "/", 2) is None


async def test_a_warmer_without_room_refuses_and_says_why() -> None:
    place = wire.address(f"test-{os.getpid()}-{secrets.token_hex(4)}")
    running = await start_warmer(place, memory_bytes=5)
    with pytest.raises(client.NotWarm, match="spares may hold 5"):
        await _launch(place)
    assert (await running.status())["spares"] == []
    await stop_warmer(running)


def _ignore(_stream: str, _data: bytes) -> None:
    """Nobody listens to an engine that never starts."""


async def _launch(place: Path) -> EngineProcess:
    words = ["python", "-m", "vllm_manager_engine.fake"]
    return await client.launch(place, "fake", words, {}, _ignore)


async def test_a_second_thread_forbids_a_fork() -> None:
    stop = threading.Event()
    other = threading.Thread(target=stop.wait)
    other.start()
    try:
        await until(lambda: any("threads run" in flaw for flaw in pristine.flaws(())))
    finally:
        stop.set()
        other.join()


def test_an_unknown_descriptor_forbids_a_fork() -> None:
    read, write = os.pipe()
    try:
        assert any("pipe:" in flaw for flaw in pristine.flaws(()))
    finally:
        os.close(read)
        os.close(write)
