"""The fake engine's program: command line, start-up in phases, and its ends, good and bad."""

import argparse
import asyncio
import contextlib
import importlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from vllm_manager_engine import secret
from vllm_manager_engine.fake import behaviour, texts
from vllm_manager_engine.fake.behaviour import Behaviour
from vllm_manager_engine.fake.request_log import RequestLog
from vllm_manager_engine.fake.server import Connection
from vllm_manager_engine.fake.service import Service
from vllm_manager_engine.fake.traces import Traces

_CORE = Path(__file__).with_name("core.py")
_CORE_NOTICED_SECONDS = 2.0
_WATCH_SECONDS = 0.1


class Fake:
    """One run of the program."""

    def __init__(self, told: Behaviour, options: argparse.Namespace) -> None:
        self._told = told
        self._options = options
        name = (options.served_model_name or [options.model])[0]
        self._service = Service(told, name, os.environ.get(secret.VARIABLE, ""))
        self._traces = Traces() if told.leave_traces else None
        self._core = _child(*([] if self._traces is None else [self._traces.memory]))
        self._words = {
            "pid": os.getpid(),
            "core": self._core.pid,
            "model": options.model,
            "host": options.host,
            "port": options.port,
        }

    async def run(self) -> int:
        """Start up, serve until told to end or to crash; return the exit code."""
        ended = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGUSR1, self._toggle_hang)
        loop.add_signal_handler(signal.SIGTERM, self._on_term, ended)
        listener = None if self._told.bind_late else self._bind()
        if self._told.stray_child:
            _child("stray")
        starting = asyncio.ensure_future(self._start_up())
        await asyncio.wait(
            [starting, asyncio.ensure_future(ended.wait())], return_when=asyncio.FIRST_COMPLETED
        )
        if not ended.is_set():
            starting.result()
            listener = listener or self._bind()
            requests = RequestLog(is_on=bool(self._options.enable_log_requests))
            server = await loop.create_server(
                lambda: Connection(self._service, requests), sock=listener
            )
            self._say(texts.READY)
            if self._told.hang == "all":
                os.kill(os.getpid(), signal.SIGSTOP)
            await self._serve(ended)
            server.close()
        self._end_core()
        if self._traces is not None:
            self._traces.remove()
        return 0

    async def _start_up(self) -> None:
        told = self._told
        self._say(texts.STARTING)
        await self._phase("starting", told.starting_seconds)
        if told.fetching_seconds or "fetching" in (told.stuck_in, told.crash_in):
            self._say([texts.FETCHING], percent=50)
            await self._phase("fetching", told.fetching_seconds)
        self._say([texts.LOADING_STARTS])
        for done in range(5):
            self._say([texts.LOADING], percent=done * 25, done=done)
            await self._phase("loading" if done == 2 else "", told.loading_seconds / 5)
        if told.out_of_memory:
            self._crash(texts.OUT_OF_MEMORY)
        self._say([texts.LOADING_ENDS])
        for number in range(told.log_flood_lines):
            os.write(2, b"flood %d %b\n" % (number, b"x" * 80))
        if told.compiling_seconds or "compiling" in (told.stuck_in, told.crash_in):
            self._say([texts.COMPILING])
            await self._phase("compiling", told.compiling_seconds)
        if told.kv_cache_too_small:
            self._crash(texts.KV_CACHE_TOO_SMALL)
        self._say(texts.WARMING)
        await self._phase("warming", told.warming_seconds)

    async def _phase(self, name: str, seconds: float) -> None:
        if name and self._told.crash_in == name:
            self._crash()
        if name and self._told.stuck_in == name:
            await asyncio.Future[None]()
        if seconds:
            await asyncio.sleep(seconds)

    async def _serve(self, ended: asyncio.Event) -> None:
        loop = asyncio.get_running_loop()
        born = loop.time()
        after = self._told.crash_after_seconds
        while not ended.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_WATCH_SECONDS):
                    await ended.wait()
            if self._service.crash.is_set() or (after and loop.time() - born > after):
                self._crash()
            if self._core.poll() is not None:
                await self._without_core()

    async def _without_core(self) -> None:
        """The engine core died: vLLM notices after a while, and ends. Or does not notice."""
        if self._told.ignore_core_death:
            self._service.is_hanging = True
            return
        self._service.core_is_dead = True
        await asyncio.sleep(_CORE_NOTICED_SECONDS)
        self._crash(["(APIServer pid={pid}) EngineDeadError: EngineCore encountered an issue."])

    def _bind(self) -> socket.socket:
        listener = socket.socket(socket.AF_INET6 if ":" in self._options.host else socket.AF_INET)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((self._options.host, self._options.port))
        except OSError:
            self._crash([texts.PORT_TAKEN])
        return listener

    def _toggle_hang(self) -> None:
        self._service.is_hanging = not self._service.is_hanging

    def _on_term(self, ended: asyncio.Event) -> None:
        if not self._told.ignore_term:
            ended.set()

    def _say(self, lines: Sequence[str], **more: int) -> None:
        for line in lines:
            print(line.format(**self._words, **more), file=sys.stderr, flush=True)

    def _crash(self, lines: Sequence[str] = ()) -> None:
        """End at once. As with vLLM, nobody tells the engine core."""
        self._say(lines)
        if self._told.stderr:
            print(self._told.stderr, file=sys.stderr, flush=True)
        if self._told.signal:
            os.kill(os.getpid(), self._told.signal)
        os._exit(self._told.exit_code)

    def _end_core(self) -> None:
        self._core.kill()
        self._core.wait()


def _child(*arguments: str) -> subprocess.Popen[bytes]:
    """Start a child and return once it runs under its own name."""
    command = [sys.executable, "-I", "-S", str(_CORE), *arguments]
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.read(1)
    child.stdout.close()
    return child


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="vllm", allow_abbrev=False)
    parser.add_argument("serve", choices=["serve"])
    parser.add_argument("model")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--served-model-name", nargs="+")
    parser.add_argument("--enable-log-requests", action=argparse.BooleanOptionalAction)
    return parser.parse_known_args(arguments)[0]


def main() -> int:
    options = _options(sys.argv[1:])
    told = behaviour.read(os.environ)
    make_loop = None
    with contextlib.suppress(ModuleNotFoundError):
        make_loop = importlib.import_module("uvloop").new_event_loop
    with asyncio.Runner(loop_factory=make_loop) as runner:
        return runner.run(Fake(told, options).run())


if __name__ == "__main__":
    sys.exit(main())
