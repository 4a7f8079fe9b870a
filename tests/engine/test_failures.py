"""An exit and the last lines become a cause."""

import pytest

from vllm_manager_engine import failures
from vllm_manager_engine.failures import Failure


def explain(exit_code: int | None, signal: int | None, texts: list[str]) -> Failure:
    return failures.explain(failures.read(exit_code, signal, texts))


NOISE = [
    "INFO 11-23 10:00:00 [a.py:1] Starting to load model x",
    "(APIServer pid=1) RuntimeError: Engine core initialization failed. See root cause above. "
    "Failed core proc(s): {}",
]

# The words are those of vLLM 0.32's sources.
KNOWN = {
    "ValueError: To serve at least one request with the model's max seq len (40960), (4.38 GiB KV "
    "cache is needed, which is larger than the available KV cache memory (0.25 GiB). Based on the "
    "available memory, the estimated maximum model length is 2336. Try increasing "
    "`gpu_memory_utilization`": "kv_cache_too_small",
    "ValueError: No available memory for the cache blocks. Try": "kv_cache_too_small",
    "ValueError: Free memory on device cuda:0 (3.2/79.1 GiB) on startup is less than desired GPU "
    "memory utilization (0.92, 72.8 GiB). Decrease": "gpu_memory_taken",
    "ValueError: Available memory on node 0 (3.0/23.0 GiB) on startup is less than desired CPU "
    "memory utilization (0.92, 21.2 GiB). ": "out_of_memory",
    "ValueError: Available memory on node 0 (8.0/23.0 GiB) on kv cache allocation is less than "
    "requested memory for kv (64.0 GiB). Decrease": "out_of_memory",
    "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.50 GiB.": "weights_too_large",
    "RuntimeError: [enforce fail at alloc_cpu.cpp:119] . DefaultCPUAllocator: can't allocate "
    "memory: you tried to allocate 99 bytes.": "out_of_memory",
    "ValueError: Model architectures ['FooForCausalLM'] are not supported": "unsupported_model",
    "huggingface_hub.errors.GatedRepoError: 403 Client Error.": "model_gated",
    "OSError: /m does not appear to have a file named config.json.": "model_not_found",
    "vllm serve: error: unrecognized arguments: --frobnicate": "unknown_argument",
    "  Value error, User-specified max_model_len (99999) is greater than the derived max_model_len "
    "(max_position_embeddings=1024 or model_max_length=None in config)": "context_too_long",
    "RuntimeError: CUDA error: an illegal memory access was encountered": "gpu_lost",
    "/opt/python: Error while finding module: No module named 'vllm'": "engine_missing",
}


@pytest.mark.parametrize(("line", "code"), KNOWN.items())
def test_a_known_cause_is_recognised_among_noise(line: str, code: str) -> None:
    failure = explain(1, None, [NOISE[0], line, NOISE[1]])
    assert failure.code == code
    assert failure.evidence == line.strip()


def test_numbers_of_the_cause_are_told() -> None:
    failure = explain(1, None, list(KNOWN)[:1])
    assert "40,960" in failure.detail
    assert "4.38 GiB" in failure.detail
    assert "0.25 GiB" in failure.detail


def test_a_length_that_fits_is_offered() -> None:
    failure = explain(1, None, list(KNOWN)[:1])
    assert failure.suggestion == {"argument": "max_model_len", "value": 2336}


@pytest.mark.parametrize(
    ("line", "numbers", "suggestion"),
    [
        (
            "ValueError: Available memory on node 0 (8.0/23.0 GiB) on kv cache allocation is less "
            "than requested memory for kv (64.0 GiB). Decrease",
            ("8.0 of the machine's 23.0 GiB", "64.0 GiB"),
            {"argument": "kv_cache_memory_bytes", "value": "6144M"},
        ),
        (
            "ValueError: Free memory on device cuda:0 (3.2/79.1 GiB) on startup is less than "
            "desired GPU memory utilization (0.92, 72.8 GiB). Decrease",
            ("3.2 of 79.1 GiB", "72.8 GiB"),
            {"argument": "gpu_memory_utilization", "value": 0.04},
        ),
    ],
)
def test_memory_that_is_not_there_is_told_with_numbers_and_a_smaller_setting(
    line: str, numbers: tuple[str, ...], suggestion: dict[str, object]
) -> None:
    failure = explain(1, None, [line])
    assert all(number in failure.detail for number in numbers)
    assert failure.suggestion == suggestion


def test_an_unknown_error_is_shown_by_its_own_line_not_by_its_consequence() -> None:
    failure = explain(1, None, ["KeyError: 'weight_scale'", NOISE[1]])
    assert (failure.code, failure.evidence) == ("engine_exited", "KeyError: 'weight_scale'")


def test_a_refused_setting_goes_before_a_damaged_file_that_was_never_read() -> None:
    damage = failures.Damage("weights_corrupt", "model.safetensors", "it is cut")
    refused = failures.read(2, None, ["vllm serve: error: unrecognized arguments: --frobnicate"])
    assert failures.explain(refused, damage).code == "unknown_argument"
    other = failures.read(1, None, ["KeyError: 'weight_scale'"])
    assert failures.explain(other, damage).code == "weights_corrupt"


def test_a_kill_names_the_likely_killer() -> None:
    failure = explain(None, 9, [])
    assert failure.signal == 9
    assert "memory" in failure.detail


def test_without_any_line_the_exit_code_is_told() -> None:
    failure = explain(3, None, [])
    assert (failure.exit_code, failure.evidence) == (3, None)
    assert "code 3" in failure.detail


def test_a_dump_of_settings_is_no_cause():
    dump = "ERROR 11-23 18:00:00 [dump_input.py:72] config: model='demo', trust_remote_code=False"
    assert explain(None, 9, [dump]).code == "was_killed"


def test_a_model_that_needs_code_of_its_own_is_named_so():
    line = "consider setting `trust_remote_code=True` in LLM or using the `--trust-remote-code`"
    assert explain(1, None, [line]).code == "code_refused"


def test_the_afterword_of_python_is_no_proof() -> None:
    lines = [
        "INFO:     Application shutdown complete.",
        "/usr/lib/python3.11/multiprocessing/resource_tracker.py:254: UserWarning: "
        "resource_tracker: There appear to be 1 leaked shared_memory objects to clean up",
        "  warnings.warn('resource_tracker: There appear to be %d '",
        "nanobind: leaked 2 types!",
        ' - leaked type "xgrammar.xgrammar_bindings.Grammar"',
        " - ... skipped remainder",
        "nanobind: this is likely caused by a reference counting issue in the binding code.",
    ]
    assert explain(0, None, lines).evidence == "Application shutdown complete."
