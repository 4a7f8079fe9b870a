"""A LoRA adapter for the demo model, small enough to be written by a test."""

import json
import struct
from pathlib import Path

_HIDDEN, _LAYERS, _RANK = 256, 3, 8
_OUT = {"q_proj": 256, "v_proj": 128}


def write_adapter(folder: Path) -> Path:
    """Write an adapter that shifts attention strongly enough to be seen in every answer."""
    folder.mkdir(parents=True)
    config = {
        "peft_type": "LORA",
        "r": _RANK,
        "lora_alpha": 8 * _RANK,
        "target_modules": sorted(_OUT),
        "bias": "none",
        "base_model_name_or_path": "demo",
    }
    (folder / "adapter_config.json").write_text(json.dumps(config))
    (folder / "adapter_model.safetensors").write_bytes(_weights())
    return folder


def _weights() -> bytes:
    """Return safetensors: the header's length, the header, then the numbers in its order."""
    header: dict[str, object] = {}
    data = b""
    for layer in range(_LAYERS):
        for module, rows in _OUT.items():
            name = f"base_model.model.model.layers.{layer}.self_attn.{module}"
            for part, shape in (("lora_A", (_RANK, _HIDDEN)), ("lora_B", (rows, _RANK))):
                numbers = [((7 * i) % 13 - 6) / 20 for i in range(shape[0] * shape[1])]
                packed = struct.pack(f"<{len(numbers)}f", *numbers)
                header[f"{name}.{part}.weight"] = {
                    "dtype": "F32",
                    "shape": shape,
                    "data_offsets": (len(data), len(data) + len(packed)),
                }
                data += packed
    words = json.dumps(header).encode()
    return struct.pack("<Q", len(words)) + words + data
