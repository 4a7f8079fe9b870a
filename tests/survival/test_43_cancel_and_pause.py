"""43. Cancel leaves no partial file; pause keeps them."""

from pathlib import Path

import pytest

from support.downloading import MIB, DownloadingPlane, downloading_plane
from support.hub import Fault, Hub, large
from support.ray_cluster import wait_until

pytestmark = pytest.mark.survival

SIZE = 32 * MIB


def half_way(plane: DownloadingPlane) -> str:
    asked = plane.pull("acme/large")
    plane.wait_for_download(asked, lambda d: d["bytes_done"] > SIZE // 4)
    return asked


def test_43_pause_keeps_the_parts_even_over_a_kill(tmp_path: Path) -> None:
    with Hub([large(SIZE)]) as hub:
        hub.faults.add(Fault("*/cdn/*", bytes_per_second=MIB))
        with downloading_plane(tmp_path, hub.url) as plane:
            asked = half_way(plane)
            plane.act(asked, "pause")
            plane.kill()
            plane.start()
            assert plane.look(asked)["state"] == "paused"
            assert [path.suffix for path in plane.partial("acme/large")] == [".journal", ".part"]
            hub.faults.clear()
            before = len(hub.requests)
            plane.act(asked, "resume")
            plane.wait_for_download(asked, "succeeded")
        again = sum(r.sent_bytes for r in hub.requests[before:] if "/cdn/" in r.path)
        assert again < SIZE


@pytest.mark.parametrize("state", ["running", "paused"])
def test_43_cancel_leaves_nothing(tmp_path: Path, state: str) -> None:
    with Hub([large(SIZE)]) as hub:
        hub.faults.add(Fault("*/cdn/*", bytes_per_second=MIB))
        with downloading_plane(tmp_path, hub.url) as plane:
            asked = half_way(plane)
            if state == "paused":
                plane.act(asked, "pause")
            plane.act(asked, "cancel")
            wait_until(lambda: not plane.folder("acme/large").exists(), 60, "the folder's end")
            assert plane.look(asked)["state"] == "cancelled"
            assert not list(plane.store.rglob("*.part"))


def test_43_a_cancel_is_finished_after_a_kill(tmp_path: Path) -> None:
    with Hub([large(SIZE)]) as hub:
        hub.faults.add(Fault("*/cdn/*", bytes_per_second=MIB))
        with downloading_plane(tmp_path, hub.url) as plane:
            asked = half_way(plane)
            plane.act(asked, "cancel")
            plane.kill()
            plane.start()
            wait_until(lambda: not plane.folder("acme/large").exists(), 60, "the folder's end")
