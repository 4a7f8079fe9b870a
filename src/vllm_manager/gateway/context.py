"""What every request handler of a worker shares."""

import asyncio
import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from vllm_manager.gateway.admission import Admission
from vllm_manager.gateway.asgi import Scope
from vllm_manager.gateway.config import GatewayConfig
from vllm_manager.gateway.control import ControlPlane
from vllm_manager.gateway.counts import Counts
from vllm_manager.gateway.directory import Directory
from vllm_manager.gateway.journal import Journal
from vllm_manager.gateway.limits import Book
from vllm_manager.gateway.queueing import Slots
from vllm_manager.gateway.refused_counts import RefusedCounts
from vllm_manager.gateway.requests.tracking import Peer, Tracker
from vllm_manager.gateway.subjects import Subjects
from vllm_manager.gateway.traces import Tracer
from vllm_manager.gateway.upstream import UpstreamClient
from vllm_manager.kit.addresses import Network, client_address, networks

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:-]{1,128}")


@dataclass(slots=True)
class Context:
    """One worker's parts, put together in `worker`."""

    config: GatewayConfig
    directory: Directory
    counts: Counts
    slots: Slots
    admission: Admission
    book: Book
    subjects: Subjects
    client: UpstreamClient
    control: ControlPlane
    journal: Journal
    refused: RefusedCounts
    tracer: Tracer
    tracker: Tracker
    proxies: tuple[Network, ...] = field(init=False)
    """The proxies of the configuration, ready to be compared with."""
    is_draining: bool = False
    event_streams: set[asyncio.Task[object]] = field(default_factory=set["asyncio.Task[object]"])
    """Relayed streams without an end of their own: a drain ends them at once."""

    def __post_init__(self) -> None:
        self.proxies = networks(self.config.trusted_proxies)

    def address(self, scope: Scope, headers: Mapping[bytes, bytes]) -> str:
        """Return the address of the client; empty where it is not known."""
        return self.address_of(scope["client"], headers.get(b"x-forwarded-for"))

    def address_of(self, peer: Peer, forwarded: bytes | None) -> str:
        """Return the address of who sent `forwarded` (`X-Forwarded-For`) through `peer`."""
        host = peer[0] if peer else ""
        if forwarded is None:
            return host
        return client_address(host, forwarded.decode("latin-1"), self.proxies)


def request_id(headers: Mapping[bytes, bytes]) -> bytes:
    """Return the client's own id for the request where it is a plain one, else a new one."""
    sent = headers.get(b"x-request-id")
    if sent is not None and _REQUEST_ID.fullmatch(sent):
        return sent
    return b"req_%024x" % random.getrandbits(96)
