"""Memory as estimated, beside what real vLLM reports on CPU for models of five architectures.

Each model has random weights of 100 to 300 MB and is served by vLLM itself, which is left to size
its KV cache: then it prints both halves of a worker's memory, `… GiB memory was consumed by
non-kv usages` (weights as loaded and the framework) and the KV cache, in GiB and in tokens. All
three are held against the estimate: the total that it was told to take, divided as it divides it.
"""

import json
import os
import re
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from configs.fit import cases
from configs.fit.asked import Facts
from support.ray_cluster import ENGINE_PYTHON, REPOSITORY
from vllm_manager.configs.fit import activations, architecture, defaults, kv_cache, stages
from vllm_manager.configs.fit.engine_settings import read_settings
from vllm_manager_engine.memory import Memory
from vllm_manager_engine.process import free_port

DEMO = REPOSITORY / "engine" / "src" / "vllm_manager_engine" / "demo"
UTILIZATION = 0.2
WITHIN = 0.05
MAPPED = 0.15
"""What a worker takes beside its cache is its resident memory, in which mapped pages of libraries
count: 52 to 208 MB of them were seen in workers of one machine, as its kernel maps and reclaims."""
GIB = 1024**3
LIMIT_SECONDS = 300.0


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    program = str(cases.HERE / "small_models.py")
    subprocess.run(
        [str(ENGINE_PYTHON), program, str(folder), str(DEMO)],
        check=True,
        capture_output=True,
        timeout=600,
    )
    return folder


@contextmanager
def served(model: Path, log: Path) -> Generator[subprocess.Popen[bytes]]:
    """Run vLLM's own server for a model; end it and all that it started, by pid."""
    own = {
        "VLLM_CPU_OMP_THREADS_BIND": "nobind",
        "OMP_NUM_THREADS": "1",
        "HF_HUB_OFFLINE": "1",
        "VLLM_USE_V2_MODEL_RUNNER": "0",
        "VLLM_NO_USAGE_STATS": "1",
    }
    command = [
        *(str(ENGINE_PYTHON), "-m", "vllm.entrypoints.openai.api_server"),
        *("--model", str(model), "--host", "127.0.0.1", "--port", str(free_port("127.0.0.1"))),
        *("--load-format", "safetensors", "--enforce-eager"),
        *("--gpu-memory-utilization", str(UTILIZATION)),
    ]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=output, cwd=log.parent, env=os.environ | own
        )
        try:
            yield process
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    try:
        family = psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        family = []
    process.terminate()
    psutil.wait_procs(family, timeout=30)
    for member in family:
        if member.is_running():
            member.kill()
    process.kill()
    process.wait(30)


def reported(model: Path, folder: Path) -> tuple[Memory, int]:
    """Return what vLLM says of its memory, and the bytes that it was told to take."""
    log = folder / f"{model.name}.log"
    with served(model, log) as process:
        deadline = time.monotonic() + LIMIT_SECONDS
        memory = Memory()
        while memory.kv_tokens is None or memory.other_bytes is None:
            text = log.read_text(errors="replace")
            assert process.poll() is None, text[-3000:]
            assert time.monotonic() < deadline, text[-3000:]
            for line in text.splitlines():
                memory.read(line)
            time.sleep(0.2)
    told = re.search(r"with ([\d.]+) GiB requested memory", log.read_text(errors="replace"))
    assert told is not None
    return memory, round(float(told[1]) * GIB)


def parameters_of(model: Path) -> dict[str, int]:
    """Return how many parameters of each dtype a model's safetensors file has."""
    data = (model / "model.safetensors").read_bytes()
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    counts: dict[str, int] = {}
    for name, tensor in header.items():
        if name != "__metadata__":
            size = 1
            for length in tensor["shape"]:
                size *= length
            counts[tensor["dtype"]] = counts.get(tensor["dtype"], 0) + size
    return counts


def check(model: Path, folder: Path) -> None:
    memory, requested = reported(model, folder)
    facts = Facts(json.loads((model / "config.json").read_text()), parameters_of(model))
    known = architecture.read(facts.config)
    settings = read_settings({}, {})
    loaded = stages.weights_of(stages.Model(known, facts.parameters, None), settings)
    rules = defaults.cache_rules(known, settings, "cpu", None)
    assert loaded.total_bytes is not None
    assert rules is not None
    assert known.layers is not None
    other = loaded.total_bytes + activations.CPU_WORKER_BYTES
    pool = requested - other
    cache = kv_cache.plan(known, known.layers, rules)
    tokens = cache.tokens(pool, defaults.max_model_len(known, settings))
    print(f"{model.name}: estimated {other} B, {pool} B, {tokens}; reported {memory}")
    assert memory.other_bytes is not None
    assert memory.other_bytes == pytest.approx(other, rel=MAPPED)
    assert pool == pytest.approx(memory.kv_cache_bytes, rel=WITHIN)
    assert tokens == pytest.approx(memory.kv_tokens, rel=WITHIN)


@pytest.mark.engine
def test_a_llama_takes_what_was_estimated(models: Path, tmp_path: Path) -> None:
    check(models / "llama", tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["qwen3", "gemma3", "mixtral", "opt"])
def test_other_architectures_take_what_was_estimated(
    models: Path, tmp_path: Path, name: str
) -> None:
    check(models / name, tmp_path)
