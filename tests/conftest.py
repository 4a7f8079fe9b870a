"""What tests of several rooms share: one real Ray for the whole run."""

import sys
from collections.abc import Iterator

import pytest

from support import databases, ray_cluster


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--postgres", action="store_true", help="on PostgreSQL instead of SQLite")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--postgres"):
        databases.use_postgres()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is about another system: it is no part of this run, rather than skipped."""
    if sys.platform == "linux":
        return
    elsewhere = [item for item in items if item.get_closest_marker("linux")]
    config.hook.pytest_deselected(items=elsewhere)
    items[:] = [item for item in items if item not in elsewhere]


def pytest_unconfigure() -> None:
    databases.end_postgres()


@pytest.fixture(scope="session")
def ray() -> Iterator[ray_cluster.RayCluster]:
    """A real local Ray with a token; started on first use."""
    cluster = ray_cluster.start()
    yield cluster
    cluster.stop()
