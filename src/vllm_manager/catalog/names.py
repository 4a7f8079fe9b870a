"""Which model ids, revisions and paths are well formed; whatever else climbs, hides or deceives."""

import re
from typing import Final
from urllib.parse import quote

from vllm_manager.kit.errors import FieldError, invalid

_PART = r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9])?"
_ID: Final = re.compile(rf"{_PART}/{_PART}", re.ASCII)
_LEGACY_ID: Final = re.compile(_PART, re.ASCII)
_REVISION: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./-]{0,127}", re.ASCII)
_COMMIT: Final = re.compile(r"[0-9a-f]{40}", re.ASCII)
_LONGEST_PATH: Final = 512


def check_model_id(name: str) -> str:
    """Return `name` where it is a Hub id: `organisation/name`, or a bare name of the early Hub.

    Raises:
        Problem: it is anything else (422, field `model`).
    """
    told = _wrong_id(name)
    if told is not None:
        raise invalid([FieldError(field="model", message=told)])
    return name


def _wrong_id(name: str) -> str | None:
    shown = ascii(name[:80])
    if len(name) > 193:
        return f"{shown}… is longer than any Hugging Face id."
    if not name.isascii():
        return f"{shown} holds letters that a Hugging Face id can't have; some only look alike."
    if not name.isprintable() or "\\" in name:
        return f"{shown} holds control characters or backslashes."
    well_formed = _ID.fullmatch(name) or _LEGACY_ID.fullmatch(name)
    if not well_formed or ".." in name or "--" in name or name.endswith(".git"):
        return f"{shown} is no Hugging Face id, which looks like `organisation/name`."
    return None


def check_revision(revision: str) -> str:
    """Return `revision` where it may be a commit, a tag or a branch.

    Raises:
        Problem: it can't be one (422, field `revision`).
    """
    if not _REVISION.fullmatch(revision) or ".." in revision or "//" in revision:
        message = f"{revision[:80]!a} is neither a commit, nor a tag, nor a branch."
        raise invalid([FieldError(field="revision", message=message, suggestion="main")])
    return revision


def is_commit(revision: str) -> bool:
    """Whether it is a full commit id, which always means the same files."""
    return _COMMIT.fullmatch(revision) is not None


def is_plain_path(path: str) -> bool:
    """Whether a file's name stays inside the folder it is put in, on any system."""
    parts = path.split("/")
    climbs = any(part in ("", ".", "..") for part in parts)
    fits = path.isprintable() and len(path.encode()) <= _LONGEST_PATH
    return fits and not climbs and "\\" not in path and ":" not in parts[0]


def quoted(text: str) -> str:
    """Return a path for an address, its slashes kept."""
    return quote(text, safe="/")
