"""41. The hub stalls at 0 B/s: `stalled` is shown within 10 s, the connection is replaced."""

import time
from pathlib import Path

import pytest

from support.downloading import MIB, downloading_plane
from support.hub import Fault, Hub, large
from support.pace import slowness
from support.ray_cluster import wait_until

pytestmark = pytest.mark.survival


def test_41_it_says_so_and_asks_again_elsewhere(tmp_path: Path) -> None:
    with Hub([large(16 * MIB)]) as hub:
        fault = hub.faults.add(Fault("*/cdn/*", stall_after_bytes=1000))
        with downloading_plane(tmp_path, hub.url) as plane:
            asked = plane.pull("acme/large")
            wait_until(lambda: len(hub.asked("/cdn/")) >= 2, 60, "every connection")
            began = time.monotonic()
            stalled = plane.wait_for_download(asked, lambda d: d["stalled"])
            assert time.monotonic() - began < 10 * slowness()
            assert stalled["state"] == "running"
            silent = plane.wait_for_download(asked, lambda d: d["bytes_per_second"] == 0)
            assert silent["eta_seconds"] is None
            connections = len(hub.asked("/cdn/"))
            wait_until(lambda: len(hub.asked("/cdn/")) > connections, 60, "another connection")
            hub.faults.remove(fault)
            done = plane.wait_for_download(asked, "succeeded")
            assert not done["stalled"]
