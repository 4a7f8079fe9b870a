"""A model's `config.json` is read as the engine reads it."""

from typing import Any

import pytest

from configs.fit.asked import config
from vllm_manager.configs.fit.architecture import AttentionLayer, read

LLAMA = config("llama-3-8b")


@pytest.mark.parametrize(
    ("changes", "context"),
    [
        ({}, 8192),
        ({"rope_scaling": {"rope_type": "linear", "factor": 4.0}}, 32_768),
        ({"rope_scaling": {"rope_type": "yarn", "factor": 4.0}}, 8192),
        ({"rope_scaling": {"type": "longrope"}, "original_max_position_embeddings": 4096}, 4096),
        ({"model_max_length": 131_072}, 131_072),
        ({"max_position_embeddings": None}, None),
    ],
)
def test_the_longest_context_follows_the_scaling_of_positions(
    changes: dict[str, Any], context: int | None
) -> None:
    assert read({**LLAMA, **changes}).context_tokens == context


def test_what_a_published_file_leaves_out_is_what_its_class_fills_in() -> None:
    text = {
        "model_type": "gemma3_text",
        "hidden_size": 2560,
        "intermediate_size": 10_240,
        "num_hidden_layers": 12,
        "sliding_window": 1024,
    }
    found = read({"model_type": "gemma3", "text_config": text, "torch_dtype": "bfloat16"})
    assert found.layers is not None
    assert found.layers[0] == AttentionLayer("sliding", 4, 256, 1024)
    assert found.layers[5] == AttentionLayer("full", 4, 256)
    assert found.attention_heads == 8
    assert found.dtype == "bfloat16"


def test_layers_that_share_anothers_cache_have_none_of_their_own() -> None:
    found = read(config("gemma-3n-e4b"))
    assert found.layers is not None
    assert [layer is None for layer in found.layers] == [False] * 20 + [True] * 15


@pytest.mark.parametrize(
    "changes",
    [
        {"model_type": "deepseek_v32"},
        {"model_type": "whisper"},
        {"is_encoder_decoder": True},
        {"model_type": "new", "index_topk": 2048},
        {"model_type": "new", "mamba_d_state": 128},
        {"layer_types": ["linear_attention"] * 32},
        {"num_attention_heads": None, "num_key_value_heads": None},
    ],
)
def test_a_cache_that_the_file_does_not_tell_is_unknown_with_its_reason(
    changes: dict[str, Any],
) -> None:
    found = read({**LLAMA, **changes})
    assert found.layers is None
    assert len(found.unknowns) == 1


def test_a_quantised_model_names_its_method() -> None:
    assert read(config("gpt-oss-20b")).quantization == "mxfp4"
    assert read(LLAMA).quantization is None
