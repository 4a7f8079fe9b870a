"""From “which model?” to an answer on the command line alone; a kill on the way is survived."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
from huggingface_hub import scan_cache_dir

from support.product import Product
from support.ray_cluster import wait_until

pytestmark = pytest.mark.engine

MODEL = "acme/tiny-chat"
LARGE = "acme/large"
QUESTIONS = Path(__file__).parents[2] / "engine" / "demo_model" / "questions.jsonl"


def said(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@contextmanager
def running(ready: Product, *words: str) -> Generator[subprocess.Popen[str]]:
    """Run a verb beside the test; it is ended if it has not ended by itself."""
    with subprocess.Popen(
        [sys.executable, "-m", "vllm_manager.cli", *words],
        env=ready.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def test_a_model_is_found_read_fetched_configured_deployed_and_asked(ready: Product) -> None:
    assert MODEL in said(ready.cli("models", "search", "tiny"))
    shown = ready.json("models", "show", MODEL)
    assert shown["model"]["architectures"] == ["LlamaForCausalLM"]
    assert ready.json("fit", MODEL, "--arg", "max_model_len=512")["verdict"] in ("fits", "tight")
    said(ready.cli("pull", MODEL))
    assert MODEL in {repo.repo_id for repo in scan_cache_dir(ready.home / "models").repos}
    said(ready.cli("config", "save", "tiny", "--model", MODEL, "--arg", "max_model_len=512"))
    said(ready.cli("deploy", "found", "--config", "tiny", timeout_seconds=600))
    line = json.loads(QUESTIONS.read_text().splitlines()[0])
    answer = said(ready.cli("chat", "found", line["question"], "--temperature", "0"))
    assert answer == line["answer"] + "\n"
    assert "found" in said(ready.cli("models", "ls"))
    said(ready.cli("delete", "found", "--yes"))


def test_a_download_goes_on_where_it_was_after_the_control_plane_was_killed(
    ready: Product,
) -> None:
    def bytes_done() -> int:
        found = [one for one in ready.json("downloads", "ls")["items"] if one["repo"] == LARGE]
        return found[0]["bytes_done"] if found else 0

    with running(ready, "pull", LARGE) as pull:
        wait_until(lambda: bytes_done() > 0, 60, "the first bytes")
        old = ready.member("control-plane")
        os.kill(old.pid, signal.SIGKILL)
        ready.wait_until_runs_anew("control-plane", old)
        pull.wait(300)
    wait_until(
        lambda: any(
            one["repo"] == LARGE and one["state"] == "succeeded"
            for one in ready.json("downloads", "ls")["items"]
        ),
        300,
        "the end of the download",
    )
    assert LARGE in {repo.repo_id for repo in scan_cache_dir(ready.home / "models").repos}


def test_what_can_not_fit_is_refused_with_numbers_and_a_setting_that_works(ready: Product) -> None:
    impossible = ("--arg", "kv_cache_memory_bytes=4000000000000")
    refused = ready.cli("deploy", "toobig", "--model", MODEL, *impossible)
    assert refused.returncode == 1
    assert "GiB" in refused.stderr
    fit = ready.json("fit", MODEL, *impossible)
    assert fit["verdict"] == "does_not_fit"
    (suggestion, *_) = fit["suggestions"]
    argument = suggestion["field"].removeprefix("arguments.")
    assert argument in refused.stderr
    setting = ("--arg", f"{argument}={suggestion['value']}")
    said(ready.cli("deploy", "toobig", "--model", MODEL, *setting, timeout_seconds=600))
    said(ready.cli("delete", "toobig", "--yes"))
