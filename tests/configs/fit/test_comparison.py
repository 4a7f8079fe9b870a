"""An estimate is held against what the engine said."""

import pytest

from configs.fit.asked import GIB, LLAMA_8B, SMOLLM, Room, ask
from vllm_manager.configs.fit import MemoryActual, compare

ONE_24 = Room(gpus=[(24, 23.6)])


def test_it_is_told_how_far_each_part_was_off() -> None:
    report = ask("llama-3-8b", LLAMA_8B, ONE_24)
    said = MemoryActual(weights_bytes=15 * GIB, kv_cache_bytes=5 * GIB, kv_tokens=40_960)
    compared = compare(report, said)
    assert compared.weights_error_ratio == pytest.approx(
        2 * LLAMA_8B["BF16"] / (15 * GIB) - 1, abs=1e-4
    )
    assert compared.kv_tokens_error_ratio == pytest.approx(
        (report.kv_tokens or 0) / 40_960 - 1, abs=1e-4
    )
    assert compared.other_error_ratio is None


def test_what_either_side_does_not_know_is_not_compared() -> None:
    unknown = ask("llama-3-8b", None, ONE_24)
    assert compare(unknown, MemoryActual(weights_bytes=1)).weights_error_ratio is None
    known = ask("llama-3-8b", LLAMA_8B, ONE_24)
    assert set(compare(known, MemoryActual()).model_dump().values()) == {None}


def test_workers_that_share_the_machines_memory_are_compared_one_by_one() -> None:
    arguments = {"kv_cache_memory_bytes": "1G"}
    report = ask("smollm2-135m", SMOLLM, Room(), arguments=arguments, replicas=2,
                 resources={"tensor_parallel_size": 3})  # fmt: skip
    said = MemoryActual(kv_cache_bytes=GIB)
    assert compare(report, said, workers=3).kv_cache_error_ratio == 0
