"""Where a model comes from, and whether it may be loaded: safetensors only."""

import re
from pathlib import Path
from typing import Final

from vllm_manager.kit.errors import FieldError

DEMO: Final = "demo"
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}", re.ASCII)
_REVISION = re.compile(r"[A-Za-z0-9_][\w./-]{0,127}", re.ASCII)
_WRONG_REVISION: Final = FieldError(
    field="revision", message="A revision is a commit, a tag or a branch."
)
_PICKLE = {".bin", ".pt", ".pth", ".pkl", ".ckpt"}


def check_model(model: str, revision: str | None, *, local: bool) -> list[FieldError]:
    """Return what is wrong with a model reference; empty if nothing is.

    `local` says that engines run on this machine, so that a folder can be looked into; elsewhere
    each replica looks for itself.
    """
    errors = [] if model == DEMO else _check_reference(model, local)
    return errors if revision is None or _is_revision(revision) else [*errors, _WRONG_REVISION]


def _check_reference(model: str, local: bool) -> list[FieldError]:
    if not model.isprintable() or "\\" in model:
        return [_wrong("A model reference holds no control characters or backslashes.")]
    if model.startswith("/"):
        return _check_folder(Path(model)) if local else []
    if not _HUB_ID.fullmatch(model) or ".." in model or "--" in model:
        return [
            _wrong(
                f"“{model}” is neither `demo`, nor an absolute path, nor a Hugging Face id "
                "such as `organisation/name`."
            )
        ]
    return []


def _is_revision(revision: str) -> bool:
    """A branch or tag may contain slashes, but begins with no hyphen and climbs nowhere."""
    return _REVISION.fullmatch(revision) is not None and ".." not in revision


def _check_folder(folder: Path) -> list[FieldError]:
    if ".." in folder.parts:
        return [_wrong("The path may not contain “..”.")]
    try:
        if not folder.is_dir():
            return [_wrong(f"There is no folder {folder} on this machine.")]
        names = [entry.name for entry in folder.iterdir()]
    except OSError as error:
        return [_wrong(f"{folder} can't be read: {error.strerror}.")]
    if not any(name.endswith(".safetensors") for name in names):
        pickled = any(Path(name).suffix in _PICKLE for name in names)
        hint = " Its weights are pickle files, which can run code; convert them." if pickled else ""
        return [_wrong(f"{folder} holds no .safetensors file.{hint}")]
    if "config.json" not in names:
        return [_wrong(f"{folder} holds no config.json, so the engine can't know its shape.")]
    return _check_links(folder, names)


def check_adapter_folder(path: str) -> str | None:
    """Return what is wrong with an adapter's folder on this machine; None if nothing is."""
    folder = Path(path)
    if ".." in folder.parts or not path.isprintable():
        return "The path may not contain “..” or control characters."
    try:
        names = [entry.name for entry in folder.iterdir()]
    except OSError as error:
        return f"{folder} can't be read: {error.strerror}."
    if "adapter_config.json" not in names:
        return f"{folder} holds no adapter_config.json, so it is no adapter."
    if not any(name.endswith(".safetensors") for name in names):
        return f"{folder} holds no .safetensors file; pickle files can run code and are refused."
    links = _check_links(folder, names)
    return links[0].message if links else None


def _check_links(folder: Path, names: list[str]) -> list[FieldError]:
    """Refuse links that lead out of the folder, but for the blobs of a Hugging Face cache."""
    root = folder.resolve()
    allowed = [root]
    if root.parent.name == "snapshots":
        allowed.append(root.parent.parent / "blobs")
    for name in names:
        try:
            target = (folder / name).resolve()
        except (OSError, RuntimeError):  # RuntimeError: links in a circle
            return [_wrong(f"{name} is a link that leads nowhere.")]
        if not any(target.is_relative_to(place) for place in allowed):
            return [_wrong(f"{name} is a link that leads out of the folder, to {target}.")]
    return []


def _wrong(message: str) -> FieldError:
    return FieldError(field="model", message=message)
