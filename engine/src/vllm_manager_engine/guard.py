"""The process between a supervisor and its engine: when the supervisor is gone, so is the engine.

    python -I -S guard.py COMMAND_FD STATUS_FD -- engine arguments…
    python -I -S guard.py COMMAND_FD STATUS_FD --adopt ENGINE_PID [LOCK_FD FOLDER]

It leads a session of its own and starts the engine in a process group of its own inside it; or the
engine is already its child, forked before this program took the place of another (a warm start).
COMMAND_FD is the read end of a pipe whose write end only the supervisor holds, or a socket to it.
A byte on it is an order (`T`: SIGTERM to the engine, `K`: kill all now); its end means that the
supervisor is gone, and everything is killed. On Linux the guard adopts orphans of the engine (it is
their subreaper), so those that left the group are found too; elsewhere only the group is killed.
STATUS_FD receives JSON lines: `{"engine_pid": …}` first, `{"exit_code", "signal"}` last.

The engine lives in a folder of its own (see `leftovers`), LOCK_FD and FOLDER where it was started
before. It is removed when the engine's last process is gone, before the end is told.

Only the standard library and `leftovers`: it must start in a few milliseconds.
"""

import contextlib
import ctypes
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from types import FrameType

if __name__ == "__main__":  # isolated, so its own package is not on the path
    sys.path.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from vllm_manager_engine import leftovers
from vllm_manager_engine.leftovers import Folder, Leftovers

_PR_SET_CHILD_SUBREAPER = 36
_KILL_SECONDS = 5.0
_ROUND_SECONDS = 0.01


def adopt_orphans() -> bool:
    """Become the parent of every descendant whose own parent dies. False where there is no such."""
    if not sys.platform.startswith("linux"):
        return False
    return ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0


def parents() -> dict[int, int]:
    """Return the parent of each process, by pid; zombies are left out. Empty without /proc."""
    found: dict[int, int] = {}
    with contextlib.suppress(FileNotFoundError):
        for name in os.listdir("/proc"):
            if not name.isdigit():
                continue
            with contextlib.suppress(OSError), open(f"/proc/{name}/stat", "rb") as file:
                # The name, in brackets, may hold anything: fields are counted after the last one.
                state, parent, *_ = file.read().rpartition(b")")[2].split()
                if state not in (b"Z", b"X"):
                    found[int(name)] = int(parent)
    return found


def descendants(ancestor: int, parent_of: dict[int, int]) -> set[int]:
    """Return every process below `ancestor`."""
    children: dict[int, list[int]] = {}
    for pid, parent in parent_of.items():
        children.setdefault(parent, []).append(pid)
    found: set[int] = set()
    waiting = [ancestor]
    while waiting:
        below = children.get(waiting.pop(), [])
        waiting += [pid for pid in below if pid not in found]
        found.update(below)
    return found


def _pass(_number: int, _frame: FrameType | None) -> None:
    """Let the signal do no more than wake the loop."""


class Guard:
    """Starts one engine and answers for its end."""

    def __init__(
        self, commands: int, status: int, folder: Folder | None, start: Callable[[], int]
    ) -> None:
        self._commands = commands
        self._status = status
        self._leftovers = Leftovers(folder)
        self._wake_read, wake_write = os.pipe()
        os.set_blocking(wake_write, False)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, _pass)
        signal.signal(signal.SIGINT, _pass)  # not SIG_IGN: the engine would inherit it
        signal.signal(signal.SIGTERM, self._forward)
        self._waited: int | None = None
        self._engine_pid = start()
        self._say({"engine_pid": self._engine_pid})
        self._close_output()

    def run(self) -> int:
        """Wait for the engine's end, an order, or the supervisor's end; return the exit code."""
        self._leftovers.sweep()
        self._reap()  # an adopted engine may have ended before this program began
        while self._waited is None:
            pause = self._leftovers.pause_seconds()
            ready, _, _ = select.select([self._commands, self._wake_read], [], [], pause)
            if self._wake_read in ready:
                os.read(self._wake_read, 4096)
                self._reap()
            if self._commands in ready:
                self._obey(self._orders())
            elif not ready:
                self._note()
        self._kill_all()
        self._leftovers.remove()
        return self._report(self._waited)

    def _orders(self) -> bytes:
        try:
            return os.read(self._commands, 64)
        except OSError:  # a socket whose other end died with bytes unread is reset, not ended
            return b""

    def _forward(self, number: int, _frame: FrameType | None) -> None:
        self._signal(number)

    def _obey(self, orders: bytes) -> None:
        if not orders or b"K" in orders:
            self._kill_all()
        elif b"T" in orders:
            self._note()  # when it has ended nothing tells any longer what it had
            self._signal(signal.SIGTERM)

    def _note(self) -> None:
        self._leftovers.note(descendants(os.getpid(), parents()))

    def _signal(self, number: int) -> None:
        if self._waited is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._engine_pid, number)

    def _reap(self) -> None:
        """Collect every dead child, adopted ones included; remember how the engine ended."""
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return
                if pid == self._engine_pid:
                    self._waited = status

    def _kill_all(self) -> None:
        """Kill the group and all that descends from here, in rounds: some may be forking."""
        self._note()
        deadline = time.monotonic() + _KILL_SECONDS
        while time.monotonic() < deadline:
            left = self._kill_once()
            self._reap()
            if not left and self._waited is not None:
                return
            time.sleep(_ROUND_SECONDS)

    def _kill_once(self) -> bool:
        left = False
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._engine_pid, signal.SIGKILL)
            left = True
        for pid in descendants(os.getpid(), parents()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                left = True
        return left

    def _report(self, status: int) -> int:
        code = os.waitstatus_to_exitcode(status)
        ended = {"exit_code": code if code >= 0 else None, "signal": -code if code < 0 else None}
        self._say(ended)
        return code if code >= 0 else 128 - code

    def _say(self, message: dict[str, int | None]) -> None:
        with contextlib.suppress(OSError):
            os.write(self._status, json.dumps(message).encode() + b"\n")

    def _close_output(self) -> None:
        """Let go of the engine's output, so that its end is the engine's end."""
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(null, descriptor)


def _engine(folder: Folder | None) -> int:
    """Start the engine that the command line tells, or take over the one that runs."""
    if sys.argv[3] == "--adopt":
        return int(sys.argv[4])
    environment = os.environ if folder is None else folder.housed(os.environ)
    engine = subprocess.Popen(
        sys.argv[4:], env=environment, stdin=subprocess.DEVNULL, process_group=0
    )
    engine.returncode = 0  # the loop collects it; Popen must not, nor warn when it is dropped
    return engine.pid


def settled(environment: Mapping[str, str], err: int) -> Folder | None:
    """Return a new folder for an engine with this environment, or None, with a word on `err`.

    An engine that has none may leave files behind when it is killed, no more.
    """
    try:
        return leftovers.settle(environment)
    except OSError as error:
        os.write(err, f"The engine has no temporary folder of its own: {error}\n".encode())
        return None


def _folder() -> Folder | None:
    """Return the engine's folder: a new one, or the one that it was started in."""
    if sys.argv[3] != "--adopt":
        return settled(os.environ, 2)
    return Folder(sys.argv[6], int(sys.argv[5])) if len(sys.argv) > 6 else None


def main() -> int:
    commands, status = int(sys.argv[1]), int(sys.argv[2])
    folder = _folder()
    for descriptor in (commands, status, *([] if folder is None else [folder.lock])):
        os.set_inheritable(descriptor, False)
    adopt_orphans()
    try:
        guard = Guard(commands, status, folder, lambda: _engine(folder))
    except OSError as error:
        if folder is not None:
            folder.release()
        os.write(status, json.dumps({"error": str(error)}).encode() + b"\n")
        return 127
    return guard.run()


if __name__ == "__main__":
    sys.exit(main())
