"""Weights are read into the page cache while the engine is started, where there is room."""

import asyncio
import ctypes
import json
import mmap
import os
from pathlib import Path

import pytest

from support.engines import model_folder, supervised, until
from vllm_manager_engine.read_ahead import Reading, chosen, reading, weights

pytestmark = pytest.mark.linux

_SIZE_BYTES = 32 * 1024 * 1024
_PLENTY = 1 << 60
_PAGE = mmap.PAGESIZE


def resident_share(path: Path) -> float:
    """Return which part of a file is in the page cache, as mincore(2) tells."""
    with (
        open(path, "rb") as file,
        mmap.mmap(file.fileno(), 0, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_WRITE) as mapped,
    ):
        pages = -(-len(mapped) // _PAGE)
        told = (ctypes.c_ubyte * pages)()
        first = ctypes.c_char.from_buffer(mapped)
        try:
            address = ctypes.c_void_p(ctypes.addressof(first))
            length = ctypes.c_size_t(len(mapped))
            assert ctypes.CDLL(None, use_errno=True).mincore(address, length, told) == 0
        finally:
            del first
        return sum(page & 1 for page in told) / pages


def forget(path: Path) -> None:
    """Drop a file from the page cache, as far as its file system can."""
    with open(path, "rb+") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def bytes_asked_for() -> int:
    """Return the bytes that this process has read with system calls, cached or not."""
    fields = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(fields["rchar"])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model's folder with weights that are on disk only."""
    made = model_folder(tmp_path / "model", "config.json")
    path = made / "model.safetensors"
    path.write_bytes(os.urandom(_SIZE_BYTES))
    forget(path)
    return made


async def test_weights_are_in_the_page_cache_afterwards(folder: Path) -> None:
    before = bytes_asked_for()
    with reading(folder) as begun:
        assert begun is not None
        await until(lambda: begun.is_over)
    assert begun.bytes_read == _SIZE_BYTES
    assert bytes_asked_for() - before >= _SIZE_BYTES
    assert resident_share(folder / "model.safetensors") > 0.9


async def test_a_start_reads_them_before_the_engine_does(folder: Path) -> None:
    before = bytes_asked_for()
    async with supervised(
        model=str(folder),
        fake={"stuck_in": "starting"},
        start_deadline_seconds=600,
        idle_deadline_seconds=600,
    ) as supervisor:
        starting = asyncio.create_task(supervisor.start())
        await until(lambda: bytes_asked_for() - before >= _SIZE_BYTES)
        await until(lambda: resident_share(folder / "model.safetensors") > 0.9)
        assert supervisor.course.phase == "starting"
        starting.cancel()
        await asyncio.wait([starting])


async def test_a_model_that_is_huge_for_the_memory_is_not_read(folder: Path) -> None:
    begun = Reading(folder, available_bytes=2 * _SIZE_BYTES - 1)
    await until(lambda: begun.is_over)
    assert begun.bytes_read == 0


async def test_where_the_free_memory_is_unknown_nothing_is_read(folder: Path) -> None:
    begun = Reading(folder, available_bytes=None)
    await until(lambda: begun.is_over)
    assert begun.bytes_read == 0


async def test_a_reading_ends_with_the_start(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.touch()
    os.truncate(path, 1 << 40)  # a hole: takes no place on disk
    begun = Reading(tmp_path, _PLENTY << 2)
    await until(lambda: begun.bytes_read)
    begun.stop()
    await until(lambda: begun.is_over)
    forget(path)
    assert begun.bytes_read < path.stat().st_size


def test_an_index_says_which_of_two_sets_of_weights_are_loaded(tmp_path: Path) -> None:
    names = ("consolidated.safetensors", "model-1.safetensors", "model-2.safetensors")
    model_folder(tmp_path, *names, "config.json")
    assert [path.name for path in weights(tmp_path)] == list(names)
    named = {"a": "model-2.safetensors", "b": "model-1.safetensors", "c": "model-1.safetensors"}
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": named}))
    assert [path.name for path in weights(tmp_path)] == ["model-1.safetensors", names[2]]


@pytest.mark.parametrize("nonsense", ["", "[]", '{"weight_map": 5}', '{"weight_map": {"a": []}}'])
def test_an_index_that_makes_no_sense_leads_to_nothing(tmp_path: Path, nonsense: str) -> None:
    model_folder(tmp_path, "model.safetensors")
    (tmp_path / "model.safetensors.index.json").write_text(nonsense)
    assert weights(tmp_path) == []


def test_files_that_are_gone_are_not_chosen(tmp_path: Path) -> None:
    assert weights(tmp_path / "nowhere") == []
    assert chosen([tmp_path / "nowhere.safetensors"], _PLENTY) == []


def test_a_link_into_the_hubs_cache_counts_with_what_it_leads_to(folder: Path) -> None:
    link = folder.parent / "model.safetensors"
    link.symlink_to(folder / "model.safetensors")
    assert chosen([link], 2 * _SIZE_BYTES) == [link]
    assert chosen([link], 2 * _SIZE_BYTES - 1) == []
