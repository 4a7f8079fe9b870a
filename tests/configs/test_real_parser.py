"""What the control plane renders, the installed engine's own parser reads as it was meant."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from support.ray_cluster import ENGINE_PYTHON
from vllm_manager.configs import EngineArguments

INSTALLED = ENGINE_PYTHON.parent.parent / "share" / "vllm-manager" / "arguments.json"
GIVEN: dict[str, Any] = {
    "max_model_len": "25.6k",
    "seed": 7,
    "gpu_memory_utilization": 0.5,
    "enforce_eager": True,
    "enable_prefix_caching": False,
    "chat_template": "-a b.c=d",
    "load_format": "safetensors",
    "hf_overrides": {"rope_theta": 1.5, "a.b": ["c"]},
    "speculative_config": '{"method": "ngram", "num_speculative_tokens": 2}',
    "limit_mm_per_prompt": {"image": 2},
    "collect_detailed_traces": ["model"],
    "cudagraph_capture_sizes": [1, 2],
    "lora_modules": ["first=/a/b", {"name": "second", "path": "/c"}],
}
PROGRAM = """
import importlib, json, sys
from pathlib import Path
from vllm.utils.argparse_utils import FlexibleArgumentParser
from vllm_manager_engine import arguments
make = arguments._parser_maker()
words = ["--served-model-name", "x", *json.loads(sys.stdin.read())]
found = vars(make(FlexibleArgumentParser()).parse_args(words))
found["lora_modules"] = [[m.name, m.path] for m in found["lora_modules"]]
print("FOUND" + json.dumps({name: found[name] for name in sys.argv[1:]}))
"""


@pytest.mark.engine
def test_every_type_of_argument_reaches_the_engine_as_it_was_given(tmp_path: Path):
    arguments = EngineArguments(INSTALLED)
    assert arguments.check(GIVEN) == []
    answer = subprocess.run(
        [str(ENGINE_PYTHON), "-c", PROGRAM, *GIVEN],
        input=json.dumps(arguments.render(GIVEN)),
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=300,
    )
    assert "FOUND" in answer.stdout, answer.stderr[-2000:]
    found = json.loads(answer.stdout.rpartition("FOUND")[2])
    assert found == {
        **GIVEN,
        "max_model_len": 25_600,
        "speculative_config": {"method": "ngram", "num_speculative_tokens": 2},
        "lora_modules": [["first", "/a/b"], ["second", "/c"]],
    }
