"""The log of the gateway's processes."""

import logging
from pathlib import Path

from vllm_manager.gateway.config import GatewayConfig
from vllm_manager.kit import logs


def configure(config: GatewayConfig) -> None:
    """Set logging up for this process. uvicorn's own messages are about single bad requests."""
    folder = Path(config.logs_dir) if config.logs_dir else None
    logs.configure("gateway", config.log_level, config.log_format, folder)
    logging.getLogger("uvicorn").setLevel(logging.CRITICAL)
    logging.getLogger("asyncio").setLevel(logging.ERROR)
