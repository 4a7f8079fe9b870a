"""Makes small models of several architectures with random weights: run in the engine environment.

`small_models.py FOLDER TOKENIZER_FOLDER` writes one folder for each, with weights of 100 to 300 MB
in safetensors, and the tokenizer's files.
"""

import shutil
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

# Only there in the engine environment.
torch: Any = import_module("torch")
transformers: Any = import_module("transformers")

_COMMON: dict[str, Any] = {
    "vocab_size": 32_000,
    "max_position_embeddings": 2048,
    "dtype": "bfloat16",
}
MODELS: dict[str, Any] = {
    "llama": transformers.LlamaConfig(
        hidden_size=768,
        intermediate_size=3072,
        num_hidden_layers=8,
        num_attention_heads=12,
        num_key_value_heads=4,
        **_COMMON,
    ),
    "qwen3": transformers.Qwen3Config(
        hidden_size=1024,
        intermediate_size=3072,
        num_hidden_layers=6,
        num_attention_heads=16,
        num_key_value_heads=8,
        head_dim=128,
        **_COMMON,
    ),
    "gemma3": transformers.Gemma3TextConfig(
        hidden_size=640,
        intermediate_size=2560,
        num_hidden_layers=12,
        num_attention_heads=4,
        num_key_value_heads=1,
        head_dim=256,
        sliding_window=512,
        **_COMMON,
    ),
    "mixtral": transformers.MixtralConfig(
        hidden_size=512,
        intermediate_size=1024,
        num_hidden_layers=8,
        num_attention_heads=8,
        num_key_value_heads=4,
        num_local_experts=8,
        **_COMMON,
    ),
    "opt": transformers.OPTConfig(
        hidden_size=768,
        ffn_dim=3072,
        num_hidden_layers=12,
        num_attention_heads=12,
        word_embed_proj_dim=768,
        **_COMMON,
    ),
}


def main(folder: Path, tokenizer: Path) -> None:
    torch.manual_seed(0)
    for name, config in MODELS.items():
        model = transformers.AutoModelForCausalLM.from_config(config).to(torch.bfloat16)
        model.save_pretrained(folder / name)
        for file in ("tokenizer.json", "tokenizer_config.json"):
            shutil.copy(tokenizer / file, folder / name / file)
        print(name, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
