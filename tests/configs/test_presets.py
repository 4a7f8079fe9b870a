"""Presets are sound, and found for the models that they are for."""

import pytest

from configs.conftest import ARGUMENTS
from vllm_manager.configs import EngineArguments, Presets, Recipe, RecipeChecks
from vllm_manager.configs.presets import Question

PRESETS = Presets()
ALL = PRESETS.matching(Question())


@pytest.mark.parametrize("preset", ALL, ids=lambda preset: preset.id)
def test_each_preset_makes_a_sound_recipe_and_says_why(preset: object) -> None:
    known = next(p for p in ALL if p is preset)
    recipe = Recipe.model_validate({"model": "org/name", **known.recipe})
    assert RecipeChecks(EngineArguments(ARGUMENTS)).errors(recipe) == []
    assert known.why.endswith(".")


def test_every_preset_has_a_name_of_its_own() -> None:
    assert len({preset.id for preset in ALL}) == len(ALL) > 25


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        (Question(model="meta-llama/Llama-3.1-8B-Instruct"), "llama-3"),
        (Question(model="Qwen/Qwen3-8B"), "qwen3"),
        (Question(model="Qwen/Qwen3-Coder-30B-A3B-Instruct"), "qwen3-coder"),
        (Question(model="Qwen/Qwen3-Embedding-0.6B"), "embedding-from-chat"),
        (Question(model="Qwen/Qwen3-30B-A3B-Thinking-2507"), "qwen3-thinking"),
        (Question(model="mistralai/Mistral-Small-3.2-24B-Instruct-2506"), "mistral-small"),
        (Question(model="google/gemma-3-12b-it"), "gemma-3"),
        (Question(model="deepseek-ai/DeepSeek-R1-Distill-Qwen-7B"), "deepseek-r1-distill"),
        (Question(model="deepseek-ai/DeepSeek-V3.1"), "deepseek-v3.1"),
        (Question(model="openai/gpt-oss-20b"), "gpt-oss"),
        (Question(model="microsoft/phi-4"), "phi-4"),
        (Question(model="BAAI/bge-m3"), "embedding"),
        (Question(model="BAAI/bge-reranker-v2-m3"), "reranker"),
        (Question(model="me/my-own", model_type="qwen3"), "qwen3"),
        (Question(architecture="GptOssForCausalLM"), "gpt-oss"),
    ],
)
def test_the_surest_preset_comes_first(question: Question, expected: str) -> None:
    assert PRESETS.matching(question)[0].id == expected


def test_a_model_of_no_known_family_gets_no_preset() -> None:
    assert PRESETS.matching(Question(model="nobody/knows-it", model_type="strange")) == []
