"""The steward: a small process that keeps Ray, control plane and gateway running."""

import fcntl
import logging
import os
import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from vllm_manager.cli.runner.daemon import control_plane, environment_of, gateway
from vllm_manager.cli.runner.lifecycle import STEWARD_MARK, stop_services
from vllm_manager.cli.runner.processes import member
from vllm_manager.cli.runner.ray import LocalRay
from vllm_manager.cli.runner.records import STEWARD, RunFiles, ServiceRecord
from vllm_manager.cli.runner.service import Service
from vllm_manager.cli.runner.watched import Watched
from vllm_manager.kit.secrets import read_or_create
from vllm_manager.settings import Settings

log = logging.getLogger(__name__)

_LOOK_SECONDS = 0.2


def services(settings: Settings, *, foreground: bool) -> list[Service]:
    """Return what runs on this machine, in the order in which it is started."""
    environment = environment_of(settings)
    watching = environment if foreground else {**environment, STEWARD_MARK: "1"}
    local: list[Service] = [] if settings.ray_address else [LocalRay(settings, environment)]
    return [*local, control_plane(settings, watching), gateway(settings, environment)]


def make_secrets(settings: Settings) -> None:
    """Make the tokens that the processes share, before any of them looks for its own."""
    settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name in ("internal_token", "report_token"):
        read_or_create(settings.secrets_dir / name)
    if settings.ray_token_path is None:
        read_or_create(settings.ray_token_file)


@contextmanager
def _only_one(lock: Path) -> Generator[bool]:
    """Hold the steward's lock; gives False where another steward has it."""
    lock.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with open(os.open(lock, os.O_RDWR | os.O_CREAT, 0o600), "r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


def run_steward(settings: Settings, *, foreground: bool = False) -> bool:
    """Keep everything running until told to stop; False where another steward already does.

    In the background it leaves the services running when it is told to stop: `down` stops them
    afterwards, and a steward that was killed is followed by one that takes its services over.
    In the foreground it stops them itself.
    """
    files = RunFiles(settings.run_dir)
    make_secrets(settings)
    with _only_one(files.lock) as alone:
        if not alone:
            return False
        told = threading.Event()
        _listen(told)
        me = member(os.getpid(), STEWARD)
        files.write(ServiceRecord(name=STEWARD, state="running", members=[me] if me else []))
        _watch(settings, files, told, foreground=foreground)
        if foreground:
            files.unwant()
            stop_services(settings, files)
        files.remove(STEWARD)
    return True


def _listen(told: threading.Event) -> None:
    def tell(_number: int, _frame: FrameType | None) -> None:
        told.set()

    signal.signal(signal.SIGTERM, tell)
    signal.signal(signal.SIGINT, tell)


def _watch(settings: Settings, files: RunFiles, told: threading.Event, *, foreground: bool) -> None:
    watched = [Watched(service, files) for service in services(settings, foreground=foreground)]
    while not told.wait(_LOOK_SECONDS) and files.wanted() is not None:
        for one in watched:
            try:
                one.tick()
            except Exception:
                log.exception("%s: looking after it failed; tried again", one.service.name)
