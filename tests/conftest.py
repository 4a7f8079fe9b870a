"""What tests of several rooms share: one real Ray for the whole run."""

from collections.abc import Iterator

import pytest

from support import databases, ray_cluster


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--postgres", action="store_true", help="on PostgreSQL instead of SQLite")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--postgres"):
        databases.use_postgres()


def pytest_unconfigure() -> None:
    databases.end_postgres()


@pytest.fixture(scope="session")
def ray() -> Iterator[ray_cluster.RayCluster]:
    """A real local Ray with a token; started on first use."""
    cluster = ray_cluster.start()
    yield cluster
    cluster.stop()
