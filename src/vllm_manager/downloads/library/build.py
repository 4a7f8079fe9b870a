"""Puts the library together: the store, the machine's own caches, and where to fetch from."""

import os

from vllm_manager.db import Database
from vllm_manager.downloads.library.adoption import caches
from vllm_manager.downloads.library.service import Library
from vllm_manager.downloads.library.uses import Uses
from vllm_manager.downloads.schemas import DownloadRequest
from vllm_manager.downloads.service import Downloads
from vllm_manager.operations import Operations
from vllm_manager.settings import Settings


def build(
    settings: Settings,
    database: Database,
    operations: Operations,
    downloads: Downloads,
    uses: Uses,
) -> Library:
    """Return the library; nothing is read until somebody asks."""

    async def fetch(repo: str, revision: str) -> object:
        return await downloads.create(DownloadRequest(repo=repo, revision=revision), None)

    store = settings.model_store.resolve()
    return Library(store, caches(os.environ), database, operations, uses, fetch)
