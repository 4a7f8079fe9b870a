"""Nothing of an engine outlives its supervisor."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil

from support.engines import ENVIRONMENT, core_of, family, is_alive, supervised, until
from support.guarded import Guarded, guard_command
from support.ray_cluster import wait_until

_TESTS = Path(__file__).parents[1]


def test_the_exit_code_is_passed_on() -> None:
    with Guarded("raise SystemExit(7)") as guarded:
        assert guarded.read() == {"exit_code": 7, "signal": None}
        assert guarded.guard.wait(10) == 7


def test_the_signal_is_passed_on() -> None:
    with Guarded("import os; os.kill(os.getpid(), 11)") as guarded:
        assert guarded.read() == {"exit_code": None, "signal": 11}


def test_an_order_to_terminate_reaches_the_engine_alone() -> None:
    with Guarded("import signal; signal.pause()") as guarded:
        os.write(guarded.commands, b"T")
        assert guarded.read() == {"exit_code": None, "signal": signal.SIGTERM}


def test_an_order_to_kill_does_not_ask() -> None:
    program = "import signal; signal.signal(15, signal.SIG_IGN); signal.pause()"
    with Guarded(program) as guarded:
        os.write(guarded.commands, b"K")
        assert guarded.read() == {"exit_code": None, "signal": signal.SIGKILL}


def test_the_end_of_the_pipe_is_the_end_of_the_engine() -> None:
    with Guarded("import signal; signal.pause()") as guarded:
        guarded.close()
        wait_until(lambda: not is_alive(guarded.engine_pid), 10, "the engine's end")


def test_a_program_that_is_not_there_is_said() -> None:
    commands, hold = os.pipe()
    status_read, status = os.pipe()
    with subprocess.Popen(
        [*guard_command(commands, status), "/no/such"],
        pass_fds=(commands, status),
        start_new_session=True,
    ) as process:
        assert process.wait(10) == 127
    for descriptor in (commands, hold, status):
        os.close(descriptor)
    with os.fdopen(status_read) as lines:
        assert "No such file" in json.loads(lines.readline())["error"]


async def test_a_child_that_left_the_group_is_found() -> None:
    async with supervised(fake={"stray_child": True}) as supervisor:
        await supervisor.start()
        members = family(supervisor)
        assert len({os.getpgid(pid) for pid in members}) == 3
        assert supervisor.process is not None
        supervisor.process.kill()
        await until(lambda: not any(map(is_alive, members)))


async def test_the_engine_core_does_not_outlive_a_crashed_engine() -> None:
    async with supervised() as supervisor:
        await supervisor.start()
        assert supervisor.process is not None
        core = core_of(supervisor.process.engine_pid)
        os.kill(supervisor.process.engine_pid or 0, signal.SIGKILL)
        await until(lambda: not is_alive(core))


async def test_the_engine_ends_when_its_guard_is_killed() -> None:
    async with supervised() as supervisor:
        await supervisor.start()
        assert supervisor.process is not None
        engine = supervisor.process.engine_pid
        os.kill(supervisor.process.guard_pid, signal.SIGKILL)
        await until(lambda: not is_alive(engine))
        await until(lambda: supervisor.failure is not None)


async def test_the_engine_does_not_hold_the_supervisor_s_end_of_the_pipe() -> None:
    async with supervised() as supervisor:
        await supervisor.start()
        assert supervisor.process is not None
        guard_pipes = _pipes(supervisor.process.guard_pid)
        for pid in family(supervisor)[1:]:
            assert not guard_pipes & _pipes(pid)


def _pipes(pid: int) -> set[str]:
    found: set[str] = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        target = str(entry.readlink())
        if target.startswith("pipe:"):
            found.add(target)
    return found


async def test_a_killed_supervisor_takes_its_engine_along() -> None:
    supervisor = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        _SUPERVISE,
        env=ENVIRONMENT | {"PYTHONPATH": f"{ENVIRONMENT['PYTHONPATH']}:{_TESTS}"},
        stdout=asyncio.subprocess.PIPE,
    )
    assert supervisor.stdout is not None
    members = json.loads(await supervisor.stdout.readline())
    assert len(members) >= 3
    supervisor.kill()
    await until(lambda: not any(map(is_alive, members)), timeout_seconds=5)
    await supervisor.wait()
    assert not any(psutil.pid_exists(pid) and is_alive(pid) for pid in members)


_SUPERVISE = """
import asyncio, json
from support.engines import family, supervised
async def main():
    async with supervised() as supervisor:
        await supervisor.start()
        print(json.dumps(family(supervisor)), flush=True)
        await asyncio.Future()
asyncio.run(main())
"""
