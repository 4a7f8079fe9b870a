"""How the command line ends: its exit codes, and what it says on standard error."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from support.answers import PROBLEM
from support.rest_server import RestServer
from vllm_manager.cli.output import elapsed, print_problem, size
from vllm_manager.kit.errors import FieldError, ProblemDetails

pytestmark = pytest.mark.integration


def run(tmp_path: Path, url: str, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "VLLM_MANAGER_URL": url,
        "VLLM_MANAGER_HOME": str(tmp_path / "home"),
    }
    command = [sys.executable, "-m", "vllm_manager.cli", *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_a_problem_exits_with_1_and_is_explained(tmp_path: Path, server: RestServer) -> None:
    server.answer("GET /api/v1/deployments", PROBLEM, status=500)
    done = run(tmp_path, server.url, "ls")
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.splitlines() == [
        "✗ The KV cache is too small for 4,096 tokens.",
        "  because: The engine said so.",
        "    │ ValueError: max seq len (4096)",
        "  → Set max_model_len to 1024.",
    ]


def test_a_server_that_is_not_there_exits_with_1_and_says_what_to_do(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    done = run(tmp_path, url, "ls")
    assert done.returncode == 1
    assert f"{url} can't be reached" in done.stderr
    assert "vllm-manager up" in done.stderr


def test_a_wrong_setting_is_named_without_its_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VLLM_MANAGER_HUB_PROXY", "ada:canary@proxy.test:3128")
    monkeypatch.setenv("VLLM_MANAGER_PORT", "many")
    done = run(tmp_path, "http://127.0.0.1:9", "doctor")
    assert done.returncode == 1
    said = " ".join(done.stderr.split())
    assert "VLLM_MANAGER_HUB_PROXY: Value error, It must be http://host:port" in said
    assert "VLLM_MANAGER_PORT: " in said
    assert "Traceback" not in said
    assert "canary" not in said


def test_a_file_that_cannot_be_written_is_said_and_is_no_traceback(tmp_path: Path) -> None:
    place = tmp_path / "nowhere" / "bundle.tar.gz"
    environment = {**os.environ, "VLLM_MANAGER_HOME": str(tmp_path / "home")}
    words = [sys.executable, "-m", "vllm_manager.cli", "diagnostics", "-o", str(place)]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"{place} can't be used: No such file or directory." in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_a_config_that_cannot_be_written_is_a_misuse(tmp_path: Path, server: RestServer) -> None:
    server.answer("GET /api/v1/configs/export", {"format": "x", "configs": []})
    place = tmp_path / "nowhere" / "configs.json"
    done = run(tmp_path, server.url, "config", "export", "--output", str(place))
    assert done.returncode == 2
    assert "No such file or directory" in done.stderr
    assert "Traceback" not in done.stderr


def test_misuse_exits_with_2(tmp_path: Path) -> None:
    assert run(tmp_path, "http://127.0.0.1:9", "ls", "--nonsense").returncode == 2


def test_wrong_fields_are_listed_with_what_would_work(
    capsys: pytest.CaptureFixture[str],
) -> None:
    error = FieldError(field="arguments.max_len", message="is unknown", suggestion="max_model_len")
    print_problem(
        ProblemDetails(type="t", title="T", status=422, detail="Wrong.", code="c", errors=[error])
    )
    assert "arguments.max_len: is unknown (try: max_model_len)" in capsys.readouterr().err


def test_sizes_and_durations_are_readable() -> None:
    assert [size(n) for n in (None, 512, 1536, 3 * 1024**3)] == ["–", "512 B", "2 KiB", "3.0 GiB"]
    assert [elapsed(s) for s in (None, 0.25, 42, 200, 18120)] == [
        "–",
        "0.2 s",
        "42 s",
        "3 min 20 s",
        "5 h 02 min",
    ]
