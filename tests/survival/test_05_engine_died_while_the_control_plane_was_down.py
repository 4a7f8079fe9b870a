"""5. An engine died while the control plane was down: seen within 10 s of its start."""

import os
import signal

import pytest

from support.api import Json
from support.pace import slowness
from support.server import ControlPlane, is_alive

pytestmark = [pytest.mark.survival, pytest.mark.engine]


def test_05_a_dead_engine_is_not_shown_as_ready(plane: ControlPlane) -> None:
    plane.deploy("demo", fake={"loading_seconds": 15})
    plane.wait_for("demo", "ready")
    pid = plane.replica("demo")["engine_pid"]
    plane.kill()
    os.kill(pid, signal.SIGKILL)
    plane.start()

    def is_seen(deployment: Json) -> bool:
        return deployment["phase"] in ("degraded", "scheduling", "starting", "loading", "queued")

    plane.wait_for("demo", is_seen, within_seconds=10 * slowness())
    plane.wait_for("demo", "ready", within_seconds=90)
    assert plane.replica("demo")["engine_pid"] != pid
    assert is_alive(plane.replica("demo")["engine_pid"])
