"""Real supervised fake engines for tests, and somebody for them to report to."""

import asyncio
import json
import os
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from support.ray_cluster import REPOSITORY
from vllm_manager_engine.health import Patience
from vllm_manager_engine.process import free_port
from vllm_manager_engine.spec import Identity, ReplicaSpec
from vllm_manager_engine.supervisor import Supervisor

# Hangs are found quickly in tests; the machine may be busy, so not too quickly.
QUICK = Patience(period=0.1, probe=1.0, busy=1.5)

# The engine package is installed in the engine environment only; tests run in the other one.
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(REPOSITORY / "engine" / "src")}


def replica_spec(**changes: Any) -> ReplicaSpec:
    """Return the specification of a quick fake engine. `fake` holds `FAKE_*` without the prefix."""
    told = {f"FAKE_{k.upper()}": str(v) for k, v in changes.pop("fake", {}).items()}
    told |= changes.pop("environment", {})
    args = {
        "deployment": "demo",
        "uid": "dep_1",
        "generation": 1,
        "model": "demo",
        "engine": "fake",
        "environment": told,
        "start_deadline_seconds": 30,
        "idle_deadline_seconds": 20,
        "drain_seconds": 5,
    }
    return ReplicaSpec.from_args(args | changes)


@asynccontextmanager
async def supervised(
    *,
    patience: Patience = QUICK,
    pick_port: Callable[[str], int] = free_port,
    warmer: Path | None = None,
    **changes: Any,
) -> AsyncGenerator[Supervisor]:
    """Yield a supervisor that has not started its engine yet; end the engine afterwards."""
    supervisor = Supervisor(
        replica_spec(**changes),
        Identity("replica-1"),
        inherited=ENVIRONMENT,
        pick_port=pick_port,
        patience=patience,
        warmer=warmer,
    )
    try:
        yield supervisor
    finally:
        await supervisor.stop()


async def until(condition: Callable[[], Any], timeout_seconds: float = 60) -> Any:
    """Return the first true value of `condition`, looked at every 10 ms of real time."""
    async with asyncio.timeout(timeout_seconds):
        while True:
            value = condition()
            if value:
                return value
            await asyncio.sleep(0.01)


def is_alive(pid: int | None) -> bool:
    """Say whether `pid` runs (a zombie does not)."""
    try:
        return pid is not None and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def family(supervisor: Supervisor) -> list[int]:
    """Return the pids of the guard and of everything below it."""
    process = supervisor.process
    assert process is not None
    guard = psutil.Process(process.guard_pid)
    return [guard.pid, *(child.pid for child in guard.children(recursive=True))]


def core_of(engine_pid: int | None) -> int:
    """Return the pid of the engine's computing process."""
    for child in psutil.Process(engine_pid).children():
        if child.name().startswith("VLLM::"):
            return child.pid
    raise AssertionError("the engine has no core")


@dataclass(slots=True)
class ReportSink:
    """A control plane that only takes reports. `wanted` is the log line that it asks for next."""

    url: str = ""
    reports: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    tokens: list[str] = field(default_factory=list[str])
    status: int = 200

    @property
    def last(self) -> dict[str, Any]:
        return self.reports[-1] if self.reports else {}

    @property
    def phases(self) -> list[str]:
        """The phases in the order in which they were first reported."""
        return list(dict.fromkeys(r["phase"] for r in self.reports))

    @property
    def lines(self) -> list[str]:
        return [line["text"] for r in self.reports for line in r["log"]]


@asynccontextmanager
async def report_sink(status: int = 200) -> AsyncGenerator[ReportSink]:
    """Serve a `ReportSink` on loopback."""
    sink = ReportSink(status=status)
    server = await asyncio.start_server(
        lambda reader, writer: _take_report(sink, reader, writer), "127.0.0.1", 0
    )
    sink.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield sink
    finally:
        server.close()


async def _take_report(
    sink: ReportSink, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    fields = {k.lower(): v.strip() for k, _, v in (h.partition(":") for h in head.split("\r\n"))}
    report = json.loads(await reader.readexactly(int(fields["content-length"])))
    sink.tokens.append(fields.get("authorization", ""))
    if sink.status == 200:
        sink.reports.append(report)
    numbers = [line["number"] for line in report["log"]]
    answer = json.dumps({"log_next": max(numbers) + 1 if numbers else report["log_first"]}).encode()
    head = f"HTTP/1.1 {sink.status} X\r\ncontent-length: {len(answer)}\r\n\r\n"
    writer.write(head.encode() + answer)
    await writer.drain()
    writer.close()


def model_folder(folder: Path, *names: str) -> Path:
    """Make a folder with these files, empty but for a `config.json` that says little."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_text("{}" if name.endswith(".json") else "")
    return folder
