"""The gateway's parent process: holds the listening socket, and keeps its workers running."""

import contextlib
import logging
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from typing import BinaryIO

from vllm_manager.gateway import counts, logs, nudges
from vllm_manager.gateway.config import (
    ENVIRONMENT_NAME,
    GatewayConfig,
    WorkerConfig,
    encode,
    gateway_config_from_environment,
)
from vllm_manager.kit.logs import tell_uncaught

log = logging.getLogger(__name__)

_BACKLOG = 2048
_BIND_SECONDS = 5.0  # workers of a killed parent may still hold the port for a moment
_STABLE_SECONDS = 5.0
_MAX_PAUSE_SECONDS = 1.0
_TICK_SECONDS = 0.05
_GRACE_SECONDS = 6.0  # beyond the drain: the last usage is sent


class _Slot:
    """One worker's place: the process in it, and when it may be filled again."""

    def __init__(self, index: int) -> None:
        self.index = index
        self.process: subprocess.Popen[bytes] | None = None
        self.started_at = 0.0
        self.start_after = 0.0
        self.quick_deaths = 0


class Parent:
    """Starts the workers, replaces those that die, and passes the word on when told to stop."""

    def __init__(self, config: GatewayConfig, listener: socket.socket, shared: BinaryIO) -> None:
        self._config = config
        self._listener = listener
        self._shared = shared
        self._alive_read, self._alive_write = os.pipe()
        self._nudges = tuple(nudges.create_pipes(config.workers))
        self._slots = [_Slot(index) for index in range(config.workers)]
        self._is_stopping = False

    def run(self) -> int:
        """Return once told to stop and all workers are gone."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        while not self._is_stopping:
            for slot in self._slots:
                self._look_after(slot)
            time.sleep(_TICK_SECONDS)
        self._end_workers()
        return 0

    def _stop(self, _number: int, _frame: object) -> None:
        self._is_stopping = True

    def _look_after(self, slot: _Slot) -> None:
        now = time.monotonic()
        if slot.process is not None:
            code = slot.process.poll()
            if code is None:
                return
            self._bury(slot, code, now)
        if now >= slot.start_after:
            self._start(slot, now)

    def _bury(self, slot: _Slot, code: int, now: float) -> None:
        """Note a death: the first restart is immediate, quick deaths in a row wait up to 1 s."""
        pid = slot.process.pid if slot.process else 0
        lived_long = now - slot.started_at >= _STABLE_SECONDS
        slot.quick_deaths = 0 if lived_long else slot.quick_deaths + 1
        pause = 0 if slot.quick_deaths < 2 else min(0.1 * 2**slot.quick_deaths, _MAX_PAUSE_SECONDS)
        slot.start_after = now + pause
        slot.process = None
        counts.clear_row(self._shared.fileno(), slot.index)
        log.error("worker %d (pid %d) ended with %d: starting another", slot.index, pid, code)

    def _start(self, slot: _Slot, now: float) -> None:
        config = WorkerConfig(
            gateway=self._config,
            index=slot.index,
            listen_fd=self._listener.fileno(),
            alive_fd=self._alive_read,
            counts_fd=self._shared.fileno(),
            nudge_fds=self._nudges,
        )
        ends = [end for pipe in self._nudges for end in pipe]
        slot.process = subprocess.Popen(
            [sys.executable, "-m", "vllm_manager.gateway.worker"],
            pass_fds=(config.listen_fd, config.alive_fd, config.counts_fd, *ends),
            env={**os.environ, ENVIRONMENT_NAME: encode(config)},
            stdin=subprocess.DEVNULL,
        )
        slot.started_at = now

    def _end_workers(self) -> None:
        processes = [slot.process for slot in self._slots if slot.process is not None]
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
        self._listener.close()
        end = time.monotonic() + self._config.drain_seconds + _GRACE_SECONDS
        for process in processes:
            try:
                process.wait(max(0.0, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                log.error("worker (pid %d) did not end in time: killed", process.pid)
                process.kill()
                process.wait()


def listen(config: GatewayConfig) -> socket.socket:
    """Return the public listening socket.

    Raises:
        OSError: the address can't be taken; a port in use is tried for 5 s.
    """
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    end = time.monotonic() + _BIND_SECONDS
    while True:
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((config.host, config.port))
            listener.listen(_BACKLOG)
        except OSError:
            listener.close()
            if time.monotonic() >= end:
                raise
            time.sleep(_TICK_SECONDS)
        else:
            return listener


def _raise_descriptor_limit() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def main() -> int:
    """Run as `python -m vllm_manager.gateway.workers`, started by `launch.serve`."""
    config = gateway_config_from_environment()
    logs.configure(config)
    tell_uncaught()
    _raise_descriptor_limit()
    try:
        listener = listen(config)
    except OSError as error:
        log.error(
            "the gateway can't listen on %s port %d: %s. Stop what uses it, or set "
            "VLLM_MANAGER_PORT to another port.",
            config.host,
            config.port,
            error.strerror,
        )
        return 1
    with counts.create_shared(config.workers) as shared:
        return Parent(config, listener, shared).run()


if __name__ == "__main__":
    sys.exit(main())
