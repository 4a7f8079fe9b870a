"""Runs the control plane as a process: one loopback port, a clean stop, a clear refusal."""

import asyncio
import errno
import gc
import logging
import signal
import socket
import sys
from types import FrameType

import uvicorn

from vllm_manager.api.app import create_app
from vllm_manager.kit import logs
from vllm_manager.kit.errors import Problem
from vllm_manager.migrations import upgrade
from vllm_manager.settings import Settings

log = logging.getLogger(__name__)

_BACKLOG = 2048
_STOP_SECONDS = 5
_SWITCH_SECONDS = 0.001
"""After so long a thread that reads or writes files gives way to the loop."""


class ControlServer(uvicorn.Server):
    """Ends the endless streams when it is told to stop, which uvicorn alone would wait for.

    Unlike uvicorn it does not raise the signal again afterwards: a clean stop is exit code 0.
    """

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True
        self._loop.call_soon_threadsafe(self.config.app.state.close_streams)  # pyright: ignore

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        gc.collect()
        gc.freeze()  # what was built at the start stays: no pause to look at it again
        gc.enable()  # the command switches it off while all of that is loaded

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().serve(sockets)


def run(settings: Settings) -> int:
    """Serve until told to stop and return the exit code; 1 with a reason where it can't start."""
    settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    sys.setswitchinterval(_SWITCH_SECONDS)
    logs.configure("control-plane", settings.log_level, settings.log_format, settings.logs_dir)
    try:
        with _listen(settings.control_port) as listener:
            if upgrade(settings.database, settings.home):
                log.info("The database's schema was brought up to date")
            return _serve(settings, listener)
    except Problem as problem:
        log.error("Not started: %s", problem.details.detail)
        print(f"vllm-manager: {problem.details.detail}", file=sys.stderr)
        return 1


def _serve(settings: Settings, listener: socket.socket) -> int:
    config = uvicorn.Config(
        create_app(settings),
        http="httptools",
        loop="uvloop",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=True,
        forwarded_allow_ips="127.0.0.1",
        timeout_graceful_shutdown=_STOP_SECONDS,
        timeout_keep_alive=75,
        h11_max_incomplete_event_size=None,
    )
    server = ControlServer(config)
    server.run([listener])
    return 0 if server.started else 1


def _listen(port: int) -> socket.socket:
    """Take the port first: a second control plane by mistake must not touch the database."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise _refused(port, error) from error
    return listener


def _refused(port: int, error: OSError) -> Problem:
    if error.errno == errno.EADDRINUSE:
        detail = (
            f"Port {port} on 127.0.0.1 is taken. Is the control plane running already? "
            "See `vllm-manager status`, or set VLLM_MANAGER_CONTROL_PORT to another port."
        )
    else:
        detail = (
            f"Port {port} on 127.0.0.1 can't be opened ({error.strerror}). "
            "Set VLLM_MANAGER_CONTROL_PORT to another port."
        )
    return Problem("port_unavailable", detail, status=500)
