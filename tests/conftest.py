"""What tests of several rooms share: one real Ray for the whole run."""

from collections.abc import Iterator

import pytest

from support import ray_cluster


@pytest.fixture(scope="session")
def ray() -> Iterator[ray_cluster.RayCluster]:
    """A real local Ray with a token; started on first use."""
    cluster = ray_cluster.start()
    yield cluster
    cluster.stop()
