"""What the scenarios share: one real Ray for the whole run, one control plane for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from support import ray_cluster
from support.ray_cluster import RayCluster
from support.server import ControlPlane, control_plane, empty


@pytest.fixture(scope="session")
def shared_ray() -> Iterator[RayCluster]:
    """A real local Ray with a token; started on first use."""
    cluster = ray_cluster.start()
    yield cluster
    cluster.stop()


@pytest.fixture
def ray(shared_ray: RayCluster) -> Iterator[RayCluster]:
    """The Ray, with nothing on it before and after the test."""
    yield shared_ray
    empty(shared_ray)


@pytest.fixture
def plane(tmp_path: Path, ray: RayCluster) -> Iterator[ControlPlane]:
    """A control plane with settings that make the fake engine's failures quick."""
    with control_plane(tmp_path / "home", ray) as plane:
        yield plane
