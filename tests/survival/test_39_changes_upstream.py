"""39. The file changes upstream between attempts (ETag, commit): restarts that file."""

import os
from pathlib import Path

import pytest

from support.downloading import MIB, downloading_plane
from support.hub import Fault, Hub, declare, weights

pytestmark = pytest.mark.survival

SIZE = 16 * MIB


def test_39_that_file_is_fetched_anew_and_the_others_are_kept(tmp_path: Path) -> None:
    first = {
        "config.json": "{}",
        "model-00001-of-00002.safetensors": weights(SIZE, 1),
        "model-00002-of-00002.safetensors": weights(SIZE, 2),
    }
    repository = declare("acme/moves", first)
    old = repository.refs["main"]
    with Hub([repository]) as hub:
        hub.faults.add(Fault("*/cdn/*00002-of*", stall_after_bytes=2 * MIB))
        with downloading_plane(tmp_path, hub.url) as plane:
            asked = plane.pull("acme/moves")
            plane.wait_for_download(
                asked, lambda d: d["files_done"] == 2 and d["bytes_done"] > SIZE + MIB
            )
            plane.kill()
            new = repository.commit({**first, "model-00002-of-00002.safetensors": weights(SIZE, 3)})
            repository.commits[old] = repository.commits[new]  # history was rewritten
            before = len(hub.requests)
            hub.faults.clear()
            plane.start()
            done = plane.wait_for_download(asked, "succeeded")
            snapshot = plane.folder("acme/moves") / "snapshots" / done["commit"]
            entry = repository.commits[new].files["model-00002-of-00002.safetensors"]
            assert os.readlink(snapshot / entry.path).endswith(entry.etag)
            assert plane.partial("acme/moves") == []
        again = [r.path for r in hub.requests[before:] if r.sent_bytes and "/cdn/" in r.path]
        assert again
        assert all("00002-of-00002" in path for path in again)
