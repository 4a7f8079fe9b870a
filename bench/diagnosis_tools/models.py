"""Copies of the demo model, each broken in one way."""

import json
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
DEMO = REPOSITORY / "engine" / "src" / "vllm_manager_engine" / "demo"
WEIGHTS = "model.safetensors"

Break = Callable[[Path], None]


def copy(folder: Path, *breaks: Break) -> Path:
    """Copy the demo model to `folder`, break it, and return the folder."""
    shutil.copytree(DEMO, folder)
    for each in breaks:
        each(folder)
    return folder


def configured(**members: Any) -> Break:
    """Change members of config.json; None takes one away."""
    return _changed("config.json", members)


def tokenizer_configured(**members: Any) -> Break:
    return _changed("tokenizer_config.json", members)


def without(*names: str) -> Break:
    """Take files away."""

    def act(folder: Path) -> None:
        for name in names:
            (folder / name).unlink()

    return act


def holding(name: str, data: bytes) -> Break:
    """Replace a file's content."""
    return lambda folder: _write(folder / name, data)


def cut(name: str, share: float) -> Break:
    """Leave the first part of a file, as a download that broke off does."""

    def act(folder: Path) -> None:
        data = (folder / name).read_bytes()
        _write(folder / name, data[: int(len(data) * share)])

    return act


def header_of(length: int) -> Break:
    """Let the safetensors header claim to be so many bytes long."""

    def act(folder: Path) -> None:
        data = (folder / WEIGHTS).read_bytes()
        _write(folder / WEIGHTS, struct.pack("<Q", length) + data[8:])

    return act


def flipped_header(folder: Path) -> None:
    """Turn over bits in the middle of the safetensors header."""
    data = bytearray((folder / WEIGHTS).read_bytes())
    for at in range(40, 60):
        data[at] ^= 0xFF
    _write(folder / WEIGHTS, bytes(data))


def dropped_tensor(folder: Path) -> None:
    """Write the weights without those of one layer."""
    header, data = _parts(folder)
    kept = {k: v for k, v in header.items() if ".layers.1." not in k}
    _put(folder, kept, data)


def unknown_tensor(folder: Path) -> None:
    """Call one tensor by a name that the model does not have."""
    header, data = _parts(folder)
    name = next(k for k in header if ".layers.1." in k)
    header["model.layers.1.surprise.weight"] = header.pop(name)
    _put(folder, header, data)


def unreadable(*names: str) -> Break:
    """Make files that nobody may read (root may)."""

    def act(folder: Path) -> None:
        for name in names:
            (folder / name).chmod(0)

    return act


def _parts(folder: Path) -> tuple[dict[str, Any], bytes]:
    raw = (folder / WEIGHTS).read_bytes()
    (length,) = struct.unpack("<Q", raw[:8])
    return json.loads(raw[8 : 8 + length]), raw[8 + length :]


def _put(folder: Path, header: dict[str, Any], data: bytes) -> None:
    """Write tensors anew, without gaps between them."""
    packed, placed = b"", dict[str, Any]()
    for name, about in header.items():
        if name == "__metadata__":
            placed[name] = about
            continue
        start, end = about["data_offsets"]
        placed[name] = {**about, "data_offsets": [len(packed), len(packed) + end - start]}
        packed += data[start:end]
    words = json.dumps(placed).encode()
    _write(folder / WEIGHTS, struct.pack("<Q", len(words)) + words + packed)


def _changed(name: str, members: dict[str, Any]) -> Break:
    def act(folder: Path) -> None:
        found = json.loads((folder / name).read_text()) | members
        kept = {k: v for k, v in found.items() if v is not None}
        _write(folder / name, json.dumps(kept, indent=1).encode())

    return act


def _write(file: Path, data: bytes) -> None:
    file.unlink(missing_ok=True)
    file.write_bytes(data)
