"""The local Ray: started with ports, a token and a folder of its own; never anybody else's.

`ray start` without `--block` leaves its processes to themselves; the steward watches them. What
takes the models down with it (`gcs_server`, `raylet`) makes for a new start of the whole; a side
process (dashboard, monitors) is started again alone, by its own command line, and models go on.
"""

import os
import shutil
import stat
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from vllm_manager.cli.runner import processes, ray_command
from vllm_manager.cli.runner.daemon import spawn
from vllm_manager.cli.runner.probes import answers
from vllm_manager.cli.runner.processes import Member
from vllm_manager.cli.runner.records import RAY, ServiceRecord
from vllm_manager.settings import Settings

LAUNCHER, WORKER = "launcher", "worker"
_VITAL = ("gcs_server", "raylet")
_LAUNCH_SECONDS = 180.0
_SIDE_STARTS = 5
_REFRESH_SECONDS = 3.0
_LEFTOVER_SECONDS = 3.0


class LocalRay:
    """A one-node Ray cluster on loopback's dashboard port."""

    def __init__(self, settings: Settings, environment: Mapping[str, str]) -> None:
        self.name = RAY
        self.port = settings.ray_dashboard_port
        self.log = settings.logs_dir / "ray.log"
        self._settings = settings
        self._environment = ray_command.environment(settings, environment)
        self._launched_at = time.monotonic()
        self._refreshed_at = 0.0
        self._side_starts = 0

    def start(self, record: ServiceRecord) -> None:
        self._forget_folder(record)
        record.folder = tempfile.mkdtemp(prefix=ray_command.FOLDER_PREFIX, dir="/tmp")
        record.commands = {}
        command = ray_command.start(self._settings, record.folder)
        pid = self._spawn(command, record.folder)
        launcher = processes.member(pid, LAUNCHER)
        record.members = [launcher] if launcher else []
        self._launched_at = time.monotonic()
        self._side_starts = 0

    def fault(self, record: ServiceRecord) -> str | None:
        leader = record.leader
        if leader is None:
            return "ended at once"
        if leader.role == LAUNCHER:
            return self._launching(record, leader)
        for role in _VITAL:
            if not any(m.role == role and m.is_alive() for m in record.members):
                return f"{role} ended"
        self._refresh(record)
        return self._mend_sides(record)

    def answers(self, record: ServiceRecord) -> bool:
        leader = record.leader
        launched = leader is not None and leader.role != LAUNCHER
        return launched and answers(self.port, "/api/version")

    def silent(self, record: ServiceRecord) -> str | None:
        """Only the dashboard answers HTTP: end it, and `fault` starts it again."""
        processes.kill([m for m in record.members if m.role == "dashboard"])
        return None

    def stop(self, record: ServiceRecord, patience_seconds: float) -> None:
        """End Ray, then whatever ran below it: replicas, guards, engines."""
        ours = self._everything(record)
        raylets = [m for m in ours if m.role == "raylet"]
        workers = {m for m in ours if m.role == WORKER} | processes.descendants(raylets, WORKER)
        if raylets and any(m.role == "gcs_server" for m in ours):
            # A raylet that has lost its gcs_server would use up all the patience in vain.
            processes.end(raylets, patience_seconds)
            processes.wait_until(lambda: processes.all_gone(workers), patience_seconds)
        processes.end(list(workers | self._everything(record)), _LEFTOVER_SECONDS)
        self._forget_folder(record)
        record.members = []

    def _spawn(self, command: Sequence[str], folder: str) -> int:
        marked = {**self._environment, ray_command.MARK: folder}
        return spawn(command, self.log, marked, self._settings.home)

    def _launching(self, record: ServiceRecord, launcher: Member) -> str | None:
        how = processes.exit_reason(launcher.pid)
        if launcher.is_alive():
            late = time.monotonic() - self._launched_at > _LAUNCH_SECONDS
            return f"did not start within {_LAUNCH_SECONDS:.0f} s" if late else None
        found = self._everything(record)
        if how not in (None, "exited with status 0") or not any(m.role == "raylet" for m in found):
            return f"`ray start` {how or 'ended'}"
        record.members = sorted(found, key=lambda m: (m.role not in _VITAL, m.pid))
        record.commands = ray_command.side_commands(record.members)
        return None

    def _everything(self, record: ServiceRecord) -> set[Member]:
        """Return what lives of our Ray: recorded, or proven by our folder in its environment."""
        known = {m for m in record.members if m.is_alive()}
        pids = {m.pid for m in known}
        found = ray_command.members_in(record.folder) if record.folder else set[Member]()
        return known | {m for m in found if m.pid not in pids}

    def _refresh(self, record: ServiceRecord) -> None:
        """Note what runs below the raylet: should it die, its leavings must be found."""
        if time.monotonic() - self._refreshed_at < _REFRESH_SECONDS:
            return
        self._refreshed_at = time.monotonic()
        kept = [m for m in record.members if m.role != WORKER]
        pids = {m.pid for m in kept}
        raylets = [m for m in kept if m.role == "raylet"]
        workers = {m for m in processes.descendants(raylets, WORKER) if m.pid not in pids}
        living = {m for m in record.members if m.role == WORKER and m.is_alive()}
        record.members = kept + sorted(workers | living, key=lambda m: m.pid)

    def _mend_sides(self, record: ServiceRecord) -> str | None:
        for role, command in record.commands.items():
            if any(m.role == role and m.is_alive() for m in record.members):
                continue
            if self._side_starts >= _SIDE_STARTS:
                return f"{role} ended again and again"
            self._side_starts += 1
            started = processes.member(self._spawn(command, record.folder or ""), role)
            record.members = [m for m in record.members if m.role != role]
            record.members += [started] if started else []
        return None

    def _forget_folder(self, record: ServiceRecord) -> None:
        """Remove Ray's session folder, if it is one that `start` made."""
        if record.folder is None:
            return
        folder = Path(record.folder)
        if folder.name.startswith(ray_command.FOLDER_PREFIX) and _is_own_folder(folder):
            shutil.rmtree(folder, ignore_errors=True)
        record.folder = None


def _is_own_folder(folder: Path) -> bool:
    """Tell whether it is a real folder, of this user and closed to others, as `mkdtemp` makes."""
    try:
        found = folder.lstat()
    except OSError:
        return False
    private = found.st_mode & 0o077 == 0 and found.st_uid == os.getuid()
    return stat.S_ISDIR(found.st_mode) and private
