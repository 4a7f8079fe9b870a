"""The facts of a model, wherever it lies: on the hub, in a cache on disk, in a folder, built in."""

import asyncio
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Literal

from vllm_manager.catalog import local, reading
from vllm_manager.catalog.architectures import Architectures
from vllm_manager.catalog.hub import Hub
from vllm_manager.catalog.local import Folder, parse_config
from vllm_manager.catalog.names import check_model_id, check_revision, is_commit
from vllm_manager.catalog.schemas import FileEntry, HubFile, Listing, ModelFacts
from vllm_manager.catalog.shelf import Json, Shelf, key_of
from vllm_manager.catalog.weights import (
    FIRST_READ_BYTES,
    PREFIX_BYTES,
    Weights,
    header_length,
    malformed,
    read_header,
    total,
    weight_files,
    weight_format,
)
from vllm_manager.kit.errors import Problem

DEMO: Final = "demo"
_LARGEST_CONFIG_BYTES: Final = 4 << 20
_MOST_HEADERS: Final = 64
_AT_ONCE: Final = 8
_LICENSE: Final = re.compile(r"^license:\s*[\"']?([\w.+-]+)", re.MULTILINE)
_DTYPE_BYTES: Final = {"F64": 8, "I64": 8, "F32": 4, "I32": 4, "F16": 2, "BF16": 2, "I16": 2}


class FactFinder:
    """Finds facts. `stores` are Hugging Face caches on this machine, the product's own first."""

    def __init__(
        self, hub: Hub, shelf: Shelf, architectures: Architectures, stores: Sequence[Path]
    ) -> None:
        self._hub = hub
        self._shelf = shelf
        self._architectures = architectures
        self._stores = stores

    async def find(self, model: str, revision: str | None, token: str | None) -> ModelFacts:
        """Return the facts of `demo`, of an absolute path, or of a Hub id.

        What is on disk at that revision is not asked for on the hub.

        Raises:
            Problem: there is no such model, its files are unsound, or it can't be read now.
        """
        if model == DEMO:
            return await asyncio.to_thread(self._demo)
        if model.startswith("/"):
            return await asyncio.to_thread(self._named, model)
        check_model_id(model)
        check_revision(revision or "main")
        found = await asyncio.to_thread(self._on_disk, model, revision or "main")
        return found or await self._on_hub(model, revision or "main", token)

    async def list_files(self, repo: str, revision: str, token: str | None) -> Listing:
        """Return every file of the commit that a revision means now."""
        if is_commit(revision):
            commit = revision
        else:
            # Only its commit is wanted: to check ten thousand names here would hold the loop up.
            commit = str((await self._hub.model(repo, revision, token)).get("sha") or "")
        raw = await self._hub.tree(repo, commit, token)
        # Ten thousand files take a tenth of a second to check.
        listed = await asyncio.to_thread(reading.files, raw)
        return Listing(repo=repo, commit=commit, files=listed)

    async def config(
        self, repo: str, commit: str, token: str | None, name: str = "config.json"
    ) -> Json | None:
        """Return a JSON file of a commit; None where there is none."""
        try:
            data = await self._hub.file(repo, commit, name, token, _LARGEST_CONFIG_BYTES)
        except Problem as problem:
            if problem.code == "hub_file_not_found":
                return None
            raise
        return parse_config(data, f"{name} of {repo}")

    def _demo(self) -> ModelFacts:
        folder = self._architectures.demo()
        if folder is None:
            raise Problem(
                "demo_missing",
                "The demo model comes with the engine environment, which is not set up here. Run "
                "`make up`.",
                status=503,
            )
        return self._of_folder(local.plain(folder), "demo")

    def _named(self, model: str) -> ModelFacts:
        return self._of_folder(local.plain(Path(model)), "folder")

    def _on_disk(self, repo: str, revision: str) -> ModelFacts | None:
        for store in self._stores:
            folder = local.snapshot(store, repo, revision)
            if folder is not None and _is_whole(folder):
                return self._of_folder(folder, "cache", revision)
        return None

    def _of_folder(
        self,
        folder: Folder,
        source: Literal["cache", "folder", "demo"],
        revision: str | None = None,
    ) -> ModelFacts:
        listed = local.files(folder)
        config = local.read_json(folder, "config.json")
        return self._facts(
            source=source,
            folder=folder,
            revision=revision,
            files=listed,
            config=config,
            generation_config=local.read_json(folder, "generation_config.json"),
            weights=local.weights(folder, listed),
            license=_license_on_disk(folder),
        )

    async def _on_hub(self, repo: str, revision: str, token: str | None) -> ModelFacts:
        model = reading.read_model(await self._hub.model(repo, revision, token))
        commit, listed = model.sha or revision, reading.files(model.siblings)
        names = {file.path for file in listed}
        config = await self.config(repo, commit, token) if "config.json" in names else None
        generation = None
        if "generation_config.json" in names:
            generation = await self.config(repo, commit, token, "generation_config.json")
        told = model.safetensors.parameters if model.safetensors else None
        weights = await self._headers(repo, commit, token, listed, told)
        return self._facts(
            source="hub",
            folder=Folder(Path(), Path(), repo, commit),
            revision=revision,
            files=list[FileEntry](listed),
            config=config,
            generation_config=generation,
            weights=weights,
            license=reading.license_of(model.tags),
            gated=model.gated,
        )

    async def _headers(
        self,
        repo: str,
        commit: str,
        token: str | None,
        listed: Sequence[HubFile],
        told: dict[str, int] | None,
    ) -> Weights | None:
        """Read the headers of the weight files; of very many, take the hub's own sums."""
        sizes = {file.path: file.size_bytes for file in listed}
        names = weight_files(sizes)
        if not names:
            return None
        if told and len(names) > _MOST_HEADERS and all(name in _DTYPE_BYTES for name in told):
            return Weights(told, sum(_DTYPE_BYTES[name] * told[name] for name in told))
        # A commit never changes, so neither do its headers. Nothing of them needs a token.
        key = key_of("weights", repo, commit)
        kept = await self._shelf.get(key)
        if kept is not None:
            return Weights(kept.body["parameters"], kept.body["size_bytes"])
        gate = asyncio.Semaphore(_AT_ONCE)

        async def one(name: str) -> Weights:
            async with gate:
                return await self._header(repo, commit, name, sizes[name], token)

        found = total(await asyncio.gather(*map(one, names)))
        body = {"parameters": dict(found.parameters), "size_bytes": found.size_bytes}
        self._shelf.put(key, body)
        return found

    async def _header(
        self, repo: str, commit: str, name: str, file_bytes: int, token: str | None
    ) -> Weights:
        if file_bytes < PREFIX_BYTES:
            raise malformed(name, "it has fewer than eight bytes")
        data = await self._hub.part(repo, commit, name, token, 0, FIRST_READ_BYTES)
        length = header_length(data, file_bytes, name)
        missing = PREFIX_BYTES + length - len(data)
        if missing > 0:
            data += await self._hub.part(repo, commit, name, token, len(data), missing)
        header = data[PREFIX_BYTES : PREFIX_BYTES + length]
        if len(header) < length:
            raise malformed(name, "it ends within its header")
        return await asyncio.to_thread(read_header, header, file_bytes, name)

    def _facts(
        self,
        *,
        source: Literal["hub", "cache", "folder", "demo"],
        folder: Folder,
        revision: str | None,
        files: list[FileEntry],
        config: Json | None,
        generation_config: dict[str, Any] | None,
        weights: Weights | None,
        license: str | None,
        gated: object = None,
    ) -> ModelFacts:
        named = reading.architectures_of(config or {})
        return ModelFacts(
            source=source,
            repo=folder.repo,
            revision=revision,
            commit=folder.commit,
            folder=None if source == "hub" else str(folder.path),
            config=config or {},
            generation_config=generation_config,
            parameters=dict(weights.parameters) if weights else None,
            weights_bytes=weights.size_bytes if weights else None,
            weight_format=weight_format([file.path for file in files]),
            files=files,
            architectures=named,
            supported=reading.is_supported(named, self._architectures.known()),
            license=license,
            gate=reading.gate_of(gated),
            has_auto_map=reading.has_auto_map(config or {}),
            context_tokens=reading.context_tokens(config or {}),
        )


def _is_whole(folder: Folder) -> bool:
    """Whether a snapshot has what facts need: a half-written one is asked for on the hub."""
    names = [path.name for path in folder.path.iterdir() if path.exists()]
    return "config.json" in names and bool(weight_files(names))


def _license_on_disk(folder: Folder) -> str | None:
    """Return the licence that the card's head names; None where there is none."""
    try:
        with (folder.path / "README.md").open(encoding="utf-8", errors="replace") as file:
            head = file.read(16 << 10)
    except OSError:
        return None
    match = _LICENSE.search(head.split("\n---", 1)[0]) if head.startswith("---") else None
    return match.group(1) if match else None
