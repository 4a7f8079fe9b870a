"""What tests of several rooms share: one real Ray for the whole run."""

from collections.abc import Iterator

import pytest

from support import databases, elsewhere, ray_cluster

_LEFT_OUT = pytest.StashKey[list[str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--postgres", action="store_true", help="on PostgreSQL instead of SQLite")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--postgres"):
        databases.use_postgres()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what can't be here: it is no part of this run, rather than skipped."""
    kept, left_out = elsewhere.sorted_out(items)
    config.hook.pytest_deselected(items=[item for found in left_out.values() for item in found])
    config.stash[_LEFT_OUT] = [f"{why}: {len(found)}" for why, found in left_out.items()]
    items[:] = kept


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    for line in config.stash.get(_LEFT_OUT, list[str]()):
        terminalreporter.write_line(f"LEFT OUT {line}")


def pytest_unconfigure() -> None:
    databases.end_postgres()


@pytest.fixture(scope="session")
def ray() -> Iterator[ray_cluster.RayCluster]:
    """A real local Ray with a token; started on first use."""
    cluster = ray_cluster.start()
    yield cluster
    cluster.stop()
