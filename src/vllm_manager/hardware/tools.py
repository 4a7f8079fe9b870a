"""Runs one of the system's own programs that tell of the hardware."""

import os
import subprocess
from collections.abc import Sequence

from vllm_manager.hardware.probe import ProbeFailure

_LIMIT_SECONDS = 20.0


def run_tool(command: Sequence[str], code: str) -> str:
    """Return what a program writes to its standard output.

    Raises:
        ProbeFailure: it can't be started, fails, or takes longer than 20 s; with this `code`.
    """
    words = " ".join(command)
    environment = {**os.environ, "LC_ALL": "C"}
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_LIMIT_SECONDS,
            check=False,
            env=environment,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired as error:
        raise ProbeFailure(code, f"{words} did not end within {_LIMIT_SECONDS:g} s.") from error
    except OSError as error:
        raise ProbeFailure(code, f"{words} can't be run: {error}") from error
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().splitlines()
        last = said[-1] if said else "it wrote nothing"
        raise ProbeFailure(code, f"{words} failed with {done.returncode}: {last}")
    return done.stdout
