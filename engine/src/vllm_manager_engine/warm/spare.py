"""A spare: imports the engine, waits, and forks engines of itself until it is told to go.

    python -m vllm_manager_engine.warm.spare CONTROL_FD ENGINE

CONTROL_FD is a socket to the warmer. What comes over it are requests for an engine, each with three
descriptors: the replica's socket, and where the engine's output goes. What goes back are messages
about this process: {"ready"}, {"unfit"}, {"stale"}, {"forked"}. Its end is this process's end.

The forked process leads a session, forks the engine into a group of its own, and becomes the guard
that every engine has, with the replica's socket as its pipes. So the spare stays as it was, and any
number of engines that are asked for at once are warm.
"""

import contextlib
import gc
import glob
import json
import os
import selectors
import signal
import socket
import sys
from pathlib import Path
from types import FrameType
from typing import NoReturn

from vllm_manager_engine import guard
from vllm_manager_engine.leftovers import Folder
from vllm_manager_engine.warm import becoming, fingerprint, preload, pristine, wire
from vllm_manager_engine.warm.wire import Message

_GUARD = Path(guard.__file__)


class Refused(Exception):
    """The request can't be met by this spare; says why."""


class Spare:
    """One process that has imported `engine`."""

    def __init__(self, control: socket.socket, engine: str) -> None:
        self._control = control
        self._engine = engine
        self._made_of = fingerprint.installed()
        self._imported = preload.Imported({}, frozenset(), {})
        self._wake, write = os.pipe()
        os.set_blocking(write, False)
        os.set_blocking(self._wake, False)
        self._selector = selectors.EpollSelector()
        self._selector.register(control, selectors.EVENT_READ)
        self._selector.register(self._wake, selectors.EVENT_READ)
        self._own = (control.fileno(), self._wake, write, self._selector.fileno())
        signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, _pass)
        # When its warmer dies, the kernel's SIGHUP ends a spare that was stopped while it prepared;
        # what was started with `nohup` would ignore that.
        signal.signal(signal.SIGHUP, signal.SIG_DFL)

    def prepare(self) -> None:
        """Import everything, and look whether what came of it may be forked."""
        gpus = bool(glob.glob("/dev/nvidia[0-9]*"))
        modules = preload.engine_modules(self._engine, gpus=gpus)
        self._imported = preload.import_all(modules, lambda name: self._tell({"imported": name}))
        gc.collect()
        gc.freeze()
        flaws = pristine.flaws(self._own)
        self._tell({"unfit": "; ".join(flaws)} if flaws else {"ready": True})

    def serve(self) -> None:
        """Fork an engine for each request, until the warmer is gone."""
        while True:
            ready = {key.fd for key, _ in self._selector.select()}
            if self._wake in ready:
                self._reap()
            if self._control.fileno() in ready:
                self._answer(*wire.receive(self._control))

    def _answer(self, request: Message, descriptors: list[int]) -> None:
        replica = descriptors[0]
        try:
            self._check(request, descriptors)
            self._tell({"forked": self._fork(request, *descriptors)})
        except Refused as refusal:
            with contextlib.suppress(OSError):
                _say(replica, {"refused": str(refusal)})
        finally:
            for descriptor in descriptors:
                os.close(descriptor)

    def _check(self, request: Message, descriptors: list[int]) -> None:
        if len(descriptors) != 3:
            raise Refused("the request came without the engine's output")
        if request["engine"] != self._engine:
            raise Refused(f"the spare has imported {self._engine}, not {request['engine']}")
        self._check_versions(request["made_of"])
        name = self._imported.conflict(request["environment"])
        if name is not None:
            raise Refused(f"{name} has another value in the spare")
        flaws = pristine.flaws((*self._own, *descriptors))
        if flaws:
            self._tell({"unfit": "; ".join(flaws)})
            raise Refused(f"the spare can't be forked: {'; '.join(flaws)}")

    def _check_versions(self, asked: dict[str, str]) -> None:
        changed = fingerprint.difference(self._made_of, fingerprint.installed())
        if changed is not None:
            self._tell({"stale": changed})
            raise Refused(f"the installation changed since the spare was made ({changed})")
        other = fingerprint.difference(self._made_of, asked)
        if other is not None:
            raise Refused(f"the replica's installation is another one ({other})")

    def _fork(self, request: Message, replica: int, out: int, err: int) -> int:
        pid = os.fork()
        if pid:
            return pid
        try:
            self._lead(request, replica, out, err)
        except BaseException as error:
            _say(replica, {"refused": f"the hand-over failed: {error!r}"})
        finally:
            os._exit(0)

    def _lead(self, request: Message, replica: int, out: int, err: int) -> NoReturn:
        """Prepare a session, fork the engine into it, and become its guard."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()
        self._control.detach()
        for own in self._own:
            os.close(own)
        try:
            os.chdir(request["folder"])
            becoming.set_limits(request["limits"])
        except (OSError, ValueError) as error:
            _say(replica, {"refused": f"the engine's surroundings can't be set: {error}"})
            os._exit(0)
        guard.adopt_orphans()
        _say(replica, {"guard_pid": os.getpid()})
        folder = guard.settled(request["environment"], err)
        if folder is not None:
            request["environment"] = folder.housed(request["environment"])
        engine = os.fork()
        if engine == 0:
            os.setpgid(0, 0)
            self._become(request, out, err)
        with contextlib.suppress(OSError):
            os.setpgid(engine, engine)
        try:
            self._guard(request, replica, engine, folder)
        finally:
            os.killpg(engine, signal.SIGKILL)

    def _become(self, request: Message, out: int, err: int) -> NoReturn:
        code = 1
        try:
            code = becoming.run(request, self._imported.changed, out, err)
            becoming.finish()
        finally:
            os._exit(code)

    def _guard(
        self, request: Message, replica: int, engine: int, folder: Folder | None
    ) -> NoReturn:
        housed = [] if folder is None else [str(folder.lock), folder.path]
        for descriptor in (replica, *([] if folder is None else [folder.lock])):
            os.set_inheritable(descriptor, True)
        null = os.open(os.devnull, os.O_RDWR)
        for standard in (0, 1, 2):
            os.dup2(null, standard)
        words = [sys.executable, "-I", "-S", str(_GUARD), str(replica), str(replica)]
        words += ["--adopt", str(engine), *housed]
        os.execve(sys.executable, words, dict(request["environment"]))

    def _reap(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while os.read(self._wake, 4096):
                pass
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass

    def _tell(self, message: Message) -> None:
        with contextlib.suppress(OSError):
            wire.send(self._control, message)


def _pass(_number: int, _frame: FrameType | None) -> None:
    """Let the signal do no more than wake the loop."""


def _say(replica: int, message: Message) -> None:
    os.write(replica, json.dumps(message).encode() + b"\n")


def main() -> None:
    control = socket.socket(fileno=int(sys.argv[1]))
    control.set_inheritable(False)
    spare = Spare(control, sys.argv[2])
    spare.prepare()
    with contextlib.suppress(wire.WireError, ConnectionError, KeyboardInterrupt):
        spare.serve()


if __name__ == "__main__":
    main()
