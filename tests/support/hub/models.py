"""Ready-made repositories: one that serves, and one for each thing that can be wrong with one."""

import json
import struct
from pathlib import Path
from typing import Any

from support.hub.contents import Made
from support.hub.repositories import Files, Repository, from_folder

DEMO = Path(__file__).parents[3] / "engine" / "src" / "vllm_manager_engine" / "demo"

LLAMA: dict[str, Any] = {
    "architectures": ["LlamaForCausalLM"],
    "dtype": "bfloat16",
    "head_dim": 64,
    "hidden_size": 256,
    "intermediate_size": 512,
    "max_position_embeddings": 2048,
    "model_type": "llama",
    "num_attention_heads": 4,
    "num_hidden_layers": 3,
    "num_key_value_heads": 2,
    "vocab_size": 1024,
}


def safetensors_header(shapes: dict[str, list[int]], dtype: str = "BF16") -> bytes:
    """Return a safetensors file's length and header for tensors of two bytes each element."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    at = 0
    for name, shape in shapes.items():
        size = 2
        for side in shape:
            size *= side
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text


def weights(size_bytes: int, seed: int = 0, sha256: str | None = None) -> Made:
    """Return a valid safetensors file of about that size, made up as it is read."""
    prefix = safetensors_header({"model.embed_tokens.weight": [max(1, size_bytes // 2048), 1024]})
    (header,) = struct.unpack("<Q", prefix[:8])
    total = 8 + header + max(1, size_bytes // 2048) * 2048
    return Made(total, seed, prefix, sha256)


def _config(**changes: Any) -> str:
    return json.dumps({**LLAMA, **changes}, indent=2)


def _card(name: str, license: str = "apache-2.0") -> str:
    return f"---\nlicense: {license}\n---\n# {name}\n\nA model for tests.\n"


def declare(identifier: str, files: Files, **about: Any) -> Repository:
    """Return a repository with one commit of `files`, its card beside them."""
    repository = Repository(identifier, **about)
    repository.commit({"README.md": _card(identifier), **files})
    return repository


def tiny_chat() -> Repository:
    """`acme/tiny-chat`: a real little Llama that vLLM serves and that answers."""
    repository = from_folder(
        "acme/tiny-chat", DEMO, downloads=1200, likes=40, trending=9, tags=["conversational"]
    )
    demo = {entry.path: entry.content for entry in repository.commits.popitem()[1].files.values()}
    repository.commit({"README.md": _card("Tiny chat"), **demo})
    return repository


def _own_code() -> Repository:
    config = _config(
        architectures=["OwnForCausalLM"],
        auto_map={"AutoModelForCausalLM": "modeling_own.OwnForCausalLM"},
    )
    files: Files = {
        "config.json": config,
        "modeling_own.py": "raise SystemExit('must never run')\n",
        "model.safetensors": weights(64 << 10),
    }
    return declare("acme/own-code", files, downloads=200)


def ready_made() -> list[Repository]:
    """Return one of each kind."""
    small = weights(64 << 10)
    shards = {f"model-0000{n}-of-00002.safetensors": weights(1 << 20, n) for n in (1, 2)}
    return [
        tiny_chat(),
        declare(
            "acme/gated-chat",
            {"config.json": _config(), "model.safetensors": small},
            gated="manual",
            license="llama3",
            downloads=900,
        ),
        declare(
            "acme/pickled",
            {"config.json": _config(), "pytorch_model.bin": Made(64 << 10)},
            downloads=300,
        ),
        _own_code(),
        declare("acme/no-weights", {"config.json": _config()}, downloads=100),
        declare(
            "acme/strange-architecture",
            {
                "config.json": _config(architectures=["NobodyHasThisForCausalLM"]),
                "model.safetensors": small,
            },
            downloads=50,
        ),
        declare(
            "acme/sharded",
            {
                "config.json": _config(),
                "tokenizer.json": json.dumps({"version": "1.0"}),
                "model.safetensors.index.json": json.dumps({"weight_map": {}}),
                **shards,
            },
            downloads=80,
        ),
        declare("acme/secret", {"config.json": _config()}, private=True),
    ]


def many_files(count: int = 10_000) -> Repository:
    """`acme/many-files`: `count` small files in folders of a hundred, and a model among them."""
    files = {f"data/{n // 100:03d}/part-{n:05d}.txt": f"part {n}\n" for n in range(count - 3)}
    model = {"config.json": _config(), "model.safetensors": weights(64 << 10)}
    return declare("acme/many-files", {**files, **model})


def large(size_bytes: int, files: int = 1, identifier: str = "acme/large") -> Repository:
    """Return a repository of `files` weights of `size_bytes` each, which take no disk."""
    shards: Files = {
        f"model-{n:05d}-of-{files:05d}.safetensors": weights(size_bytes, n)
        for n in range(1, files + 1)
    }
    return declare(identifier, {"config.json": _config(), **shards})
