"""Row 25. The host's out-of-memory killer takes the engine: it is named as such, with proof.

The engine runs in a control group that is too small for it, so the kernel really kills it. That
takes the right to make control groups, which root has.
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.engines import supervised
from vllm_manager_engine.supervisor import EngineFailed

pytestmark = [pytest.mark.survival, pytest.mark.linux]

_ROOT = Path("/sys/fs/cgroup")
_LIMIT_BYTES = 12 * 1024**2


@pytest.fixture
def small_group() -> Iterator[Path]:
    """Yield a control group with a few MiB of memory."""
    old = (_ROOT / "memory").is_dir()
    group = (_ROOT / "memory" if old else _ROOT) / f"row-25-{os.getpid()}"
    group.mkdir()
    limit = "memory.limit_in_bytes" if old else "memory.max"
    (group / limit).write_text(str(_LIMIT_BYTES))
    yield group
    group.rmdir()


async def test_25_the_kernel_s_killer_is_named_with_its_proof(
    small_group: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = tmp_path / "python"
    joins = f"echo $$ > {small_group}/cgroup.procs"
    # The guard, which is run isolated, stays outside.
    python.write_text(f'#!/bin/sh\n[ "$1" = -I ] || {joins}\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    async with supervised() as supervisor:
        with pytest.raises(EngineFailed) as caught:
            await supervisor.start()
    failure = caught.value.failure
    assert failure.code == "host_out_of_memory"
    assert failure.detail.startswith("The host's out-of-memory killer ended the engine")
    assert "may use 12 MiB" in failure.detail
    assert "oom_kill rose" in str(failure.evidence) or "Killed process" in str(failure.evidence)
