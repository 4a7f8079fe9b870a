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
