"""Puts the library together: the store, the machine's own caches, and where to fetch from."""

import os

from vllm_manager.db import Database, Lease
from vllm_manager.downloads.library.adoption import caches
from vllm_manager.downloads.library.service import Library
from vllm_manager.downloads.library.uses import Uses
from vllm_manager.downloads.library.work import Work
from vllm_manager.downloads.schemas import DownloadRequest
from vllm_manager.downloads.service import Downloads
from vllm_manager.kit.clock import Clock
from vllm_manager.kit.process import own_identity
from vllm_manager.operations import Operations
from vllm_manager.settings import Settings


def build(
    settings: Settings,
    database: Database,
    operations: Operations,
    downloads: Downloads,
    uses: Uses,
    clock: Clock,
) -> Library:
    """Return the library; nothing is read until somebody asks."""

    async def fetch(repo: str, revision: str) -> object:
        return await downloads.create(DownloadRequest(repo=repo, revision=revision), None)

    store = settings.model_store.resolve()
    me, seconds = own_identity(), settings.lease_seconds

    def lease_of(name: str) -> Lease:
        return Lease(database, name, me, seconds, clock)

    work = Work(database, operations, lease_of)
    return Library(store, caches(os.environ), work, uses, fetch, seconds / 3)
