"""Takes a folder in as `local/<name>`: safetensors only, nothing from outside it; blocks."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from vllm_manager.catalog import local
from vllm_manager.catalog.schemas import FileEntry
from vllm_manager.downloads.layout import ModelFolder
from vllm_manager.downloads.library.files import copy, refuse_if_too_large
from vllm_manager.downloads.library.holding import held
from vllm_manager.downloads.library.soundness import check_header, indexed
from vllm_manager.downloads.library.work import Progress
from vllm_manager.downloads.patterns import choose
from vllm_manager.kit.errors import Problem

OWNER: Final = "local"
_DEFAULT_REVISION: Final = "main"


def examine(path: Path) -> Sequence[FileEntry]:
    """Return the files of a folder that make a model, all of them looked at.

    Raises:
        Problem: it is no folder; a link leads out of it; its weights are pickle, missing or
            unsound; it has no configuration.
    """
    if ".." in path.parts:
        raise Problem("unsafe_path", f"{path} may not contain “..”.", status=422)
    try:
        folder = local.plain(path)
        chosen = choose(local.files(folder), None)
        local.read_json(folder, "config.json")
    except (OSError, RuntimeError) as error:
        detail = f"{path} can't be read: {getattr(error, 'strerror', None) or error}."
        raise Problem("model_folder_missing", detail, status=404) from error
    names = {file.path: file for file in chosen}
    if "config.json" not in names:
        detail = f"{path} holds no config.json, so an engine can't know the model's shape."
        raise Problem("no_config", detail, status=422)
    sizes = {file.path: (path / file.path, file.size_bytes) for file in chosen}
    missing = [name for name in indexed(sizes) if name not in names]
    if missing:
        some = ", ".join(missing[:3])
        detail = f"The index of {path} names weight files that are not there: {some}."
        raise Problem("weights_missing", detail, status=422)
    for name in names:
        if name.endswith(".safetensors"):
            check_header(path / name, name)
    return chosen


def take_in(
    path: Path, files: Sequence[FileEntry], store: Path, repo: str, progress: Progress
) -> str:
    """Copy a folder's files into the store under a commit made of their contents.

    The same contents always have the same commit, so a second import changes nothing.

    Raises:
        Problem: the disk is too small, or something else works in the folder.
        OSError: the disk refused, or a file was replaced by a link meanwhile.
    """
    folder = ModelFolder(store, repo)
    progress.bytes_total = sum(file.size_bytes for file in files)
    refuse_if_too_large(store, progress.bytes_total)
    inside = local.plain(path)
    with held(store, repo) as claim:
        folder.prepare()
        names: list[tuple[str, str]] = []
        try:
            for file in files:
                progress.message = f"Copying {file.path}"
                claim.touch()
                digest, _ = copy(_inside(inside, file.path), folder.blobs, progress.advance)
                names.append((file.path, digest))
            commit = commit_of(names)
            folder.publish(commit, _DEFAULT_REVISION, names)
        except BaseException:
            folder.sweep([digest for _, digest in names])
            raise
    return f"{repo} is {commit[:12]}: {len(names)} files."


def commit_of(names: Sequence[tuple[str, str]]) -> str:
    """Return the commit of a set of files: 40 digits of the sha256 over their names and sums."""
    text = "".join(f"{path}\0{digest}\n" for path, digest in sorted(names))
    return hashlib.sha256(text.encode()).hexdigest()[:40]


def _inside(folder: local.Folder, name: str) -> Path:
    """Return where a file's bytes are, links within the folder followed.

    Raises:
        Problem: it leads out of the folder, though it did not when the folder was examined.
    """
    place = (folder.path / name).resolve(strict=True)
    if not place.is_relative_to(folder.root) or not place.is_file():
        raise Problem(
            "link_outside",
            f"{name} was replaced by a link that leads out of the folder. Nothing was taken in.",
            status=422,
        )
    return place
