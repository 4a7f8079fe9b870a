"""The way in from the command line: becomes the gateway's light parent process."""

import os
import sys
from typing import TYPE_CHECKING

from vllm_manager.gateway.config import ENVIRONMENT_NAME, GatewayConfig, encode

if TYPE_CHECKING:
    from vllm_manager.settings import Settings


def gateway_config(settings: "Settings") -> GatewayConfig:
    """Return what the gateway needs to know of the product's settings."""
    return GatewayConfig(
        host=settings.host,
        port=settings.port,
        control_port=settings.control_port,
        run_dir=str(settings.run_dir),
        token_path=str(settings.secrets_dir / "internal_token"),
        workers=settings.gateway_workers,
        drain_seconds=settings.drain_seconds,
        log_level=settings.log_level,
        log_format=settings.log_format,
        logs_dir=str(settings.logs_dir.resolve()),
        tls_certificate=str(settings.tls_certificate or ""),
        tls_key=str(settings.tls_key or ""),
        otlp_endpoint=settings.otlp_endpoint or "",
        otlp_share=settings.otlp_share,
        ca_file=str(settings.ca_file.resolve()) if settings.ca_file else "",
        trusted_proxies=tuple(p for p in settings.trusted_proxies.split(",") if p.strip()),
    )


def serve(settings: "Settings") -> int:
    """Run the gateway in this process until it is told to stop.

    The process is replaced by the parent of the workers (same pid, a third of the memory), so
    this does not come back: the exit status is 0 after a drain and 1 where the port is taken.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    environment = {**os.environ, ENVIRONMENT_NAME: encode(gateway_config(settings))}
    command = [sys.executable, "-m", "vllm_manager.gateway.workers"]
    os.execve(sys.executable, command, environment)
    return 1
