"""36. A lock or `.part` left by a dead process."""

import os
from pathlib import Path

import pytest

from support.downloading import MIB, downloading_plane
from support.hub import Hub, large
from vllm_manager.kit.process import ProcessIdentity, own_identity

pytestmark = pytest.mark.survival


def test_36_they_are_taken_over(tmp_path: Path) -> None:
    repository = large(8 * MIB)
    (commit,) = repository.commits.values()
    etag = commit.files["model-00001-of-00001.safetensors"].etag
    store = tmp_path / "models"
    me = own_identity()
    claim = store / ".locks" / "models--acme--large" / "vllm-manager.claim"
    claim.parent.mkdir(parents=True)
    # The pid is alive, but it is another process's by now.
    claim.write_text(str(ProcessIdentity(me.host, os.getpid(), me.started - 5000)))
    blobs = store / "models--acme--large" / "blobs"
    blobs.mkdir(parents=True)
    (blobs / f"{etag}.part").write_bytes(b"half of something")
    (blobs / f"{etag}.journal").write_bytes(b"{ half a header")
    with Hub([repository]) as hub, downloading_plane(tmp_path, hub.url) as plane:
        plane.wait_for_download(plane.pull("acme/large"), "succeeded")
        assert plane.partial("acme/large") == []
        assert not claim.exists()
