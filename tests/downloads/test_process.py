"""The fetching process: light, alone, and gone with its parent."""

import json
import subprocess
import sys

from support.ray_cluster import wait_until

HEAVY = ("pydantic", "sqlalchemy", "fastapi", "httpx", "huggingface_hub", "asyncio")


def test_it_imports_nothing_heavy() -> None:
    code = "import sys, vllm_manager.downloads.worker.__main__; print(*sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    modules = told.stdout.split()
    assert "vllm_manager.downloads.worker.job" in modules
    assert [name for name in HEAVY if name in modules] == []


def test_it_ends_when_the_pipe_to_its_parent_does() -> None:
    child = subprocess.Popen(
        [sys.executable, "-m", "vllm_manager.downloads.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    )
    assert child.stdin is not None
    child.stdin.write(json.dumps({"do": "limit", "bytes_per_second": 1024}).encode() + b"\n")
    child.stdin.close()
    wait_until(lambda: child.poll() is not None, 60, "the end of the process")
    assert child.returncode == 0
