"""Keeps the directory up to date: the control plane's stream, and the file to start from."""

import asyncio
import logging
import os
import random
from pathlib import Path

from vllm_manager.gateway.control import ControlPlane
from vllm_manager.gateway.directory import Directory
from vllm_manager.gateway.snapshot import Snapshot, decode, encode
from vllm_manager.gateway.upstream import Connection, UpstreamFailed
from vllm_manager.kit.private_files import write_private

log = logging.getLogger(__name__)

SNAPSHOTS_PATH = "/internal/v1/gateway/snapshots"
_FIRST_PAUSE_SECONDS = 0.1
_MAX_PAUSE_SECONDS = 0.5  # a refused connection on this machine costs next to nothing
_MAX_LINE_BYTES = 256 << 20


class Feed:
    """Subscribes for ever. The last snapshot stays in force while the control plane is away."""

    def __init__(
        self,
        directory: Directory,
        control: ControlPlane,
        file: Path,
        *,
        stale_seconds: float,
        is_writer: bool,
    ) -> None:
        """`is_writer`: keeps the file; one worker of a gateway does."""
        self.is_connected = False
        self.has_snapshot = asyncio.Event()
        self._directory = directory
        self._control = control
        self._file = file
        self._stale_seconds = stale_seconds
        self._is_writer = is_writer
        self._unwritten: Snapshot | None = None
        self._writing: asyncio.Task[None] | None = None

    def restore(self) -> None:
        """Start from the kept file, where there is a readable one."""
        try:
            self._update(decode(self._file.read_bytes()))
        except FileNotFoundError:
            log.info("no kept snapshot: waiting for the control plane")
        except (OSError, ValueError) as error:
            log.error("the kept snapshot can't be used, waiting for the control plane: %s", error)

    async def run(self) -> None:
        """Follow the stream, and open it again whenever it ends or falls silent."""
        pause = _FIRST_PAUSE_SECONDS
        while True:
            try:
                if await self._follow():
                    pause = _FIRST_PAUSE_SECONDS
            except (UpstreamFailed, OSError) as error:
                log.debug("snapshot stream: %s", error)
            except Exception:
                log.exception("snapshot stream: opened again")
            if self.is_connected:
                log.warning("the control plane is away: serving from the last snapshot")
            self.is_connected = False
            await asyncio.sleep(pause * random.uniform(0.8, 1.2))
            pause = min(pause * 2, _MAX_PAUSE_SECONDS)

    async def _follow(self) -> bool:
        headers = f"accept: application/x-ndjson\r\nx-gateway-worker: {os.getpid()}\r\n"
        stream = await self._control.stream(SNAPSHOTS_PATH, headers)
        try:
            if stream.status != 200:
                log.warning("snapshot stream: the control plane answered %d", stream.status)
                return False
            self.is_connected = True
            await self._take_lines(stream)
        finally:
            stream.release()
        return True

    async def _take_lines(self, stream: Connection) -> None:
        pending = bytearray()
        while data := await stream.read(self._stale_seconds):
            pending += data
            if len(pending) > _MAX_LINE_BYTES:
                raise UpstreamFailed("a snapshot without end")
            if b"\n" in data:
                *lines, rest = bytes(pending).split(b"\n")
                pending = bytearray(rest)
                self._take(next((line for line in reversed(lines) if line.strip()), None))

    def _take(self, line: bytes | None) -> None:
        self._directory.expire()
        if line is None:  # a heartbeat
            return
        try:
            snapshot = decode(line)
        except ValueError as error:
            log.error("a snapshot was left out: %s", error)
            return
        self._update(snapshot)
        if self._is_writer and self._directory.is_known:
            self._unwritten = self._directory.snapshot
            if self._writing is None or self._writing.done():
                self._writing = asyncio.create_task(self._write())

    def _update(self, snapshot: Snapshot) -> None:
        self._directory.update(snapshot)
        if self._directory.is_known:
            self.has_snapshot.set()

    async def _write(self) -> None:
        while self._unwritten is not None:
            text = encode(self._unwritten).decode()
            self._unwritten = None
            try:
                await asyncio.to_thread(write_private, self._file, text)
            except OSError as error:
                log.error("the snapshot can't be kept in %s: %s", self._file, error)
