"""Every recorded failure is told its right cause, with proof; healthy engines are told none."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from vllm_manager_engine import failures
from vllm_manager_engine.failures import RULES, Asked, Case, HostFacts, lines
from vllm_manager_engine.failures.witness import asked
from vllm_manager_engine.spec import ReplicaSpec

FOLDER = Path(__file__).parent / "failures"
RULES_LEAST, RECORDINGS_LEAST = 60, 80
_LEFT_OPEN = re.compile(r"\{\w*\}|\(\)| [.,;]|  ")


@dataclass(frozen=True)
class Recording:
    """What one file of `failures/` holds."""

    source: str
    code: str
    case: Case

    @classmethod
    def read(cls, file: Path) -> "Recording":
        head, _, text = file.read_text().partition("\n\n")
        source, case, code = (line.partition(": ") for line in head.splitlines())
        return cls(source[0].removeprefix("# "), code[2], _case(json.loads(case[2]), text))


def _case(told: dict[str, Any], text: str) -> Case:
    wanted: Asked = asked(
        ReplicaSpec(
            "demo", "", 0, "demo", arguments=tuple(told.pop("arguments", ())),
            tensor_parallel_size=told.pop("tensor_parallel_size", 1), gpus=told.pop("gpus", 0),
        ),
        told.pop("config", {}),
    )  # fmt: skip
    host = HostFacts(**told.pop("host", {}))
    return Case(lines=lines.read(text.splitlines()), asked=wanted, host=host, **told)


ALL = {file.stem: Recording.read(file) for file in sorted(FOLDER.glob("*.txt"))}
FAILED = {name: one for name, one in ALL.items() if one.code != "none"}
HEALTHY = {name: one for name, one in ALL.items() if one.code == "none"}


@pytest.mark.parametrize("name", FAILED)
def test_a_recorded_failure_is_told_its_cause_with_proof(name: str) -> None:
    one = FAILED[name]
    found = failures.explain(one.case)
    assert found.code == one.code, found
    assert found.evidence
    assert found.detail[0].isupper() or found.detail.startswith(("/", "vLLM"))
    assert found.detail.endswith((".", "`"))
    assert not _LEFT_OPEN.search(found.detail), found.detail


@pytest.mark.parametrize("name", HEALTHY)
def test_no_rule_knows_the_log_of_an_engine_that_became_ready(name: str) -> None:
    assert failures.recognise(HEALTHY[name].case) is None


def test_every_rule_has_a_recording() -> None:
    known = {rule.code for rule in RULES}
    assert known - {one.code for one in FAILED.values()} == set()
    assert len(RULES) >= RULES_LEAST
    assert len(FAILED) >= RECORDINGS_LEAST


def test_half_of_the_recordings_and_more_are_of_real_engines() -> None:
    assert {one.source for one in ALL.values()} == {"real", "reproduced"}
    assert sum(one.source == "real" for one in FAILED.values()) >= 40


@pytest.mark.parametrize(
    ("name", "words", "suggestion"),
    [
        (
            "kv_cache_too_small-gpu-context",
            "largest context that fits is 16,384",
            ("max_model_len", 16384),
        ),
        (
            "kv_cache_too_small-kv-too-small",
            "largest context that fits is 512",
            ("max_model_len", 512),
        ),
        ("gpu_memory_taken-start", "3.2 of 79.11 GiB", ("gpu_memory_utilization", 0.04)),
        ("weights_too_large-loading", "79.11 GiB", ("tensor_parallel_size", 2)),
        ("graphs_out_of_memory-capturing", "CUDA graphs", ("enforce_eager", True)),
        ("warm_up_out_of_memory-sampler", "1024 requests", ("max_num_seqs", 512)),
        ("out_of_memory-profiling", "Process 4711 holds 20.25 GiB", ("max_model_len", 16384)),
        ("not_enough_gpus-world-size", "4 GPUs, and 2 are there", ("tensor_parallel_size", 2)),
        ("context_too_long-context-beyond-the-model", "2,048", ("max_model_len", 2048)),
        ("batch_too_small-batch-below-context", "256", ("max_num_batched_tokens", 2048)),
        (
            "parallel_size_unfit-heads-not-divisible",
            "4 attention heads",
            ("tensor_parallel_size", 2),
        ),
        ("lora_rank_too_high-lora-rank", "rank 64", ("max_lora_rank", 64)),
        ("quantization_mismatch-quantization-differs", "gptq", ("quantization", None)),
        ("unknown_argument-unknown-argument", "--frobnicate", ("frobnicate", None)),
        ("driver_too_old-lazy-init", "CUDA 12.4", None),
        ("dtype_unsupported-bfloat16", "Tesla T4", ("dtype", "half")),
        ("host_out_of_memory-kernel-log", "may use 1.4 GiB", ("kv_cache_memory_bytes", "2048M")),
    ],
)
def test_the_numbers_of_the_case_are_told_and_a_setting_computed(
    name: str, words: str, suggestion: tuple[str, Any] | None
) -> None:
    found = failures.explain(FAILED[name].case)
    assert words in found.detail
    expected = suggestion and {"argument": suggestion[0], "value": suggestion[1]}
    assert found.suggestion == expected


def test_a_kill_that_the_kernel_proves_is_no_guess() -> None:
    found = failures.explain(FAILED["host_out_of_memory-kernel-log"].case)
    assert found.detail.startswith("The host's out-of-memory killer ended the engine")
    assert "Killed process 26732" in str(found.evidence)
    nobody = failures.explain(FAILED["was_killed-nobody-knows"].case)
    assert "It was not the kernel's out-of-memory killer" in nobody.detail


def test_what_no_rule_knows_is_said_to_be_so_with_the_last_lines() -> None:
    found = failures.explain(FAILED["engine_exited-unknown"].case)
    assert "no known cause fits" in found.detail
    assert found.tail is not None
    assert "KeyError: 'weight_scale'" in found.tail
