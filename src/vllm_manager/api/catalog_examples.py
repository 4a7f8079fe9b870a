"""Examples of what the API says of models on the Hub."""

from typing import Any

_FRESH: dict[str, Any] = {
    "source": "hub",
    "fetched_at": "2026-11-23T10:00:00Z",
    "age_seconds": 0.0,
    "problem": None,
}
_MODEL: dict[str, Any] = {
    "repo": "Qwen/Qwen3-0.6B",
    "author": "Qwen",
    "task": "text-generation",
    "library": "transformers",
    "license": "apache-2.0",
    "gate": "open",
    "private": False,
    "parameters": 751_632_384,
    "dtypes": ["BF16"],
    "has_safetensors": True,
    "architectures": ["Qwen3ForCausalLM"],
    "supported": True,
    "needs_own_code": False,
    "downloads": 5_200_000,
    "likes": 800,
    "trending_score": 9.0,
    "updated_at": "2026-07-26T03:46:27Z",
    "tags": ["transformers", "text-generation", "license:apache-2.0"],
}
_COMMIT = "c1899de289a04d12100db370d81485cdf75e47ca"

CATALOG_EXAMPLES: dict[str, dict[str, Any]] = {
    "ModelPage": {**_FRESH, "items": [_MODEL], "next_cursor": None},
    "ModelDetails": {
        **_FRESH,
        "model": _MODEL,
        "revision": "main",
        "commit": _COMMIT,
        "url": None,
        "config": {"architectures": ["Qwen3ForCausalLM"], "num_hidden_layers": 28},
        "context_tokens": 40_960,
        "weight_format": "safetensors",
        "weights_bytes": 1_503_300_328,
        "files_count": 10,
        "files_bytes": 1_519_209_441,
        "dtypes": {"BF16": 751_632_384},
        "findings": [],
    },
    "ModelCard": {
        "repo": "Qwen/Qwen3-0.6B",
        "revision": "main",
        "text": "# Qwen3-0.6B\n\nA small model.\n",
        "truncated": False,
    },
    "Listing": {
        "repo": "Qwen/Qwen3-0.6B",
        "commit": _COMMIT,
        "files": [
            {
                "path": "config.json",
                "size_bytes": 726,
                "sha256": None,
                "git_blob_id": "6eb9bd91d7446c15905f45587cd206df938cc7fc",
            }
        ],
    },
    "TokenView": {
        "scope": "installation",
        "is_set": True,
        "last_four": "Qx7p",
        "set_at": "2026-11-23T10:00:00Z",
        "account": "acme-models",
        "tested_at": "2026-11-23T10:00:05Z",
        "in_force": "installation",
    },
    "TokenTest": {
        "scope": "installation",
        "account": "acme-models",
        "kind": "read",
        "organisations": ["acme"],
    },
}
