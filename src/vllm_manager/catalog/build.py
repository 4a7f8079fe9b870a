"""Puts the catalog together from settings and what lies below."""

import os
from pathlib import Path

from vllm_manager.catalog import outbound
from vllm_manager.catalog.architectures import Architectures
from vllm_manager.catalog.facts import FactFinder
from vllm_manager.catalog.hub import Hub
from vllm_manager.catalog.service import Catalog
from vllm_manager.catalog.shelf import Shelf
from vllm_manager.catalog.tokens import Tokens
from vllm_manager.db import Database
from vllm_manager.kit.clock import Clock
from vllm_manager.kit.proxies import HttpProxy
from vllm_manager.kit.vault import Vault
from vllm_manager.settings import Settings


def build(settings: Settings, database: Database, clock: Clock) -> Catalog:
    """Return the catalog; whoever gets it closes it."""
    named = settings.hub_proxy
    http = outbound.client(
        settings.hub_url,
        settings.trusted_hub_hosts,
        proxy=HttpProxy.of(named.get_secret_value()) if named is not None else None,
        proxied=settings.proxied_hub_hosts,
    )
    hub = Hub(settings.hub_url, http, clock)
    shelf = Shelf(database, clock)
    architectures = Architectures(settings.engine_arguments_file)
    tokens = Tokens(database, Vault(settings.secrets_dir / "vault_key"), hub, clock)
    stores = (settings.model_store, _machine_cache())
    finder = FactFinder(hub, shelf, architectures, stores)
    return Catalog(hub, tokens, shelf, finder, architectures, clock)


def _machine_cache() -> Path:
    """Return where Hugging Face's own tools keep models on this machine."""
    own = os.environ.get("HF_HUB_CACHE")
    home = os.environ.get("HF_HOME")
    return Path(own) if own else Path(home or "~/.cache/huggingface").expanduser() / "hub"
