"""34. Connection dropped at 1, 50 and 99 %: resumes by range."""

from pathlib import Path

import pytest

from support.downloading import MIB, downloading_plane
from support.hub import Fault, Hub, large

pytestmark = pytest.mark.survival

SIZE = 32 * MIB


@pytest.mark.parametrize("percent", [1, 50, 99])
def test_34_what_came_is_not_fetched_again(tmp_path: Path, percent: int) -> None:
    with Hub([large(SIZE)]) as hub:
        fault = Fault("*/cdn/*", drop_after_bytes=8 * MIB * percent // 100, times=4)
        hub.faults.add(fault)
        with downloading_plane(tmp_path, hub.url) as plane:
            done = plane.wait_for_download(plane.pull("acme/large"), "succeeded")
        asked = hub.asked("/cdn/")
        assert fault.times == 0
        assert done["bytes_done"] == done["bytes_total"]
        assert all("range" in request.headers for request in asked)
        assert sum(request.sent_bytes for request in asked) < SIZE + 5 * MIB
