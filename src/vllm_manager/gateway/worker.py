"""One worker process: puts the parts together, serves until told to drain, and leaves nothing."""

import asyncio
import contextlib
import gc
import logging
import signal
import socket
import ssl
import sys
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, cast

import uvicorn
import uvloop

from vllm_manager.gateway import logs
from vllm_manager.gateway.accounts import open_accounts
from vllm_manager.gateway.admission import admission_for
from vllm_manager.gateway.app import Application
from vllm_manager.gateway.config import WorkerConfig, worker_config_from_environment
from vllm_manager.gateway.context import Context
from vllm_manager.gateway.control import ControlPlane
from vllm_manager.gateway.counts import open_shared
from vllm_manager.gateway.directory import Directory
from vllm_manager.gateway.feed import Feed
from vllm_manager.gateway.journal import Journal
from vllm_manager.gateway.limits import Book
from vllm_manager.gateway.nudges import Nudges
from vllm_manager.gateway.protocol import ClientConnection
from vllm_manager.gateway.queueing import Slots
from vllm_manager.gateway.refused_counts import RefusedCounts
from vllm_manager.gateway.requests.teller import Teller
from vllm_manager.gateway.requests.tracking import Tracker
from vllm_manager.gateway.subjects import Subjects
from vllm_manager.gateway.trace_sender import TraceSender
from vllm_manager.gateway.traces import Tracer
from vllm_manager.gateway.upstream import Target, UpstreamClient
from vllm_manager.gateway.usage import UsageSender
from vllm_manager.kit.certificates import PairRefused, Served
from vllm_manager.kit.logs import tell_uncaught

log = logging.getLogger(__name__)

_LAST_SEND_SECONDS = 3.0
_SWEEP_SECONDS = 5.0
_FIRST_SNAPSHOT_SECONDS = 5.0
_CERTIFICATE_SECONDS = 5.0


class _Server(uvicorn.Server):
    """uvicorn's server, with signals left to the worker."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


class Worker:
    """Everything of one worker."""

    def __init__(self, config: WorkerConfig, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        gateway = config.gateway
        run_dir = Path(gateway.run_dir)
        client = UpstreamClient(gateway.connect_seconds)
        control = ControlPlane(
            client, Target("127.0.0.1", gateway.control_port), Path(gateway.token_path)
        )
        counts = open_shared(config.counts_fd, config.index)
        accounts = open_accounts(run_dir / "gateway-limits", is_shared=gateway.workers > 1)
        book = Book(accounts, counts)
        slots = Slots(counts, Nudges(config.nudge_fds, config.index))
        self._context = Context(
            config=gateway,
            directory=Directory(),
            counts=counts,
            slots=slots,
            admission=admission_for(counts, gateway.max_in_flight, book, slots),
            book=book,
            subjects=Subjects(book),
            client=client,
            control=control,
            journal=Journal(run_dir / "usage", loop),
            refused=RefusedCounts(),
            tracer=Tracer(gateway.otlp_share if gateway.otlp_endpoint else None),
            tracker=Tracker(),
        )
        self._feed = Feed(
            self._context.directory,
            control,
            run_dir / "gateway-snapshot.json",
            stale_seconds=gateway.stale_seconds,
            is_writer=config.index == 0,
        )
        self._sender = UsageSender(self._context.journal, self._context.refused, control)
        self._traces = _trace_sender(self._context, config.index)
        self._teller = _teller_for(self._context, config.index)
        pair = gateway.tls
        self._served = None if pair is None else Served(pair)
        self._server = _server_for(self._context, self._served)
        self._server.servers = []
        self._listener = listener
        self._alive_fd = config.alive_fd

    async def run(self) -> None:
        """Serve until a signal, or until the parent is gone; then drain."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._drain)
        loop.add_reader(self._alive_fd, self._orphaned)
        self._feed.restore()
        tasks = [
            asyncio.create_task(self._feed.run(), name="snapshots"),
            asyncio.create_task(self._sender.run(), name="usage"),
            asyncio.create_task(self._teller.run(), name="requests"),
            asyncio.create_task(self._let_go_ahead(), name="queues"),
            asyncio.create_task(self._expire_connections(), name="connections"),
            asyncio.create_task(self._follow_certificate(), name="certificate"),
        ]
        if self._traces is not None:
            tasks.append(asyncio.create_task(self._traces.run(), name="traces"))
        await self._know_something()
        gc.collect()
        gc.freeze()  # what was built at the start stays: no need to look at it again
        await self._server.serve(sockets=[self._listener])
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._hand_over_usage()
        await self._hand_over_traces()
        self._context.client.close()

    async def _know_something(self) -> None:
        """Wait a moment for the first snapshot: callers would rather wait than be refused."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_FIRST_SNAPSHOT_SECONDS):
                await self._feed.has_snapshot.wait()

    def _drain(self) -> None:
        if self._context.is_draining:
            return
        self._context.is_draining = True
        self._server.should_exit = True
        self._context.slots.close()
        for stream in list(self._context.event_streams):
            stream.cancel()

    def _orphaned(self) -> None:
        asyncio.get_running_loop().remove_reader(self._alive_fd)
        log.error("the gateway's parent process is gone: draining, so that another can start")
        for server in self._server.servers:
            server.close()  # frees the port at once
        self._listener.close()
        self._drain()

    async def _let_go_ahead(self) -> None:
        directory = self._context.directory
        await self._context.slots.run(lambda: directory.models)

    async def _expire_connections(self) -> None:
        patience_seconds = self._context.config.between_chunks_seconds
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            now = time.monotonic()
            for connection in list(self._server.server_state.connections):
                client = cast("ClientConnection", connection)
                client.expire_head(now)
                client.expire_write(now, patience_seconds)

    async def _follow_certificate(self) -> None:
        """Serve a renewed certificate to who comes next; who is connected notices nothing."""
        served = self._served
        while served is not None:
            await asyncio.sleep(_CERTIFICATE_SECONDS)
            if not await asyncio.to_thread(served.is_stale):
                continue
            try:
                await asyncio.to_thread(served.renew)
                log.warning("the certificate was renewed: new connections are served the new one")
            except PairRefused as refused:
                log.error("the certificate's files changed, but stay unused: %s", refused)

    async def _hand_over_traces(self) -> None:
        if self._traces is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LAST_SEND_SECONDS):
                    await self._traces.send()

    async def _hand_over_usage(self) -> None:
        """Send the last batch; what can't be sent stays on disk for the next worker."""
        self._context.journal.flush()
        self._context.journal.seal()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LAST_SEND_SECONDS):
                await self._sender.send()
                await self._teller.tell()


def _teller_for(context: Context, index: int) -> Teller:
    directory = context.directory
    return Teller(
        context.tracker,
        context.control,
        context.address_of,
        lambda: directory.models.keys(),
        logs.write_ended,
        index,
    )


def _trace_sender(context: Context, worker: int) -> TraceSender | None:
    config = context.config
    if not config.otlp_endpoint:
        return None
    ca_file = Path(config.ca_file) if config.ca_file else None
    return TraceSender(context.tracer, config.otlp_endpoint, worker, ca_file)


def _server_for(context: Context, served: Served | None) -> _Server:
    config = uvicorn.Config(
        cast("Any", Application(context)),
        interface="asgi3",
        http=ClientConnection,
        ws="none",
        lifespan="off",
        loop="none",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        backlog=2048,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=max(1, round(context.config.drain_seconds)),
        ssl_context_factory=None if served is None else _handing_out(served),
    )
    return _Server(config)


def _handing_out(served: Served) -> Callable[[uvicorn.Config, object], ssl.SSLContext]:
    """Return what uvicorn asks for the context, instead of making one that can't be renewed."""

    def context(_config: uvicorn.Config, _default: object) -> ssl.SSLContext:
        return served.context

    return context


def main() -> int:
    """Run as `python -m vllm_manager.gateway.worker`, started by `workers`."""
    config = worker_config_from_environment()
    logs.configure(config.gateway)
    tell_uncaught()
    listener = socket.socket(fileno=config.listen_fd)

    async def serve() -> None:
        await Worker(config, listener).run()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        try:
            runner.run(serve())
        except PairRefused as refused:
            log.error("this worker can't serve TLS: %s", refused)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
