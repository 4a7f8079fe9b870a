"""A supervisor gets a warm engine where it can, and a cold one with the reason where it can't."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from support.engines import (
    ENVIRONMENT,
    core_of,
    family,
    is_alive,
    report_sink,
    until,
)
from support.warmth import (
    RunningWarmer,
    spare_environment,
    started,
    supervised,
    warmer,
)
from vllm_manager_engine.log_lines import SUPERVISOR
from vllm_manager_engine.process import free_port
from vllm_manager_engine.supervisor import EngineFailed
from vllm_manager_engine.warm import client, fingerprint, wire

pytestmark = [pytest.mark.linux, pytest.mark.integration]

_TESTS = Path(__file__).parents[1]


async def test_an_engine_is_forked_from_the_spare_and_says_so() -> None:
    async with warmer() as running, report_sink() as sink:
        async with supervised(running.place, report_url=sink.url) as supervisor:
            await supervisor.start()
            await until(lambda: sink.last.get("phase") == "ready")
            assert (sink.last["how"], sink.last["how_reason"]) == ("warm", None)
            guard = psutil.Process(family(supervisor)[0])
            assert guard.parent() == psutil.Process((await running.spare())["pid"])
        assert (await running.status())["spares"][0]["engines_forked"] == 1


async def test_engines_asked_for_at_once_are_all_warm() -> None:
    async with warmer() as running:
        found = await asyncio.gather(*(started(running.place) for _ in range(5)))
    assert found == [("warm", None)] * 5


async def test_without_a_warmer_the_start_is_cold(tmp_path: Path) -> None:
    assert await started(None) == ("cold", "warm starts are switched off")
    nowhere = wire.address(str(tmp_path))
    assert await started(nowhere, worth_seconds=0) == ("cold", "this node has no warmer")


async def test_a_folder_open_to_others_is_not_trusted() -> None:
    async with warmer() as running:
        running.place.parent.chmod(0o755)
        try:
            how, why = await started(running.place)
        finally:
            running.place.parent.chmod(0o700)
        assert how == "cold"
        assert why is not None
        assert "open to others" in why


async def test_the_socket_is_closed_to_others() -> None:
    async with warmer() as running:
        assert running.place.stat().st_mode & 0o777 == 0o600
        assert running.place.parent.stat().st_mode & 0o777 == 0o700


async def test_a_variable_that_was_read_at_import_makes_the_start_cold() -> None:
    async with warmer() as running:
        how, why = await started(running.place, environment={"LD_BIND_NOW": "1"})
        assert (how, why) == ("cold", "LD_BIND_NOW has another value in the spare")


async def test_an_engine_ended_by_its_own_fault_tells_the_same_as_a_cold_one() -> None:
    told = {"crash_in": "warming", "stderr": "KeyError: 'moon'", "exit_code": 3}
    failures: list[Any] = []
    async with warmer() as running:
        for place in (running.place, None):
            async with supervised(place, fake=told) as supervisor:
                with pytest.raises(EngineFailed) as caught:
                    await supervisor.start()
                failures.append(caught.value.failure)
    assert failures[0] == failures[1]
    assert failures[0].exit_code == 3


async def test_a_warm_engine_prints_what_a_cold_one_prints() -> None:
    lines: list[list[str]] = []
    async with warmer() as running:
        for place in (running.place, None):
            async with supervised(place) as supervisor:
                await supervisor.start()
                told = supervisor.ring.since(1, 1000)
                texts = [line.text for line in told if line.stream != SUPERVISOR]
                lines.append([text.split("]")[-1].split("http:")[0] for text in texts])
    assert lines[0] == lines[1]


async def test_an_engine_that_floods_its_log_is_warm_and_heard() -> None:
    told = {"log_flood_lines": 50_000, "kv_cache_too_small": True}
    async with warmer() as running, supervised(running.place, fake=told) as supervisor:
        with pytest.raises(EngineFailed) as caught:
            await supervisor.start()
        assert caught.value.failure.code == "kv_cache_too_small"
        assert supervisor.how == "warm"


async def test_a_port_that_is_taken_is_replaced() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        ports = iter([other.getsockname()[1]])
        async with (
            warmer() as running,
            supervised(
                running.place, pick_port=lambda host: next(ports, 0) or free_port(host)
            ) as supervisor,
        ):
            await supervisor.start()
            assert supervisor.how == "warm"
            assert supervisor.engine is not None
            assert not supervisor.engine.endpoint.endswith(f":{other.getsockname()[1]}")


async def test_a_start_that_passes_its_deadline_leaves_no_orphan() -> None:
    told = {"stuck_in": "warming"}
    async with (
        warmer() as running,
        supervised(running.place, fake=told, start_deadline_seconds=6) as supervisor,
    ):
        starting = asyncio.create_task(supervisor.start())
        await until(lambda: supervisor.course.phase == "warming")
        members = family(supervisor)
        with pytest.raises(EngineFailed, match="start_timeout"):
            await starting
        await until(lambda: not any(map(is_alive, members)), 1)


async def test_the_death_of_the_core_ends_a_warm_engine() -> None:
    async with (
        warmer() as running,
        supervised(running.place, fake={"ignore_core_death": True}) as supervisor,
    ):
        await supervisor.start()
        members = family(supervisor)
        assert supervisor.process is not None
        os.kill(core_of(supervisor.process.engine_pid), signal.SIGKILL)
        await until(lambda: supervisor.failure)
        await until(lambda: not any(map(is_alive, members)))


async def test_a_warmer_killed_after_the_hand_over_leaves_the_engine_alone() -> None:
    async with warmer() as running, supervised(running.place) as supervisor:
        await supervisor.start()
        spare = (await running.spare())["pid"]
        running.process.kill()
        await until(lambda: not is_alive(spare))
        assert supervisor.engine is not None
        await supervisor.engine.prove(10)
        await supervisor.check()


async def test_a_warmer_killed_before_the_hand_over_is_said() -> None:
    async with warmer() as running:
        running.process.kill()
        await running.process.wait()
        found = await started(running.place, worth_seconds=0)
        assert found == ("cold", "the warmer was restarting")


async def test_a_warmer_killed_during_the_hand_over_costs_only_the_warmth() -> None:
    async with warmer() as running:
        spare = (await running.spare())["pid"]
        os.kill(spare, signal.SIGSTOP)
        starting = asyncio.create_task(started(running.place))
        await running.until_handed_over()
        running.process.kill()
        os.kill(spare, signal.SIGKILL)
        assert await starting == ("cold", "the warmer was restarting")


async def test_a_spare_that_dies_in_mid_hand_over_costs_only_the_warmth() -> None:
    async with warmer() as running:
        spare = (await running.spare())["pid"]
        os.kill(spare, signal.SIGSTOP)
        starting = asyncio.create_task(started(running.place))
        await running.until_handed_over()
        os.kill(spare, signal.SIGKILL)
        assert await starting == ("cold", "the warmer was restarting")
        assert (await running.spare())["pid"] != spare


async def test_a_spare_that_died_is_replaced() -> None:
    async with warmer() as running:
        spare = (await running.spare())["pid"]
        os.kill(spare, signal.SIGKILL)
        await until(lambda: not is_alive(spare))
        how, why = await started(running.place)
        assert how == "warm"
        assert "for the spare" in str(why)


async def test_an_upgrade_below_a_running_warmer_discards_the_spare(tmp_path: Path) -> None:
    package = tmp_path / "vllm"
    package.mkdir()
    (package / "__init__.py").write_text("")
    inherited = {**ENVIRONMENT, "PYTHONPATH": f"{tmp_path}:{ENVIRONMENT['PYTHONPATH']}"}
    async with warmer(inherited=inherited) as running:
        first = (await running.spare())["pid"]
        os.utime(package / "__init__.py", (1, 1))
        request = _request(inherited)
        with pytest.raises(client.NotWarm, match="installation changed"):
            await _ask(running.place, request, (1, 2))
        await until(lambda: not is_alive(first))
        assert (await running.spare())["pid"] != first


async def test_a_working_directory_that_is_gone_is_refused() -> None:
    async with warmer() as running:
        with pytest.raises(client.NotWarm, match=r"surroundings can't be set.*/no/such"):
            await _ask(running.place, _request(ENVIRONMENT) | {"folder": "/no/such"}, (1, 2))


async def test_a_request_without_descriptors_is_refused() -> None:
    async with warmer() as running:
        with pytest.raises(client.NotWarm, match="without the engine's output"):
            await _ask(running.place, _request(ENVIRONMENT), ())


async def test_nonsense_on_the_socket_harms_nobody() -> None:
    async with warmer() as running:
        for nonsense in (b"", b"\xff\xff\xff\xff", b"\0\0\0\2[]", b'\0\0\0\7{"ask":'):
            with socket.socket(socket.AF_UNIX) as peer:
                peer.connect(str(running.place))
                peer.sendall(nonsense)
        assert await started(running.place) == ("warm", None)


def _request(inherited: dict[str, str]) -> wire.Message:
    return {
        "ask": "engine", "engine": "fake", "module": "vllm_manager_engine.fake", "arguments": [],
        "environment": spare_environment(inherited), "folder": "/", "limits": {},
        "made_of": fingerprint.installed(),
    }  # fmt: skip


async def _ask(place: Path, request: wire.Message, descriptors: tuple[int, ...]) -> None:
    """Send a request and raise the refusal."""
    peer = client.connect(place)
    with peer:
        peer.settimeout(20)
        await asyncio.to_thread(wire.send, peer, request, descriptors)
        text = await asyncio.to_thread(peer.recv, 4096)
    raise client.NotWarm(text.decode())


def test_nothing_is_left_one_second_after_the_supervisor_is_killed() -> None:
    script = _TESTS / "support" / "warm_supervisor.py"
    environment = {**ENVIRONMENT, "PYTHONPATH": f"{_TESTS}:{ENVIRONMENT['PYTHONPATH']}"}
    with subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, env=environment, text=True
    ) as child:
        assert child.stdout is not None
        members = [int(word) for word in child.stdout.readline().split()]
        assert len(members) >= 3
        assert all(is_alive(pid) for pid in members)
        child.kill()
        gone, left = psutil.wait_procs([psutil.Process(p) for p in members if is_alive(p)], 1.0)
    assert not [p for p in left if is_alive(p.pid)], gone


_IDLE_SECONDS = 5.0

# The one that asks for the status, where the warmer has not seen yet that it was closed.
_CONNECTION = 1


@pytest.mark.parametrize("cycles", [25, pytest.param(200, marks=pytest.mark.slow)])
async def test_cycles_leave_nothing_behind(cycles: int) -> None:
    async with warmer() as running:
        await started(running.place)
        before = await _held(running)
        for _ in range(cycles):
            assert await started(running.place) == ("warm", None)
        await until(lambda: not psutil.Process(before[0]).children())
        after = await _held(running)
        assert after[0] == before[0]
        assert after[1] <= before[1]
        assert after[2] <= before[2] + _CONNECTION
        assert after[3] - before[3] < 1_000_000


async def _held(running: RunningWarmer) -> tuple[int, int, int, int]:
    """Return the spare's pid, the descriptors of spare and warmer, and the spare's own memory."""
    async with asyncio.timeout(60):  # the last start's connection may not have been closed yet
        while (await running.status())["starting"]:  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(0.01)
    found = await running.spare()
    spare, own = psutil.Process(found["pid"]), psutil.Process(running.process.pid)
    return spare.pid, spare.num_fds(), own.num_fds(), found["anonymous_bytes"]


async def test_an_idle_warmer_and_its_spare_sleep() -> None:
    async with warmer() as running:
        members = [
            psutil.Process(pid) for pid in (running.process.pid, (await running.spare())["pid"])
        ]
        before = _spent(members)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(_IDLE_SECONDS):
                await running.process.wait()
        wakings, seconds = (b - a for a, b in zip(before, _spent(members), strict=True))
        assert wakings / _IDLE_SECONDS < 5
        assert seconds / _IDLE_SECONDS < 0.02


def _spent(members: list[psutil.Process]) -> tuple[float, float]:
    """Return how often processes have woken up, and the seconds of CPU that they have used."""
    wakings = sum(member.num_ctx_switches().voluntary for member in members)
    return wakings, sum(sum(member.cpu_times()[:2]) for member in members)
