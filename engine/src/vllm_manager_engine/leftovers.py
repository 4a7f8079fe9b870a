"""What an engine puts into places that all share, and its removal once the engine was killed.

An engine that is killed can't clean up behind itself. So it gets a folder of its own for sockets
and temporary files, which its guard keeps locked, and removes; and the segments of shared memory
that its processes map are noted, and unlinked when nobody maps them any longer. A folder that
nobody locks is what a killed guard left behind: the next guard removes it.

Only the standard library, and little of that: the guard must start in a few milliseconds.
"""

import contextlib
import fcntl
import os
import re
import stat
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping

_FALLBACK = "/tmp"
_NOTE = ".shared-memory"
_SHARED_MEMORY = "/dev/shm"
# Made under a random name for one program: by Python, PyTorch, NCCL and vLLM. Anything else there
# may be somebody's model.
_SEGMENT = re.compile(rb"(/dev/shm/(?:psm_|sem\.mp-|torch_|nccl-|vllm_)[^/\n]*)\n")
_GONE = b" (deleted)"

# The address of a Unix socket (107 on Linux), and what engines append to the folder's path: a UUID,
# or multiprocessing's `/pymp-…/listener-…`.
_SOCKET_BYTES = 103
_NAME_BYTES = 40
_ID_BYTES = 4

_NOTE_SECONDS = 0.5
_REMOVE_SECONDS = 2.0
_FIRST_PAUSE_SECONDS = 0.5
_MOST_PAUSE_SECONDS = 60.0
_PAUSE_GROWTH = 1.5


class Folder:
    """The folder of one engine, which lasts as long as `lock`, a descriptor, is open."""

    def __init__(self, path: str, lock: int) -> None:
        self.path = path
        self.lock = lock

    def housed(self, environment: Mapping[str, str]) -> dict[str, str]:
        """Return `environment` for an engine that is to live here.

        A temporary folder that was asked for elsewhere, because its path is too long for sockets,
        is left as it is. Compiled kernels are to outlast the engine, and lie beside its folder.
        What stands first must be something that nobody sets anew later: where the first variable
        was moved, `setproctitle` doesn't find the command line, and the engine's processes stay
        without their titles.
        """
        place = os.path.dirname(self.path)
        kernels = {"TORCHINDUCTOR_CACHE_DIR": os.path.join(place, "torchinductor")}
        sockets = {"VLLM_RPC_BASE_PATH": self.path}
        asked = environment.get("TMPDIR") or os.path.dirname(place)
        files = {"TMPDIR": self.path} if place.startswith(os.path.join(asked, "")) else {}
        return {**sockets, **kernels, **environment, **sockets, **files}

    def release(self) -> None:
        """Remove the folder with all that is in it."""
        _remove(self.path)
        os.close(self.lock)


def settle(environment: Mapping[str, str]) -> Folder:
    """Make and lock a folder for an engine with this environment, in its temporary folder.

    Raises:
        OSError: it can't be made, or others could reach into it.
    """
    place = _place(environment)
    with contextlib.suppress(FileExistsError):
        os.mkdir(place, 0o700)
    if not _is_private(place):
        raise PermissionError(f"{place} is not a folder of mode 0700 that belongs to this user")
    while True:
        path = os.path.join(place, f"e-{os.urandom(_ID_BYTES).hex()}")
        try:
            os.mkdir(path, 0o700)
        except FileExistsError:
            continue
        lock = _lock(path)
        if lock is not None:  # else another guard took it for left behind
            return Folder(path, lock)


def _place(environment: Mapping[str, str]) -> str:
    """Return the folder of all engines' folders; sockets in them must have an address."""
    wanted = environment.get("TMPDIR", "")
    name = f"vllm-manager-{os.getuid()}"
    most = _SOCKET_BYTES - _NAME_BYTES - len(f"/{name}/e-") - 2 * _ID_BYTES
    fits = os.path.isabs(wanted) and len(os.fsencode(wanted)) <= most
    return os.path.join(wanted if fits and os.path.isdir(wanted) else _FALLBACK, name)


def _is_private(path: str) -> bool:
    found = os.lstat(path)
    closed = stat.S_IMODE(found.st_mode) & 0o077 == 0
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and closed


def _lock(path: str) -> int | None:
    """Return a descriptor that locks the folder; None where it is locked, or gone."""
    try:
        lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(lock), os.lstat(path)):
            return lock
    except OSError:
        pass
    os.close(lock)
    return None


def _remove(folder: str) -> None:
    """Remove a folder and all in it, as far as that can be done; links are not followed."""
    for path, folders, files in os.walk(folder, topdown=False):
        for name in (*files, *folders):
            with contextlib.suppress(OSError):
                os.unlink(os.path.join(path, name))
        with contextlib.suppress(OSError):
            os.rmdir(path)


def segments(pids: Iterable[int]) -> set[str]:
    """Return the named segments of shared memory that these processes map. Linux only."""
    found: set[bytes] = set()
    for pid in pids:
        with contextlib.suppress(OSError), open(f"/proc/{pid}/maps", "rb") as file:
            found.update(_SEGMENT.findall(file.read()))
    return {os.fsdecode(path) for path in found if not path.endswith(_GONE)}


def _unlink(noted: Collection[str]) -> None:
    """Unlink those of the segments that nobody maps."""
    if not noted:
        return
    everybody = (int(name) for name in os.listdir("/proc") if name.isdigit())
    for path in set(noted) - segments(everybody):
        with contextlib.suppress(OSError):
            if os.lstat(path).st_uid == os.getuid():
                os.unlink(path)


class Leftovers:
    """What one engine will leave behind, as far as it is known; `folder` is None without one."""

    def __init__(self, folder: Folder | None) -> None:
        self._folder = folder
        self._noted: set[str] = set()
        self._pause_seconds = _FIRST_PAUSE_SECONDS
        self._noted_at = time.monotonic()

    def pause_seconds(self) -> float | None:
        """Return how long to wait before the next note: longer each time. None: for ever."""
        if not os.path.isdir(_SHARED_MEMORY) or not os.path.isdir("/proc"):
            return None
        return max(0.0, self._noted_at + self._pause_seconds - time.monotonic())

    def note(self, pids: Collection[int]) -> None:
        """Remember the shared memory of the engine's processes, here and for a later guard."""
        self._noted_at = time.monotonic()
        self._pause_seconds = min(_PAUSE_GROWTH * self._pause_seconds, _MOST_PAUSE_SECONDS)
        found: set[str] = set()
        _within(_NOTE_SECONDS, lambda: found.update(segments(pids)))
        new = found - self._noted
        self._noted |= new
        if new and self._folder is not None:
            with contextlib.suppress(OSError), open(f"{self._folder.path}/{_NOTE}", "a") as note:
                note.writelines(f"{path}\n" for path in new)

    def remove(self) -> None:
        """Remove everything. To be called when no process of the engine is left."""
        _within(_REMOVE_SECONDS, lambda: _unlink(self._noted))
        if self._folder is not None:
            self._folder.release()
            self._folder = None

    def sweep(self) -> None:
        """Remove what engines left whose guards were killed."""
        if self._folder is None:
            return
        place, own = os.path.split(self._folder.path)
        names = [n for n in os.listdir(place) if n.startswith("e-") and n != own]
        for path in (os.path.join(place, name) for name in names):
            lock = _lock(path)
            if lock is not None:
                noted = _read_note(path)
                _within(_REMOVE_SECONDS, lambda noted=noted: _unlink(noted))
                Folder(path, lock).release()


def _read_note(folder: str) -> set[str]:
    try:
        with open(os.path.join(folder, _NOTE), "rb") as file:
            return {os.fsdecode(path) for path in _SEGMENT.findall(file.read())}
    except OSError:
        return set()


def _within(seconds: float, work: Callable[[], None]) -> None:
    """Do `work`, and go on without it where that takes longer.

    Reading what a process maps waits for the process where it is stuck in the kernel.
    """
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(seconds)
