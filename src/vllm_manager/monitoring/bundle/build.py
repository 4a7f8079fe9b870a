"""Writes a bundle from what lies on disk and what a server says of itself."""

import json
import platform
import sys
import tarfile
from collections.abc import Collection, Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Final

import vllm_manager
from vllm_manager.kit.private_files import replaced
from vllm_manager.monitoring.bundle import disk
from vllm_manager.monitoring.bundle.archive import ROOT, Archive, Part
from vllm_manager.settings import Settings

LIVE_FOLDER: Final = "live"
"""The parts that only a running server can tell."""


def build(
    file: Path, settings: Settings, live: Iterable[Part], secrets: Collection[str] = ()
) -> None:
    """Write the bundle to `file`, readable by its owner alone. Blocks: call it in a thread.

    `secrets` are those that do not lie in this installation's folder as they are.
    """
    parts = (Part("version.txt", _version()), *live)
    _write(file, chain(parts, disk.parts(settings)), {*disk.secrets_of(settings), *secrets})


def extend(file: Path, told: Path, settings: Settings, more: Iterable[Part]) -> None:
    """Write to `file` what a server told in a bundle of its own, and `more`."""
    _write(file, chain(_parts_of(told), more), disk.secrets_of(settings))


def _write(file: Path, parts: Iterable[Part], secrets: Collection[str]) -> None:
    with replaced(file) as beside, Archive(beside, secrets) as archive:
        for part in parts:
            archive.add(part)


def _parts_of(file: Path) -> Iterator[Part]:
    """Yield the parts of a bundle as its manifest lists them, with what it says of each."""
    with tarfile.open(file) as tar:
        names = frozenset(tar.getnames())
        for listed in json.loads(_text_in(tar, "manifest.json"))["parts"]:
            name = str(listed["name"])
            text = _text_in(tar, name) if f"{ROOT}/{name}" in names else None
            yield Part(name, text, listed["left_out"])


def _text_in(tar: tarfile.TarFile, name: str) -> str:
    content = tar.extractfile(f"{ROOT}/{name}")
    return content.read().decode(errors="replace") if content else ""


def _version() -> str:
    return f"vLLM Manager {vllm_manager.__version__}\nPython {sys.version}\n{platform.platform()}\n"
