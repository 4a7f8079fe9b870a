"""Writes a bundle from what lies on disk and what a server says of itself."""

import platform
import sys
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import vllm_manager
from vllm_manager.monitoring.bundle import disk
from vllm_manager.monitoring.bundle.archive import ROOT, Archive, Part
from vllm_manager.settings import Settings

LIVE_FOLDER: Final = "live"
"""The parts that only a running server can tell."""


def build(file: Path, settings: Settings, live: Iterable[Part]) -> None:
    """Write the bundle to `file`, readable by its owner alone. Blocks: call it in a thread."""
    file.touch(mode=0o600)
    with Archive(file, disk.secrets_of(settings)) as archive:
        archive.add(Part("version.txt", _version()))
        for part in live:
            archive.add(part)
        for part in disk.parts(settings):
            archive.add(part)


def live_parts(file: Path) -> Iterator[Part]:
    """Yield what a server told in a bundle of its own."""
    under = f"{ROOT}/{LIVE_FOLDER}/"
    with tarfile.open(file) as tar:
        for member in tar:
            content = tar.extractfile(member) if member.name.startswith(under) else None
            if content is not None:
                name = member.name.removeprefix(f"{ROOT}/")
                yield Part(name, content.read().decode(errors="replace"))


def _version() -> str:
    return f"vLLM Manager {vllm_manager.__version__}\nPython {sys.version}\n{platform.platform()}\n"
