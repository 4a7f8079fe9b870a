"""Which processes of an engine compute, and whether they still live."""

import subprocess
import sys
from pathlib import Path

from support.ray_cluster import wait_until
from vllm_manager_engine import engine_core

_PARENT = """
import multiprocessing, signal, sys

def wait() -> None:
    signal.pause()

if __name__ == "__main__":
    child = multiprocessing.get_context("spawn").Process(target=wait)
    child.start()
    print(child.pid, flush=True)
    sys.stdin.read()
    child.kill()
"""


def test_a_spawned_process_counts_also_where_it_could_not_be_given_its_title(
    tmp_path: Path,
) -> None:
    script = tmp_path / "parent.py"
    script.write_text(_PARENT)
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, str(script)], stdin=pipe, stdout=pipe) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        wait_until(lambda: engine_core.workers(parent.pid), 60, "the child")
        known = engine_core.workers(parent.pid)
        assert [p for p, _ in known] == [pid]
        assert engine_core.all_alive(known)
        parent.communicate(timeout=60)
    wait_until(lambda: not engine_core.all_alive(known), 60, "its end")
