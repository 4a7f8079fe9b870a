"""What the engine prints of its memory is read as figures."""

import pytest

from support.ray_cluster import REPOSITORY
from vllm_manager_engine.memory import Memory

GIB = 1024**3
REAL_START = (REPOSITORY / "tests" / "fixtures" / "vllm_start.txt").read_text().splitlines()


def read(*lines: str) -> Memory:
    memory = Memory()
    for line in lines:
        memory.read(line)
    return memory


def test_a_real_start_on_cpu_tells_its_cache() -> None:
    memory = read(*REAL_START)
    assert (memory.kv_cache_bytes, memory.kv_tokens) == (GIB, 2_097_152)
    assert memory.weights_bytes is None


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ("Model loading took 14.99 GiB memory and 3.1 seconds", "weights_bytes", 14.99 * GIB),
        ("Available KV cache memory: 56.5 GiB", "kv_cache_bytes", 56.5 * GIB),
        ("Initial free memory 78.1 GiB, reserved 8.0 GiB memory for KV Cache as specified by "
         "kv_cache_memory_bytes config", "kv_cache_bytes", 8 * GIB),
        ("Auto set (0.24/10.84) GiB for KV cache on node 0, with 1.08 GiB requested memory for "
         "the worker. 0.84 GiB memory was consumed by non-kv usages.", "other_bytes", 0.84 * GIB),
        ("GPU KV cache size: 463,040 tokens, Maximum concurrency for 8,192", "kv_tokens", 463_040),
    ],
)  # fmt: skip
def test_each_line_about_memory_is_understood(line: str, name: str, value: float) -> None:
    assert getattr(read(line), name) == round(value)


def test_before_anything_is_said_nothing_is_known() -> None:
    assert read("Starting to load model x").as_dict() is None
