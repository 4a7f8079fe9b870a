"""35. SIGKILL in mid-file: resumes after restart; at most one chunk is fetched again."""

import re
from pathlib import Path

import pytest

from support.downloading import MIB, downloading_plane
from support.hub import Fault, Hub, large
from support.hub.server import Request
from support.ray_cluster import wait_until
from support.server import is_alive

pytestmark = pytest.mark.survival

SIZE = 64 * MIB
CONNECTIONS = 8


def length(request: Request) -> int:
    """Return how many bytes a request asked for."""
    found = re.fullmatch(r"bytes=(\d+)-(\d+)", request.headers.get("range", f"bytes=0-{SIZE}"))
    assert found is not None
    return int(found[2]) - int(found[1]) + 1


def test_35_after_a_kill_it_goes_on_by_itself_with_what_is_missing(tmp_path: Path) -> None:
    with Hub([large(SIZE)]) as hub:
        hub.faults.add(Fault("*/cdn/*", bytes_per_second=2 * MIB))
        with downloading_plane(tmp_path, hub.url) as plane:
            asked = plane.pull("acme/large")
            half = plane.wait_for_download(asked, lambda d: d["bytes_done"] > SIZE // 2)
            fetcher = plane.fetcher().pid
            plane.kill()
            wait_until(lambda: not is_alive(fetcher), 60, "the end of the fetching process")
            before = len(hub.requests)
            hub.faults.clear()
            plane.start()
            done = plane.wait_for_download(asked, "succeeded")
        again = [request for request in hub.requests[before:] if "/cdn/" in request.path]
        assert done["bytes_done"] == done["bytes_total"]
        missing = SIZE - half["bytes_done"]
        assert sum(length(request) for request in again) <= missing + CONNECTIONS * MIB


def test_35_the_fetching_process_alone_is_killed(tmp_path: Path) -> None:
    with Hub([large(SIZE)]) as hub:
        fault = hub.faults.add(Fault("*/cdn/*", bytes_per_second=2 * MIB))
        with downloading_plane(tmp_path, hub.url) as plane:
            asked = plane.pull("acme/large")
            plane.wait_for_download(asked, lambda d: d["bytes_done"] > SIZE // 4)
            plane.fetcher().kill()
            hub.faults.remove(fault)
            done = plane.wait_for_download(asked, "succeeded")
        assert (done["error"], done["bytes_done"]) == (None, done["bytes_total"])
