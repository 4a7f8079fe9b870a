"""Which file of a model's folder is damaged: asked after an engine failed, for its proof."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

_MOST_HEADER_BYTES: Final = 100 * 1024**2  # what the format itself allows
_LENGTH_BYTES: Final = 8
_JSON: Final = {
    "config.json": "config_invalid",
    "tokenizer.json": "tokenizer_invalid",
    "tokenizer_config.json": "tokenizer_invalid",
    "model.safetensors.index.json": "weights_corrupt",
}


@dataclass(frozen=True, slots=True)
class Damage:
    """A file that no engine can load, and what is wrong with it."""

    code: str
    file: str
    why: str


def damage(folder: Path | None) -> Damage | None:
    """Return the first damaged file of a model, or None. Reads no weights."""
    if folder is None or not folder.is_dir():
        return None
    for name, code in _JSON.items():
        why = _json_fault(folder / name)
        if why is not None:
            return Damage(code, name, why)
    for file in sorted(folder.glob("*.safetensors")):
        why = safetensors_fault(file)
        if why is not None:
            return Damage("weights_corrupt", file.name, why)
    return _missing_shard(folder)


def _json_fault(file: Path) -> str | None:
    try:
        json.loads(file.read_text())
    except FileNotFoundError:
        return None
    except ValueError as error:
        return f"it is no valid JSON: {error}"
    except OSError:
        return None  # its own rule: permission, disk
    return None


def safetensors_fault(file: Path) -> str | None:
    """Return what is wrong with a file's header or length, or None."""
    try:
        size = file.stat().st_size
        with file.open("rb") as opened:
            length = int.from_bytes(opened.read(_LENGTH_BYTES), "little")
            if size < _LENGTH_BYTES or length > min(size - _LENGTH_BYTES, _MOST_HEADER_BYTES):
                return f"it has {size:,} bytes, and its header claims {length:,}"
            header: Any = json.loads(opened.read(length))
    except OSError:
        return None
    except ValueError as error:
        return f"its header can't be read: {error}"
    return _length_fault(header, size - _LENGTH_BYTES - length)


def _length_fault(header: Any, held: int) -> str | None:
    try:
        ends = [v["data_offsets"][1] for k, v in header.items() if k != "__metadata__"]
    except (AttributeError, KeyError, IndexError, TypeError):
        return "its header does not describe tensors"
    needed = max(ends, default=0)
    if held != needed:
        return f"it holds {held:,} of the {needed:,} bytes of weights that its header tells"
    return None


def _missing_shard(folder: Path) -> Damage | None:
    try:
        index: Any = json.loads((folder / "model.safetensors.index.json").read_text())
        names = sorted(set(index["weight_map"].values()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    missing = [name for name in names if not (folder / str(name)).exists()]
    if not missing:
        return None
    why = f"it is missing, with {len(missing) - 1} others" if len(missing) > 1 else "it is missing"
    return Damage("weights_incomplete", str(missing[0]), why)
