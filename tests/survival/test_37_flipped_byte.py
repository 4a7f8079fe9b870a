"""37. One flipped byte: sha256 refuses the file, says which."""

from pathlib import Path

import pytest

from support.downloading import MIB, downloading_plane
from support.hub import Fault, Hub, large

pytestmark = pytest.mark.survival

NAME = "model-00002-of-00003.safetensors"


def test_37_the_file_is_named_and_never_shown(tmp_path: Path) -> None:
    with Hub([large(8 * MIB, files=3)]) as hub:
        fault = hub.faults.add(Fault(f"*/cdn/*{NAME}", flip_byte_at=5 * MIB))
        with downloading_plane(tmp_path, hub.url) as plane:
            asked = plane.pull("acme/large")
            error = plane.failure(asked)
            assert error["code"] == "file_corrupt"
            assert NAME in error["detail"]
            assert not list(plane.folder("acme/large").glob("snapshots/*"))
            hub.faults.remove(fault)
            plane.act(asked, "retry")
            plane.wait_for_download(asked, "succeeded")
