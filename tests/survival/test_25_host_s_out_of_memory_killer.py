"""Row 25. The host's out-of-memory killer takes the engine: it is named as such, with proof.

The engine runs in a control group that is too small for it, so the kernel really kills it. That
takes the right to make control groups, which root has.
"""

import asyncio
import sys
from pathlib import Path

import pytest

from support.control_groups import small_group
from support.engines import supervised, until
from vllm_manager_engine.supervisor import EngineFailed

pytestmark = [pytest.mark.survival, pytest.mark.linux, pytest.mark.control_groups]

_LIMIT_BYTES = 16 * 1024**2


async def test_25_the_kernel_s_killer_is_named_with_its_proof(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python, seen = tmp_path / "python", tmp_path / "seen"
    with small_group("row-25", _LIMIT_BYTES) as group:
        # The guard is in it, too, so that the engine is from its first moment on, as in a
        # container; and the engine begins once its supervisor knows it.
        python.write_text(
            f"#!/bin/sh\necho $$ > {group}/cgroup.procs\n"
            f'[ "$1" = -I ] || until [ -e {seen} ]; do sleep 0.05; done\n'
            f'exec {sys.executable} "$@"\n'
        )
        python.chmod(0o755)
        monkeypatch.setattr(sys, "executable", str(python))
        async with supervised() as supervisor:
            starting = asyncio.create_task(supervisor.start())
            await until(lambda: supervisor.process and supervisor.process.engine_pid)
            seen.touch()
            with pytest.raises(EngineFailed) as caught:
                await starting
    failure = caught.value.failure
    assert failure.code == "host_out_of_memory"
    assert failure.detail.startswith("The host's out-of-memory killer ended the engine")
    assert "may use 16 MiB" in failure.detail
    assert "oom_kill rose" in str(failure.evidence) or "Killed process" in str(failure.evidence)
