"""24. Memory runs out while a model is loaded: cause, numbers, and a smaller setting that works.

On CPU with real vLLM: the deployment is refused before it starts; forced, the engine's own words
become the cause; with the setting that was offered it serves.
"""

from pathlib import Path
from typing import Any

import psutil
import pytest

from support.ray_cluster import RayCluster
from support.server import control_plane

pytestmark = [pytest.mark.survival, pytest.mark.engine]

GIB = 1024**3


def spec(**fields: Any) -> dict[str, Any]:
    resources = {"cpus": 0.5, "gpus": 0}
    return {"name": "large", "model": "demo", "engine": "vllm", "resources": resources, **fields}


def test_24_what_is_too_large_is_refused_explained_and_mended(
    tmp_path: Path, ray: RayCluster
) -> None:
    too_much = psutil.virtual_memory().total + 64 * GIB
    arguments = {"kv_cache_memory_bytes": too_much, "max_model_len": 1024}
    with control_plane(tmp_path / "home", ray, retry_attempts="1") as plane:
        status, refusal = plane.call("POST", "/deployments", spec(arguments=arguments))
        assert (status, refusal["code"]) == (409, "does_not_fit")
        assert f"{too_much / GIB:.0f}"[:2] in refusal["detail"]
        assert any(cause["message"].startswith("KV cache: ") for cause in refusal["causes"])
        offered = refusal["remediation"][0]["arguments"]
        assert offered["name"] == "kv_cache_memory_bytes"

        status, answer = plane.call("POST", "/deployments", spec(arguments=arguments, force=True))
        assert status == 202, answer
        failed = plane.wait_for("large", "failed", 400)
        error = failed["last_error"]
        assert error["code"] == "out_of_memory"
        assert "GiB are free, and the KV cache was to take" in error["detail"]
        assert "less than requested memory for kv" in error["causes"][0]["evidence"]
        remedy = error["remediation"][0]
        assert remedy["arguments"]["name"] == "kv_cache_memory_bytes"

        smaller = {"max_model_len": 1024, offered["name"]: offered["value"]}
        status, answer = plane.call("PATCH", "/deployments/large", {"arguments": smaller})
        assert status == 200, answer
        status, answer = plane.call("POST", "/deployments/large/start")
        assert status == 202, answer
        plane.wait_for("large", "ready", 400)
        view = plane.ask("/deployments/large")
        assert view["estimate"]["verdict"] == "fits"
