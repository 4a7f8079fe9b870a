"""A killed engine leaves nothing in the places that all share, and nothing of others is taken."""

import os
import shutil
import signal
import tempfile
from collections.abc import AsyncGenerator, Generator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from multiprocessing import shared_memory
from pathlib import Path

import pytest

from support.engines import ENVIRONMENT, core_of, family, is_alive, supervised, until
from support.guarded import Guarded
from support.ray_cluster import wait_until
from support.warmth import warmer
from vllm_manager_engine import leftovers
from vllm_manager_engine.supervisor import Supervisor

pytestmark = pytest.mark.integration

_TRACES = 2  # a socket and a file; the guard's note comes to them
_WAYS = pytest.mark.parametrize("how", ["cold", "warm"])


@pytest.fixture
def temporary() -> Iterator[Path]:
    """A temporary folder of this test's own, short enough for sockets."""
    folder = Path(tempfile.mkdtemp(prefix="vm-", dir="/tmp"))
    yield folder
    shutil.rmtree(folder)


def folders(temporary: Path) -> list[Path]:
    return sorted(temporary.glob(f"vllm-manager-{os.getuid()}/e-*"))


def only_folder(temporary: Path) -> Path:
    (folder,) = folders(temporary)
    return folder


@asynccontextmanager
async def warm_or_cold(how: str, temporary: Path) -> AsyncGenerator[Supervisor]:
    """Yield a supervisor whose engine leaves traces, and starts `warm` or `cold`."""
    async with AsyncExitStack() as stack:
        place = None if how == "cold" else (await stack.enter_async_context(warmer())).place
        yield await stack.enter_async_context(
            supervised(
                warmer=place,
                fake={"leave_traces": True},
                environment={"TMPDIR": str(temporary)},
            )
        )


@asynccontextmanager
async def started(how: str, temporary: Path) -> AsyncGenerator[tuple[Supervisor, Path, set[str]]]:
    """Yield a ready engine with its folder and its shared memory."""
    async with warm_or_cold(how, temporary) as supervisor:
        await supervisor.start()
        assert supervisor.how == how, supervisor.how_reason
        folder = only_folder(temporary)
        memory = leftovers.segments(family(supervisor))
        assert len(traces(folder)) == _TRACES
        assert len(memory) == 1
        yield supervisor, folder, memory


def traces(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if not path.name.startswith(".")]


async def until_noted(folder: Path) -> None:
    """Wait until the guard has seen the shared memory, and written that down."""
    await until(lambda: len(list(folder.iterdir())) > _TRACES)


def kept(memory: set[str]) -> list[str]:
    return [path for path in memory if os.path.exists(path)]


@_WAYS
@pytest.mark.parametrize("killed", ["engine", "core", "lease"])
async def test_nothing_is_left_when_it_is_killed(how: str, killed: str, temporary: Path) -> None:
    async with started(how, temporary) as (supervisor, folder, memory):
        process = supervisor.process
        assert process is not None
        members = family(supervisor)
        if killed == "lease":
            process.close()
        elif killed == "engine":
            os.kill(process.engine_pid or 0, signal.SIGKILL)
        else:
            await until_noted(folder)
            os.kill(core_of(process.engine_pid), signal.SIGKILL)
        await until(lambda: not any(map(is_alive, members)))
        assert not folder.exists()
        assert not kept(memory)


@_WAYS
async def test_nothing_is_left_when_all_its_processes_are_killed_at_once(
    how: str, temporary: Path
) -> None:
    async with started(how, temporary) as (supervisor, folder, memory):
        process = supervisor.process
        assert process is not None
        assert process.engine_pid is not None
        await until_noted(folder)
        os.killpg(process.engine_pid, signal.SIGKILL)
        await process.wait(60)
        assert not folder.exists()
        assert not kept(memory)


@_WAYS
async def test_nothing_is_left_after_a_clean_end(how: str, temporary: Path) -> None:
    async with started(how, temporary) as (supervisor, folder, memory):
        await supervisor.stop()
        assert not folder.exists()
        assert not kept(memory)


@_WAYS
async def test_what_a_killed_guard_leaves_is_removed_by_the_next(how: str, temporary: Path) -> None:
    async with started(how, temporary) as (supervisor, folder, memory):
        assert supervisor.process is not None
        await until_noted(folder)
        members = family(supervisor)
        os.kill(supervisor.process.guard_pid, signal.SIGKILL)
        await until(lambda: not any(map(is_alive, members)))
        assert folder.exists()
        assert kept(memory)
        async with supervised(environment={"TMPDIR": str(temporary)}) as another:
            await another.start()
            await until(lambda: not folder.exists() and not kept(memory))


async def test_the_folder_and_memory_of_a_running_engine_stay(temporary: Path) -> None:
    async with started("cold", temporary) as (_, folder, memory):
        async with supervised(environment={"TMPDIR": str(temporary)}) as another:
            await another.start()
            assert len(folders(temporary)) == 2
        assert folders(temporary) == [folder]
        assert len(traces(folder)) == _TRACES
        assert kept(memory)


@contextmanager
def attached(path: str) -> Generator[None]:
    """Map the shared memory at `path` here, as another program would."""
    shared = shared_memory.SharedMemory(Path(path).name)
    try:
        yield
    finally:
        shared.close()
        shared.unlink()


async def test_shared_memory_that_others_use_stays(temporary: Path) -> None:
    async with started("cold", temporary) as (supervisor, _, memory):
        assert supervisor.process is not None
        (path,) = memory
        with attached(path):
            supervisor.process.kill()
            assert await supervisor.process.wait(60)
            assert not folders(temporary)
            assert os.path.exists(path)


_MAP_BOTH = """
import mmap, signal, sys
kept = []
for path in {paths!r}:
    with open(path, "r+b") as file:
        kept.append(mmap.mmap(file.fileno(), 0))
print("mapped", flush=True)
signal.pause()
"""


def test_a_model_that_lies_in_shared_memory_stays(temporary: Path) -> None:
    with contextmanager(_files_in_shared_memory)() as (model, scratch):
        program = _MAP_BOTH.format(paths=[str(model), str(scratch)])
        with Guarded(program, _environment(temporary)) as guarded:
            mapped = {str(scratch)}
            wait_until(lambda: leftovers.segments([guarded.engine_pid]) == mapped, 60, "mapping")
            guarded.close()
            guarded.guard.wait(60)
        assert model.exists()
        assert not scratch.exists()


def _files_in_shared_memory() -> Generator[tuple[Path, Path]]:
    name = os.urandom(4).hex()
    paths = Path(f"/dev/shm/model-{name}.safetensors"), Path(f"/dev/shm/psm_{name}")
    for path in paths:
        path.write_bytes(b"x" * 4096)
    try:
        yield paths
    finally:
        for path in paths:
            path.unlink(missing_ok=True)


def _environment(temporary: Path) -> dict[str, str]:
    return {**ENVIRONMENT, "TMPDIR": str(temporary)}


def test_links_out_of_the_folder_are_not_followed(temporary: Path) -> None:
    treasure = temporary / "treasure"
    treasure.mkdir()
    (treasure / "weights").write_text("dear")
    program = f"""
import os, tempfile
inner = os.path.join(tempfile.gettempdir(), "inner")
os.makedirs(inner)
os.symlink({str(treasure)!r}, os.path.join(inner, "link"))
"""
    with Guarded(program, _environment(temporary)) as guarded:
        assert guarded.read() == {"exit_code": 0, "signal": None}
    assert not folders(temporary)
    assert (treasure / "weights").read_text() == "dear"


def test_the_folder_is_closed_to_others(temporary: Path) -> None:
    with Guarded("import signal; signal.pause()", _environment(temporary)):
        folder = only_folder(temporary)
        assert folder.stat().st_mode & 0o777 == 0o700
        assert folder.parent.stat().st_mode & 0o777 == 0o700


async def test_a_place_open_to_others_is_not_used_and_that_is_said(temporary: Path) -> None:
    place = temporary / f"vllm-manager-{os.getuid()}"
    place.mkdir()
    place.chmod(0o755)
    async with warm_or_cold("cold", temporary) as supervisor:
        await supervisor.start()
        said = [line.text for line in supervisor.ring.since(1, 100)]
        assert any("no temporary folder of its own" in text for text in said)
        assert not list(place.iterdir())


def test_a_place_whose_path_is_too_long_for_sockets_is_used_for_files_alone(
    temporary: Path,
) -> None:
    wanted = temporary / ("x" * 90)
    wanted.mkdir()
    folder = leftovers.settle({"TMPDIR": str(wanted)})
    try:
        housed = folder.housed({"TMPDIR": str(wanted)})
        assert housed["TMPDIR"] == str(wanted)
        assert housed["VLLM_RPC_BASE_PATH"] == folder.path
        assert len(folder.path) + len("/00000000-0000-0000-0000-000000000000") <= 103
    finally:
        folder.release()
    assert not os.path.exists(folder.path)


def test_compiled_kernels_outlast_the_engine(temporary: Path) -> None:
    folder = leftovers.settle({"TMPDIR": str(temporary)})
    kernels = Path(folder.housed({})["TORCHINDUCTOR_CACHE_DIR"])
    kernels.mkdir()
    folder.release()
    assert kernels.is_dir()
    told = {"TORCHINDUCTOR_CACHE_DIR": "/elsewhere"}
    folder = leftovers.settle({"TMPDIR": str(temporary)})
    assert folder.housed(told)["TORCHINDUCTOR_CACHE_DIR"] == "/elsewhere"
    folder.release()


def test_what_stands_first_is_set_by_us_alone_so_that_processes_get_their_titles(
    temporary: Path,
) -> None:
    folder = leftovers.settle({"TMPDIR": str(temporary)})
    try:
        assert next(iter(folder.housed({"A": "b"}))) == "VLLM_RPC_BASE_PATH"
    finally:
        folder.release()
