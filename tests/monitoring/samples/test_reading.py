"""The newest readings, while they are fresh."""

from fakes.clock import FakeClock
from vllm_manager.monitoring.samples import FIGURES, FRESH_SECONDS, Board, Sample


def test_a_silent_source_is_no_longer_told_of() -> None:
    clock = FakeClock()
    board = Board(clock)
    board.put("a", [Sample("node_cpu_ratio", (("node", "a"),), 0.5)])
    clock.advance(FRESH_SECONDS - 1)
    board.put("b", [])
    assert set(board.fresh()) == {"a", "b"}
    clock.advance(1)
    assert set(board.fresh()) == {"b"}


def test_a_figures_name_ends_with_its_unit_and_is_told_once() -> None:
    units = ("_bytes", "_seconds", "_ratio", "_total", "_celsius", "_watts")
    plain = ("gpu_up", "gpu_throttled", "process_open_descriptors", "process_threads")
    names = [figure.name for figure in FIGURES]
    assert len(names) == len(set(names))
    counted = [n for n in names if "_requests_" in n and not n.endswith("_total")]
    assert [n for n in names if not n.endswith(units)] == [*plain, *counted]
