"""Real vLLM, broken in five ways: each is explained, and the remedy that is offered mends it."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from support.ray_cluster import REPOSITORY, RayCluster
from support.server import control_plane

pytestmark = pytest.mark.engine

_DEMO = REPOSITORY / "engine" / "src" / "vllm_manager_engine" / "demo"
_SECONDS = 400


@pytest.fixture(scope="module")
def plane(ray: RayCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    home = tmp_path_factory.mktemp("remedies") / "home"
    with control_plane(home, ray, retry_attempts="1") as running:
        yield running


def deploy(plane: Any, name: str, **fields: Any) -> Any:
    """Deploy what will fail; return the error that it ends with."""
    spec = {
        "name": name,
        "model": "demo",
        "resources": {"cpus": 0.5, "gpus": 0},
        "force": True,
        **fields,
    }
    status, answer = plane.call("POST", "/deployments", spec)
    assert status == 202, answer
    return plane.wait_for(name, "failed", _SECONDS)["last_error"]


def remedy(error: Any, name: str) -> Any:
    """Return the value of the first button that sets this argument."""
    offered = [r["arguments"] for r in error["remediation"] if r["action"] == "set_argument"]
    return next(one["value"] for one in offered if one["name"] == name)


def mend(plane: Any, name: str, arguments: dict[str, Any] | None = None) -> None:
    """Do what the button does, and wait until a token was generated; then make room."""
    if arguments is not None:
        status, answer = plane.call("PATCH", f"/deployments/{name}", {"arguments": arguments})
        assert status == 200, answer
    status, answer = plane.call("POST", f"/deployments/{name}/restart")
    assert status == 202, answer
    plane.wait_for(name, "ready", _SECONDS)
    plane.call("DELETE", f"/deployments/{name}")


def test_a_cache_too_small_for_the_context(plane: Any) -> None:
    held = {"kv_cache_memory_bytes": "1M", "max_model_len": 2048}
    error = deploy(plane, "cache", arguments=held)
    assert error["code"] == "kv_cache_too_small"
    assert "The largest context that fits is 512 tokens" in error["detail"]
    mend(plane, "cache", {**held, "max_model_len": remedy(error, "max_model_len")})


def test_a_batch_below_the_context(plane: Any) -> None:
    held = {"max_num_batched_tokens": 256, "enable_chunked_prefill": False}
    error = deploy(plane, "batch", arguments=held)
    assert error["code"] == "batch_too_small"
    value = remedy(error, "max_num_batched_tokens")
    assert value == 2048
    mend(plane, "batch", {**held, "max_num_batched_tokens": value})


def test_a_context_beyond_the_model(plane: Any) -> None:
    error = deploy(plane, "context", arguments={"max_model_len": 99_999})
    assert error["code"] == "context_too_long"
    assert remedy(error, "max_model_len") == 2048
    mend(plane, "context", {"max_model_len": 2048})


def _cut(folder: Path) -> None:
    data = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(data[: len(data) // 2])


def _lose_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()


@pytest.mark.parametrize(
    ("name", "harm", "code", "words"),
    [
        ("cut", _cut, "weights_corrupt", "model.safetensors is damaged"),
        ("mute", _lose_tokenizer, "tokenizer_missing", "tokenizer"),
    ],
)
def test_files_that_are_damaged_or_missing(
    plane: Any, tmp_path: Path, name: str, harm: Callable[[Path], None], code: str, words: str
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(_DEMO, folder)
    harm(folder)
    error = deploy(plane, name, model=str(folder))
    assert error["code"] == code
    assert words in error["detail"]
    assert any(r["label"] == "Verify or import the model again" for r in error["remediation"])
    shutil.copytree(_DEMO, folder, dirs_exist_ok=True)  # what a download does
    mend(plane, name)
