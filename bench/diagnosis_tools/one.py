"""Runs one real engine under our supervisor until it fails, and prints what was seen as JSON.

    .venv-engine/bin/python bench/diagnosis_tools/one.py JOB

JOB is JSON: `spec` (of the replica), `limits` (of `ulimit`, by letter), `memory_bytes` (of a
control group that the engine alone is in), `when` and `act` (a shell command at the first sign of
that phase, with `$CORE`, `$ENGINE` and `$GUARD`), `taken_ports` (every port tried is taken).
"""

import asyncio
import json
import os
import socket
import stat
import subprocess
import sys
import tempfile
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psutil

sys.path.append(str(Path(__file__).resolve().parents[2] / "tests"))

from support.control_groups import small_group
from vllm_manager_engine.health import Patience
from vllm_manager_engine.process import free_port
from vllm_manager_engine.spec import Identity, ReplicaSpec
from vllm_manager_engine.supervisor import EngineFailed, Supervisor

_PATIENCE = Patience(period=0.2, probe=3.0, busy=20.0)


def wrapped(job: dict[str, Any], folder: Path, group: Path | None) -> str:
    """Return a Python that limits itself, and joins the control group, before it begins."""
    lines = ["#!/bin/sh"]
    if group is not None:
        lines.append(f"echo $$ > {group}/cgroup.procs")
    lines += [f"ulimit -{letter} {value}" for letter, value in job.get("limits", {}).items()]
    program = folder / "python"
    program.write_text("\n".join([*lines, f'exec {sys.executable} "$@"\n']))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return str(program)


def taken_port(host: str) -> int:
    """Return a port that somebody listens on."""
    held = socket.socket()
    held.bind((host, 0))
    held.listen()
    _HELD.append(held)
    return held.getsockname()[1]


_HELD: list[socket.socket] = []


async def act_when(supervisor: Supervisor, job: dict[str, Any]) -> None:
    while supervisor.course.phase != job["when"]:  # noqa: ASYNC110 (it tells nobody)
        await asyncio.sleep(0.02)
    process = supervisor.process
    assert process is not None
    assert process.engine_pid is not None
    below = psutil.Process(process.engine_pid).children(recursive=True)
    core = max(below, key=lambda p: p.memory_info().rss, default=None)
    named = {"ENGINE": process.engine_pid, "GUARD": process.guard_pid, "CORE": core and core.pid}
    told = {name: str(pid) for name, pid in named.items()}
    await asyncio.to_thread(subprocess.run, job["act"], shell=True, env=os.environ | told)


async def run(job: dict[str, Any]) -> dict[str, Any]:
    pick = taken_port if job.get("taken_ports") else free_port
    supervisor = Supervisor(
        ReplicaSpec.from_args(job["spec"]), Identity("one"), pick_port=pick, patience=_PATIENCE
    )
    acting = asyncio.create_task(act_when(supervisor, job)) if job.get("act") else None
    try:
        await supervisor.start()
        async with asyncio.timeout(job.get("seconds", 60)):
            while supervisor.failure is None:  # noqa: ASYNC110 (it tells nobody)
                await asyncio.sleep(0.05)
            for _ in range(100):  # what looks like a hang may turn out to be a death
                if supervisor.failure.code != "engine_hung":
                    break
                await asyncio.sleep(0.05)
    except (EngineFailed, TimeoutError):
        pass
    finally:
        if acting is not None:
            acting.cancel()
        failure = supervisor.failure
        steps = [asdict(step) for step in supervisor.course.timeline]
        await supervisor.stop()
    return {
        "failure": failure.as_dict() if failure else None,
        "phase": steps[-1]["phase"] if steps else "starting",
        "lines": supervisor.ring.last_texts(400, 1),
    }


def main() -> None:
    job = json.loads(sys.argv[1])
    memory_bytes: int | None = job.get("memory_bytes")
    bounded = small_group("diagnosis", memory_bytes) if memory_bytes else nullcontext(None)
    with tempfile.TemporaryDirectory() as folder, bounded as group:
        python = sys.executable
        if job.get("limits") or group is not None:
            sys.executable = wrapped(job, Path(folder), group)
        found = asyncio.run(run(job))
        sys.executable = python
    print(json.dumps(found))


if __name__ == "__main__":
    main()
