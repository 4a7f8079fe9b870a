"""What a gateway is told at its start, in a shape that a worker reads without pydantic."""

import os
from pathlib import Path

import msgspec

from vllm_manager.kit.certificates import Pair

MEBIBYTE = 1 << 20

ENVIRONMENT_NAME = "VLLM_MANAGER_GATEWAY_CONFIG"


class GatewayConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Holds paths and limits, and no secret: it travels in the environment of the workers."""

    host: str
    port: int
    control_port: int
    run_dir: str
    token_path: str
    workers: int = 1
    drain_seconds: float = 30
    log_level: str = "info"
    log_format: str = "auto"
    logs_dir: str = ""
    """Folder of the log file; empty: standard error alone."""
    tls_certificate: str = ""
    """Path of the certificate; empty: plain HTTP. With it goes `tls_key`."""
    tls_key: str = ""
    trusted_proxies: tuple[str, ...] = ("127.0.0.1", "::1")
    """Addresses and networks whose word on their clients is believed."""
    max_body_bytes: int = 32 * MEBIBYTE
    max_in_flight: int = 4096
    """Requests to engines under way at the same time, over all workers."""
    connect_seconds: float = 3
    first_byte_seconds: float = 1800
    """A long prompt behind a long queue may take this long before its first byte."""
    between_chunks_seconds: float = 300
    """Longest silence within an answer: of its engine, or of a client that reads none of it."""
    body_seconds: float = 120
    """How long a client may take to send its request."""
    otlp_endpoint: str = ""
    """Where traces are sent; empty: nowhere."""
    otlp_share: float = 1.0
    """Of the requests whose callers did not decide it themselves."""
    ca_file: str = ""
    """Path of authorities that are trusted beside the system's where traces are sent."""
    stale_seconds: float = 15
    """A snapshot stream that is silent for this long (three heartbeats) is given up."""

    @property
    def tls(self) -> Pair | None:
        """The files to serve TLS with."""
        if not self.tls_certificate:
            return None
        return Pair(Path(self.tls_certificate), Path(self.tls_key))


class WorkerConfig(msgspec.Struct, frozen=True, kw_only=True):
    """One worker's share: the inherited descriptors and its place among its siblings."""

    gateway: GatewayConfig
    index: int
    listen_fd: int
    alive_fd: int
    """Read end of a pipe whose write end only the parent has: it closes when the parent is gone."""
    counts_fd: int
    """Memory shared by the workers, see `counts`."""
    nudge_fds: tuple[tuple[int, int], ...] = ()
    """The workers' pipes, see `nudges`; none where there is only one worker."""


def encode(config: GatewayConfig | WorkerConfig) -> str:
    return msgspec.json.encode(config).decode()


def gateway_config_from_environment() -> GatewayConfig:
    return msgspec.json.decode(os.environ[ENVIRONMENT_NAME], type=GatewayConfig)


def worker_config_from_environment() -> WorkerConfig:
    return msgspec.json.decode(os.environ[ENVIRONMENT_NAME], type=WorkerConfig)
