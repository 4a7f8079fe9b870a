"""Models on this machine's disk: a folder, the demo, or a snapshot in a Hugging Face cache.

Everything here blocks on the disk: call it in a thread.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import orjson

from vllm_manager.catalog.schemas import FileEntry
from vllm_manager.catalog.weights import (
    PREFIX_BYTES,
    Weights,
    header_length,
    malformed,
    read_header,
    total,
    weight_files,
)
from vllm_manager.kit.errors import Problem, Remedy

_LARGEST_JSON_BYTES: Final = 16 << 20
_MOST_FILES: Final = 100_000
_COMMIT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Folder:
    """A model's folder. Links may lead to `root` or below it, nowhere else."""

    path: Path
    root: Path
    repo: str | None = None
    commit: str | None = None


def snapshot(store: Path, repo: str, revision: str) -> Folder | None:
    """Return the snapshot of a revision in a Hugging Face cache; None where there is none."""
    home = store / f"models--{repo.replace('/', '--')}"
    try:
        commit = (home / "refs" / revision).read_text().strip()
    except (OSError, UnicodeDecodeError):
        commit = revision
    path = home / "snapshots" / commit
    if not _COMMIT.fullmatch(commit) or not path.is_dir():
        return None
    return Folder(path, home.resolve(), repo, commit)


def plain(path: Path) -> Folder:
    """Return a folder that a person named.

    Raises:
        Problem: there is none.
    """
    if not path.is_dir():
        raise Problem("model_folder_missing", f"There is no folder {path} here.", status=404)
    real = path.resolve()
    # A snapshot of a cache links to the blobs beside it.
    root = real.parent.parent if real.parent.name == "snapshots" else real
    return Folder(path, root)


def files(folder: Folder) -> list[FileEntry]:
    """Return every file of a model's folder, with sizes; sums are not worked out.

    Raises:
        Problem: a link leads out of the folder or nowhere.
    """
    for path in (found := list(_walk(folder.path))):
        _check_link(folder, path)
    entries = [_entry(folder, path) for path in found if path.is_file()]
    return sorted(entries, key=lambda file: file.path)


def read_json(folder: Folder, name: str) -> dict[str, Any] | None:
    """Return a JSON file's object; None where there is no such file.

    Raises:
        Problem: it is there and is no JSON object.
    """
    path = folder.path / name
    if not path.is_file():
        return None
    _check_link(folder, path)
    with path.open("rb") as file:
        return parse_config(file.read(_LARGEST_JSON_BYTES), str(path))


def parse_config(data: bytes, name: str) -> dict[str, Any]:
    """Return the JSON object that a file holds.

    Raises:
        Problem: it holds none (`config_malformed`).
    """
    try:
        found: object = orjson.loads(data)
    except ValueError as error:
        raise _no_json(name, str(error)) from error
    if not isinstance(found, dict):
        raise _no_json(name, "it is no object")
    return cast("dict[str, Any]", found)


def weights(folder: Folder, listed: list[FileEntry]) -> Weights | None:
    """Return what the safetensors headers tell; None where there are no safetensors.

    Raises:
        Problem: a file is no sound safetensors file.
    """
    names = weight_files(file.path for file in listed)
    return total(_weights(folder.path / name) for name in names) if names else None


def _weights(path: Path) -> Weights:
    size = path.stat().st_size
    with path.open("rb") as file:
        length = header_length(file.read(PREFIX_BYTES), size, path.name)
        data = file.read(length)
    if len(data) < length:
        raise malformed(path.name, "it ends within its header")
    return read_header(data, size, path.name)


def _walk(path: Path) -> Iterator[Path]:
    """Give the files below a folder; folders that are links are not entered."""
    count = 0
    for folder, folders, names in os.walk(path):
        folders[:] = [name for name in folders if not name.startswith(".")]
        # A link to a folder is listed as what it is: a link, to be checked.
        yield from (Path(folder, name) for name in folders if Path(folder, name).is_symlink())
        for name in names:
            count += 1
            if count > _MOST_FILES:
                raise Problem(
                    "model_folder_too_large",
                    f"{path} holds more than {_MOST_FILES:,} files, so it is no model's folder.",
                    status=422,
                )
            yield Path(folder, name)


def _entry(folder: Folder, path: Path) -> FileEntry:
    name = path.relative_to(folder.path).as_posix()
    return FileEntry(path=name, size_bytes=path.stat().st_size, sha256=None)


def _check_link(folder: Folder, path: Path) -> None:
    try:
        target = path.resolve(strict=True)
    except (OSError, RuntimeError) as error:
        raise _bad_link(path, "leads nowhere") from error
    if not target.is_relative_to(folder.root):
        raise _bad_link(path, f"leads out of the folder, to {target}")


def _bad_link(path: Path, why: str) -> Problem:
    return Problem(
        "link_outside",
        f"{path} is a link that {why}. A model's files must lie in its own folder; nothing was "
        "read.",
        status=422,
        remediation=[Remedy(label="Put the file itself in the link's place, or remove the link.")],
    )


def _no_json(name: str, why: str) -> Problem:
    return Problem(
        "config_malformed",
        f"{name} can't be read: {why[:200]}. It is damaged or was cut off.",
        status=422,
        remediation=[Remedy(label="Fetch the model again.")],
    )
