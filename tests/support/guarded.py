"""A guard started by hand, with the ends of its pipes."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping

from vllm_manager_engine import guard


def guard_command(commands: int, status: int) -> list[str]:
    """Return a guard's command line up to the engine's own."""
    return [sys.executable, "-I", "-S", guard.__file__, str(commands), str(status), "--"]


class Guarded:
    """A Python program under a guard, whose death is this object's `close`."""

    def __init__(self, program: str, environment: Mapping[str, str] = os.environ) -> None:
        commands, self.commands = os.pipe()
        self.status, status = os.pipe()
        self.guard = subprocess.Popen(
            [*guard_command(commands, status), sys.executable, "-c", program],
            env=dict(environment),
            pass_fds=(commands, status),
            start_new_session=True,
        )
        os.close(commands)
        os.close(status)
        self._closed = False
        self._lines = os.fdopen(self.status, "rb")
        self.engine_pid = self.read()["engine_pid"]

    def read(self) -> dict[str, int]:
        return json.loads(self._lines.readline())

    def close(self) -> None:
        if not self._closed:
            os.close(self.commands)
        self._closed = True

    def __enter__(self) -> "Guarded":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        self.guard.wait(10)
        self._lines.close()
