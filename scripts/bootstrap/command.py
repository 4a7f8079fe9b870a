"""Running programs: output to a log, and on failure its end with a remedy."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from bootstrap.paths import LOGS, ROOT
from bootstrap.progress import SetupError


def _tail(log: Path, count: int = 15) -> str:
    lines = log.read_text(errors="replace").splitlines()
    return "\n".join("    " + line for line in lines[-count:])


def run(
    arguments: Sequence[str | Path],
    *,
    log_name: str,
    remedy: str,
    cwd: Path = ROOT,
    extra: Mapping[str, str] | None = None,
) -> None:
    """Run a program to its end, with its output in `.cache/setup/{log_name}.log`.

    Raises:
        SetupError: it can't be started or failed; the message holds the end of its output.
    """
    LOGS.mkdir(parents=True, exist_ok=True)
    log = LOGS / f"{log_name}.log"
    command = [str(argument) for argument in arguments]
    with log.open("wb") as out:
        try:
            done = subprocess.run(
                command,
                cwd=cwd,
                env={**os.environ, **(extra or {})},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                check=False,
            )
        except OSError as error:
            raise SetupError(f"{command[0]} can't be started: {error}", remedy) from error
    if done.returncode != 0:
        message = (
            f"`{' '.join(command[:4])} …` failed ({done.returncode}):\n{_tail(log)}\n    ({log})"
        )
        raise SetupError(message, remedy)


def output(arguments: Sequence[str | Path]) -> str | None:
    """Return what a program prints, or None where it is missing or fails."""
    try:
        done = subprocess.run(
            [str(argument) for argument in arguments],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=60,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
