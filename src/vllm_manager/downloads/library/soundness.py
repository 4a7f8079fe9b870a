"""Whether a snapshot's files are a whole model: configuration, every weight file, sound headers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any, Literal, cast

import orjson

from vllm_manager.catalog.weights import (
    INDEX,
    PREFIX_BYTES,
    header_length,
    malformed,
    read_header,
    weight_files,
)
from vllm_manager.downloads.patterns import PICKLE_SUFFIXES, pickle_refused
from vllm_manager.kit.errors import Problem

Sizes = Mapping[str, tuple[Path, int]]
"""By name in the model: where the bytes are, and how many."""

_SHOWN = 3
_LARGEST_INDEX_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether it is whole, and what it lacks."""

    state: Literal["complete", "partial", "broken"]
    reasons: Sequence[str] = ()


def judge(files: Sizes) -> Verdict:
    """Say whether the files are a whole model; damage weighs more than what is missing."""
    weights = weight_files(files)
    broken = [fault for name in weights if (fault := _fault(*files[name], name))]
    if broken:
        return Verdict("broken", broken)
    missing: list[str] = []
    if "config.json" not in files:
        missing.append("config.json is missing")
    try:
        absent = [name for name in indexed(files) if name not in files]
    except Problem as problem:
        return Verdict("broken", [problem.details.detail])
    if absent:
        some = ", ".join(absent[:_SHOWN]) + (" …" if len(absent) > _SHOWN else "")
        missing.append(f"{len(absent)} of its weight files are missing: {some}")
    elif not weights:
        missing.append(_without_weights(files))
    return Verdict("partial", missing) if missing else Verdict("complete")


def indexed(files: Sizes) -> Sequence[str]:
    """Return the weight files that the model's index names; none where there is no index.

    Raises:
        Problem: the index can't be read, or names a pickle file or one outside the model.
    """
    if INDEX not in files:
        return ()
    place, size = files[INDEX]
    try:
        found: Any = orjson.loads(place.read_bytes()) if size <= _LARGEST_INDEX_BYTES else None
        names = sorted({str(name) for name in cast(dict[str, Any], found["weight_map"]).values()})
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        detail = f"{INDEX} can't be read: {error}. It is damaged or was cut off."
        raise Problem("index_malformed", detail, status=422) from error
    for name in names:
        if PurePosixPath(name).suffix.lower() in PICKLE_SUFFIXES:
            raise pickle_refused(name, INDEX)
        if "/" in name or name in ("", ".", ".."):
            detail = f"{INDEX} names {name[:100]!r}, which is no file of the model."
            raise Problem("index_malformed", detail, status=422)
    return names


def check_header(place: Path, name: str) -> None:
    """Look at a safetensors file's header.

    Raises:
        Problem: it is no sound safetensors file.
    """
    size = place.stat().st_size
    with place.open("rb") as file:
        length = header_length(file.read(PREFIX_BYTES), size, name)
        data = file.read(length)
    read = read_header(data, size, name)
    if read.size_bytes != size - PREFIX_BYTES - length:
        raise malformed(name, "it holds more or fewer bytes than its tensors")


def _fault(place: Path, size: int, name: str) -> str | None:
    try:
        return _known_fault(place, size, place.stat().st_mtime_ns, name)
    except OSError as error:
        return f"{name} can't be read: {error.strerror}"


@lru_cache(maxsize=4096)
def _known_fault(place: Path, size: int, modified: int, name: str) -> str | None:
    """Return what is wrong with a file; asked again only when it has changed."""
    try:
        check_header(place, name)
    except Problem as problem:
        return problem.details.detail
    return None


def _without_weights(files: Sizes) -> str:
    if any(PurePosixPath(name).suffix.lower() in PICKLE_SUFFIXES for name in files):
        return "Its weights are pickle files only, which can run code and are never loaded"
    return "It holds no .safetensors weights"
