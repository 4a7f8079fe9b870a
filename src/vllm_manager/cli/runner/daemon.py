"""Control plane and gateway: one process each, leading a session of its own."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from vllm_manager.cli.runner import processes
from vllm_manager.cli.runner.probes import answers, reachable
from vllm_manager.cli.runner.records import CONTROL_PLANE, GATEWAY, ServiceRecord
from vllm_manager.settings import Settings

_REAPED_WITHIN_SECONDS = 5.0


def spawn(command: Sequence[str], log: Path, environment: Mapping[str, str], cwd: Path) -> int:
    """Start a process in a session of its own, its output appended to `log`; return its pid."""
    log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with open(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as out:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env=dict(environment),
            cwd=cwd,
            start_new_session=True,
        )
    child.returncode = 0  # it outlives this object, and is reaped by its pid
    return child.pid


def verb(name: str) -> list[str]:
    """Return the command line of one of our own verbs, run by this very Python."""
    return [sys.executable, "-m", "vllm_manager.cli", name]


def environment_of(settings: Settings) -> dict[str, str]:
    """Return what our own processes get: this environment, with a home that any folder can see."""
    return {**os.environ, "VLLM_MANAGER_HOME": str(settings.home.resolve())}


class Daemon:
    """A service that is one process (which may have workers in its session)."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        host: str = "127.0.0.1",
        port: int,
        has_tls: bool = False,
        path: str,
        log: Path,
        environment: Mapping[str, str],
        cwd: Path,
    ) -> None:
        self.name, self.port, self.log = name, port, log
        self._command, self._environment, self._cwd = command, environment, cwd
        self._host, self._path, self._has_tls = host, path, has_tls

    def start(self, record: ServiceRecord) -> None:
        pid = spawn(self._command, self.log, self._environment, self._cwd)
        found = processes.member(pid, self.name)
        record.members = [found] if found else []

    def fault(self, record: ServiceRecord) -> str | None:
        leader = record.leader
        if leader is None:
            return "ended at once"
        if leader.is_alive():
            return None
        return processes.exit_reason(leader.pid, _REAPED_WITHIN_SECONDS) or "ended"

    def answers(self, record: ServiceRecord) -> bool:
        return answers(self.port, self._path, self._host, has_tls=self._has_tls)

    def silent(self, record: ServiceRecord) -> str | None:
        return "stopped answering"

    def stop(self, record: ServiceRecord, patience_seconds: float) -> None:
        leader = record.leader
        if leader is None:
            return
        processes.end([leader], patience_seconds)
        processes.kill(processes.session_of(leader))


def control_plane(settings: Settings, environment: Mapping[str, str]) -> Daemon:
    return Daemon(
        CONTROL_PLANE,
        verb("server"),
        port=settings.control_port,
        path="/healthz",
        log=settings.logs_dir / "control-plane.log",
        environment=environment,
        cwd=settings.home,
    )


def gateway(settings: Settings, environment: Mapping[str, str]) -> Daemon:
    return Daemon(
        GATEWAY,
        verb("gateway"),
        host=reachable(settings.host),
        port=settings.port,
        has_tls=settings.tls is not None,
        path="/v1/models",
        log=settings.logs_dir / "gateway.log",
        environment=environment,
        cwd=settings.home,
    )
