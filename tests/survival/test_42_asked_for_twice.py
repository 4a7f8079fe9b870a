"""42. The same model asked for twice: one download."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from support.downloading import MIB, downloading_plane
from support.hub import Fault, Hub, large

pytestmark = pytest.mark.survival

SIZE = 16 * MIB


def test_42_ten_requests_at_once_are_one_download(tmp_path: Path) -> None:
    with Hub([large(SIZE)]) as hub:
        fault = hub.faults.add(Fault("*/cdn/*", bytes_per_second=MIB))
        with downloading_plane(tmp_path, hub.url) as plane, ThreadPoolExecutor(10) as pool:
            asked = set(pool.map(plane.pull, ["acme/large"] * 10))
            assert len(asked) == 1
            hub.faults.remove(fault)
            plane.wait_for_download(asked.pop(), "succeeded")
            assert len(plane.ask("/downloads")["items"]) == 1
        assert sum(request.sent_bytes for request in hub.asked("/cdn/")) < SIZE + MIB
