"""The library with a real database, a store and a cache below a folder, and made-up models."""

import asyncio
import json
import os
import struct
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from support.application import database_in
from vllm_manager.db import Database, Lease
from vllm_manager.downloads.layout import ModelFolder
from vllm_manager.downloads.library import Library, Use
from vllm_manager.downloads.library.schemas import LibraryModel
from vllm_manager.downloads.library.work import Work
from vllm_manager.kit.clock import Clock, SystemClock
from vllm_manager.kit.process import ProcessIdentity, own_identity
from vllm_manager.kit.topics import Hub
from vllm_manager.operations import Operation, Operations

LLAMA = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 1024}
Files = dict[str, bytes]


def safetensors(elements: int = 512, name: str = "w", fill: bytes = b"\1") -> bytes:
    """Return a sound file with one tensor of so many 16-bit numbers."""
    told = {"dtype": "BF16", "shape": [elements], "data_offsets": [0, 2 * elements]}
    header = json.dumps({name: told}).encode()
    return struct.pack("<Q", len(header)) + header + fill * (2 * elements)


def a_model(fill: bytes = b"\1") -> Files:
    """Return the files of a whole model with two weight files and an index."""
    names = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    index = {"weight_map": {"a": names[0], "b": names[1]}}
    return {
        "config.json": json.dumps(LLAMA).encode(),
        "tokenizer.json": b"{}",
        "model.safetensors.index.json": json.dumps(index).encode(),
        names[0]: safetensors(name="a", fill=fill),
        names[1]: safetensors(name="b", fill=fill),
    }


def write(folder: Path, files: Files) -> Path:
    """Write plain files."""
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def put(
    store: Path, repo: str, files: Files, commit: str = "a" * 40, ref: str | None = "main"
) -> Path:
    """Put a model into a cache as a download does; return its snapshot."""
    folder = ModelFolder(store, repo)
    folder.prepare()
    names: list[tuple[str, str]] = []
    for path, data in files.items():
        blob = sha256(data).hexdigest()
        folder.blob(blob).write_bytes(data)
        names.append((path, blob))
    return folder.publish(commit, ref or commit, names)


@dataclass
class Room:
    """What a test of the library has at hand."""

    home: Path
    database: Database
    library: Library
    operations: Operations
    uses: list[Use]
    fetched: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])

    @property
    def store(self) -> Path:
        return self.home / "store"

    @property
    def cache(self) -> Path:
        return self.home / "cache"

    async def listed(self) -> Sequence[LibraryModel]:
        return (await self.library.list(100)).items

    async def only(self) -> LibraryModel:
        (model,) = await self.listed()
        return model

    async def ended(self, operation: Operation, within_seconds: float = 60) -> Operation:
        """Return an operation once it has ended."""
        async with asyncio.timeout(within_seconds):
            while (now := await self.operations.get(operation.id)).finished_at is None:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        return now


def work_in(
    database: Database,
    operations: Operations,
    identity: ProcessIdentity | None = None,
    clock: Clock | None = None,
) -> Work:
    """Return the work of one control plane; an identity makes it another process's."""

    def lease_of(name: str) -> Lease:
        return Lease(database, name, identity or own_identity(), 10, clock or SystemClock())

    return Work(database, operations, lease_of)


@asynccontextmanager
async def room_in(home: Path, sources: Sequence[Path] = ()) -> AsyncGenerator[Room]:
    """Yield a library whose store and caches are below `home`."""
    async with database_in(home) as database:
        operations = Operations(database, Hub("epoch"), SystemClock())
        uses: list[Use] = []
        fetched: list[tuple[str, str]] = []

        async def users() -> Sequence[Use]:
            return uses

        async def fetch(repo: str, revision: str) -> object:
            fetched.append((repo, revision))
            return None

        caches = [*sources, home / "cache"]
        work = work_in(database, operations)
        library = Library(home / "store", caches, work, users, fetch, tend_seconds=3)
        await library.start()
        yield Room(home, database, library, operations, uses, fetched)
        await library.stop()


def damage(path: Path) -> None:
    """Flip one byte of a file in its middle; the size stays."""
    real = path.resolve()
    at = real.stat().st_size // 2
    with real.open("r+b") as file:
        byte = os.pread(file.fileno(), 1, at)
        os.pwrite(file.fileno(), bytes([byte[0] ^ 1]), at)


def json_bytes(value: Any) -> bytes:
    return json.dumps(value).encode()
