"""The KV cache of published models is, to the byte, what vLLM itself computes."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from configs.fit import cases
from support.ray_cluster import ENGINE_PYTHON
from vllm_manager.configs.fit import architecture, defaults, kv_cache
from vllm_manager.configs.fit.engine_settings import read_settings
from vllm_manager.configs.fit.kv_cache import Cache

CASES = {case["name"]: case for case in cases.cases()}
ANSWERS: dict[str, dict[str, Any]] = json.loads((cases.HERE / "vllm_answers.json").read_text())


def planned(case: dict[str, Any]) -> tuple[Cache, int]:
    model = architecture.read(case["config"])
    assert model.layers is not None, model.unknowns
    settings = read_settings(
        case["arguments"], {}, tensor_parallel_size=case["tensor_parallel_size"]
    )
    rules = defaults.cache_rules(model, settings, "cpu", None)
    assert rules is not None
    return kv_cache.plan(model, model.layers, rules), defaults.max_model_len(model, settings)


def pages(answer: dict[str, Any], *kinds: str) -> list[tuple[int, int, int]]:
    """Return page bytes, block tokens and layers of these kinds, as vLLM has them."""
    return [(page, block, n) for kind, page, block, _, _, n in answer["layers"] if kind in kinds]


def test_vllm_was_asked_about_at_least_25_models_of_every_kind_of_cache() -> None:
    kinds = {layer[0] for answer in ANSWERS.values() for layer in answer["layers"]}
    assert len(cases.MODELS) >= 25
    assert set(ANSWERS) == set(CASES)
    assert kinds == {
        "FullAttentionSpec",
        "SlidingWindowSpec",
        "ChunkedLocalAttentionSpec",
        "MLAAttentionSpec",
        "MambaSpec",
    }


@pytest.mark.parametrize("name", CASES)
def test_a_token_takes_as_many_bytes_as_in_vllm(name: str) -> None:
    cache, _ = planned(CASES[name])
    attention = pages(
        ANSWERS[name],
        "FullAttentionSpec",
        "SlidingWindowSpec",
        "ChunkedLocalAttentionSpec",
        "MLAAttentionSpec",
    )
    assert cache.bytes_per_token == sum(page // block * n for page, block, n in attention)


@pytest.mark.parametrize("name", [name for name in CASES if pages(ANSWERS[name], "MambaSpec")])
def test_a_state_takes_as_many_bytes_as_in_vllm(name: str) -> None:
    cache, _ = planned(CASES[name])
    states = [(content, n) for kind, _, _, content, _, n in ANSWERS[name]["layers"]
              if kind == "MambaSpec"]  # fmt: skip
    assert cache.bytes_per_request == sum(content * n for content, n in states)


@pytest.mark.parametrize("name", CASES)
def test_blocks_and_capacity_are_those_of_vllm(name: str) -> None:
    case, answer = CASES[name], ANSWERS[name]
    cache, length = planned(case)
    memory = case["memory_bytes"]
    assert length == answer["max_model_len"]
    assert cache.block_tokens == answer["block_tokens"]
    assert cache.block_bytes == answer["block_bytes"]
    assert memory // cache.block_bytes == answer["blocks"]
    assert cache.tokens(memory, length) == answer["tokens"]
    assert cache.concurrency(memory, length) == pytest.approx(answer["concurrency"], abs=1e-6)


def test_the_longest_request_is_the_longest_that_is_accepted() -> None:
    cache, length = planned(CASES["gemma-2-9b tp=1"])
    memory = cache.bytes_for(length) - 1
    longest = cache.longest(memory, length)
    assert 0 < longest < length
    assert cache.bytes_for(longest) <= memory < cache.bytes_for(longest + 1)


def test_without_room_for_one_block_no_request_is_accepted() -> None:
    cache, length = planned(CASES["llama-3-8b tp=1"])
    assert cache.longest(cache.block_bytes, length) == 0


@pytest.mark.engine
def test_vllm_still_answers_so(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(CASES["gpt2 tp=1"]["config"]))
    asked = subprocess.run(
        [str(ENGINE_PYTHON), str(cases.HERE / "vllm_truth.py"), str(tmp_path)],
        input=json.dumps(list(CASES.values())),
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=1800,
    )
    assert "TRUTH" in asked.stdout, asked.stderr[-3000:]
    answers = json.loads(asked.stdout.rpartition("TRUTH")[2])
    assert dict(zip(CASES, answers, strict=True)) == ANSWERS
