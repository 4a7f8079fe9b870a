"""What can't run on a machine is no part of the run there, and the reason is said."""

from pathlib import Path

import pytest

from support.elsewhere import NEEDS, sorted_out


def none_is_needed() -> bool:
    raise AssertionError("it is tried, though no test needs it")


@pytest.fixture
def marked(request: pytest.FixtureRequest) -> list[pytest.Item]:
    """The tests of this file that are marked `linux`."""
    ours = (item for item in request.session.items if item.path == Path(__file__))
    return [item for item in ours if item.get_closest_marker("linux")]


@pytest.mark.linux
def test_a_test_is_left_out_for_a_reason_where_what_it_needs_is_missing(
    marked: list[pytest.Item],
) -> None:
    needs = {"linux": (lambda: False, "a penguin"), "control_groups": (none_is_needed, "root")}
    assert sorted_out(marked, needs) == ([], {"a penguin": marked})


@pytest.mark.linux
def test_it_runs_where_all_is_there(marked: list[pytest.Item]) -> None:
    assert sorted_out(marked, {"linux": (lambda: True, "a penguin")}) == (marked, {})


def test_every_need_is_a_marker_that_is_registered(pytestconfig: pytest.Config) -> None:
    registered = {line.partition(":")[0] for line in pytestconfig.getini("markers")}
    assert set(NEEDS) <= registered
