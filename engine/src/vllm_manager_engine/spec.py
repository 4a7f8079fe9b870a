"""What one replica was asked to be: the arguments of its Serve application, and who it is."""

import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from vllm_manager_engine.gpus import Gpu

_LOOPBACK = ("localhost", "::1")


@dataclass(frozen=True, slots=True)
class ReplicaSpec:
    """See `docs/reference/protocols.md`, “The Serve application”."""

    deployment: str
    uid: str
    generation: int
    model: str
    attempt: int = 1
    revision: str | None = None
    engine: str = "vllm"
    arguments: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    secret_names: tuple[str, ...] = ()
    """Variables of `environment` whose values are kept sealed: nobody is to read them."""
    cpus: float = 1.0
    gpus: float = 0
    tensor_parallel_size: int = 1
    pipeline_parallel_size: int = 1
    report_url: str | None = None
    start_deadline_seconds: float = 1800
    idle_deadline_seconds: float = 600
    drain_seconds: float = 30
    warm: bool = False
    otlp_endpoint: str | None = None
    """Base address of an OTLP/HTTP receiver for the engine's spans; None: it makes none."""
    trusted_code: bool = False
    """The model's own code may run: an administrator allowed it for this commit."""

    @classmethod
    def from_args(cls, args: Mapping[str, Any]) -> "ReplicaSpec":
        """Read an application's `args`. Unknown members are ignored: a newer control plane may
        send more.
        """
        known = {k: v for k, v in args.items() if k in cls.__slots__ and v is not None}
        known["arguments"] = tuple(str(a) for a in known.get("arguments", ()))
        known["secret_names"] = tuple(str(n) for n in known.get("secret_names", ()))
        known["environment"] = {str(k): str(v) for k, v in known.get("environment", {}).items()}
        return cls(**known)

    @property
    def sealed(self) -> tuple[str, ...]:
        """The values that are kept sealed."""
        return tuple(self.environment[n] for n in self.secret_names if n in self.environment)

    @property
    def world_size(self) -> int:
        """How many worker processes the engine has."""
        return self.tensor_parallel_size * self.pipeline_parallel_size


@dataclass(frozen=True, slots=True)
class Node:
    """Where a replica runs: the machine as Ray names it, and what of its GPUs Ray gave to it."""

    id: str
    ip: str
    hostname: str
    gpus: tuple[Gpu, ...] = ()

    @classmethod
    def this(cls) -> "Node":
        """This machine, where no Ray is asked."""
        return cls("", "127.0.0.1", socket.gethostname())


@dataclass(frozen=True, slots=True)
class Identity:
    """Who reports: one `incarnation` per supervisor, one secret per engine."""

    replica_id: str
    node: Node = field(default_factory=Node.this)
    incarnation: str = field(default_factory=lambda: secrets.token_hex(16))
    secret: str = field(default_factory=lambda: secrets.token_urlsafe(32))


def listen_host(spec: ReplicaSpec, node: Node) -> str:
    """Return the address for the engine: loopback wherever the gateway is on the same machine.

    Where reports go to loopback, the control plane and the gateway are here too.
    """
    host = urlsplit(spec.report_url or "http://127.0.0.1").hostname or ""
    return "127.0.0.1" if host.startswith("127.") or host in _LOOPBACK else node.ip
