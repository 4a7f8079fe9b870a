"""What safetensors headers tell: how many parameters of which dtype, and how many bytes. Pure.

The format: eight bytes with the header's length (little-endian), the header as JSON, the tensors.
Source: https://github.com/huggingface/safetensors#format
"""

import math
import struct
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import Any, Final, cast

import orjson

from vllm_manager.catalog.schemas import WeightFormat
from vllm_manager.kit.errors import Cause, Problem, Remedy

PREFIX_BYTES: Final = 8
FIRST_READ_BYTES: Final = 64 << 10
LARGEST_HEADER_BYTES: Final = 32 << 20
"""The format allows 100 MB; a header of 32 MiB would name some 250,000 tensors in one file."""
INDEX: Final = "model.safetensors.index.json"
_CONSOLIDATED: Final = "consolidated*.safetensors"
_PICKLE: Final = frozenset({".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt"})


@dataclass(frozen=True, slots=True)
class Weights:
    """Parameters by dtype, and the bytes of all tensors."""

    parameters: Mapping[str, int]
    size_bytes: int


def header_length(prefix: bytes, file_bytes: int, name: str) -> int:
    """Return the length of the header in bytes, from a file's first eight bytes.

    Raises:
        Problem: the file is no safetensors file, or its header is larger than is read.
    """
    if len(prefix) < PREFIX_BYTES:
        raise malformed(name, "it has fewer than eight bytes")
    (length,) = struct.unpack("<Q", prefix[:PREFIX_BYTES])
    if length > file_bytes - PREFIX_BYTES:
        raise malformed(name, f"its header claims {length} bytes, the file has {file_bytes}")
    if length > LARGEST_HEADER_BYTES:
        raise Problem(
            "safetensors_header_too_large",
            f"The header of {name} claims {length:,} bytes; no more than "
            f"{LARGEST_HEADER_BYTES:,} are read, which no known model comes near.",
            status=422,
            remediation=[_ANOTHER],
        )
    return length


def read_header(data: bytes, file_bytes: int, name: str) -> Weights:
    """Return what a header tells; `data` is the header without its length.

    Raises:
        Problem: it is no safetensors header, or names tensors that the file can't hold.
    """
    try:
        header: object = orjson.loads(data)
    except ValueError as error:
        raise malformed(name, "its header is no JSON") from error
    if not isinstance(header, dict):
        raise malformed(name, "its header is no JSON object")
    room = file_bytes - PREFIX_BYTES - len(data)
    counts: Counter[str] = Counter()
    size = 0
    for tensor, told in cast("dict[str, Any]", header).items():
        if tensor == "__metadata__":
            continue
        dtype, count, held = _tensor(tensor, told, room, name)
        counts[dtype] += count
        size += held
    if size > room:
        raise malformed(name, f"its tensors overlap: they claim {size} bytes, there are {room}")
    return Weights(dict(counts), size)


def _tensor(tensor: str, told: Any, room: int, name: str) -> tuple[str, int, int]:
    """Return dtype, elements and bytes of one tensor."""
    try:
        dtype, shape = str(told["dtype"]), [_side(side) for side in told["shape"]]
        start, end = (_side(at) for at in told["data_offsets"])
    except (TypeError, KeyError, ValueError) as error:
        raise malformed(name, f"its tensor {tensor[:80]!r} is not described") from error
    if not start <= end <= room:
        raise malformed(name, f"its tensor {tensor[:80]!r} lies outside the file")
    return dtype, math.prod(shape), end - start


def _side(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(value)
    return value


def total(parts: Iterable[Weights]) -> Weights:
    """Return what several files hold together."""
    counts: Counter[str] = Counter()
    size = 0
    for part in parts:
        counts.update(part.parameters)
        size += part.size_bytes
    return Weights(dict(counts), size)


def weight_files(paths: Iterable[str]) -> list[str]:
    """Return the safetensors files that an engine loads: those beside config.json.

    Some makers add the same weights once more as `consolidated.safetensors`, which the engine
    leaves out; adapters in folders of their own are no part of the model.
    """
    found = [p for p in paths if p.endswith(".safetensors") and "/" not in p]
    usual = [path for path in found if not fnmatchcase(path, _CONSOLIDATED)]
    sharded = [path for path in usual if fnmatchcase(path, "model-*-of-*.safetensors")]
    single = [path for path in usual if path == "model.safetensors"]
    return sorted(single or sharded or usual or found)


def weight_format(paths: Sequence[str]) -> WeightFormat:
    """Return in which form the weights come; safetensors where there are several."""
    if weight_files(paths):
        return "safetensors"
    if any(path.endswith(".gguf") for path in paths):
        return "gguf"
    return "pickle" if any(is_pickle(path) for path in paths) else "none"


def is_pickle(path: str) -> bool:
    """Whether it is a pickle file, or an index of such."""
    return not _PICKLE.isdisjoint(PurePosixPath(path).suffixes)


def malformed(name: str, why: str) -> Problem:
    """Return the problem for a file that is no sound safetensors file."""
    return Problem(
        "safetensors_malformed",
        f"{name} is no sound safetensors file: {why}. It is damaged, was cut off, or was made to "
        "do harm; it is not loaded.",
        status=422,
        causes=[Cause(message="The header of a weight file can't be trusted.", evidence=name)],
        remediation=[_ANOTHER],
    )


_ANOTHER = Remedy(label="Fetch the model again, or take it from another repository.")
