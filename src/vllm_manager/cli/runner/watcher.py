"""The control plane's side of the bargain: a steward that died is started again."""

import logging
import os
import threading

from vllm_manager.cli.runner.lifecycle import STEWARD_MARK, ensure_steward
from vllm_manager.cli.runner.records import RunFiles
from vllm_manager.settings import Settings

log = logging.getLogger(__name__)

_LOOK_SECONDS = 1.0


def _look(settings: Settings, files: RunFiles) -> None:
    if files.wanted() is None or files.steward() is not None:
        return
    log.warning("the steward is gone; starting another")
    try:
        ensure_steward(settings)
    except OSError:
        log.exception("the steward can't be started; tried again")


def watch_steward(settings: Settings, stop: threading.Event | None = None) -> None:
    """In a thread, keep a steward alive for as long as this process lives and `up` is in force.

    Does nothing in a process that no steward started.
    """
    if os.environ.get(STEWARD_MARK) != "1":
        return
    files, stopped = RunFiles(settings.run_dir), stop or threading.Event()

    def watch() -> None:
        while not stopped.wait(_LOOK_SECONDS):
            _look(settings, files)

    threading.Thread(target=watch, name="steward-watcher", daemon=True).start()
