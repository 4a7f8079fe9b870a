"""What was measured, as Prometheus is told of it: all of it, while it is fresh, within bounds."""

from fakes.clock import FakeClock
from support.measured import fill
from vllm_manager.monitoring.prometheus import families, render
from vllm_manager.monitoring.samples import FIGURES, FRESH_SECONDS, Board, Sample


def shown(board: Board) -> str:
    return render(families(board.fresh().values()))


def test_what_its_source_no_longer_says_vanishes() -> None:
    clock = FakeClock()
    board = Board(clock)
    board.put("a", [Sample("node_cpu_ratio", (("node", "a"),), 0.5)])
    assert 'vllm_manager_node_cpu_ratio{node="a"} 0.5' in shown(board)
    clock.advance(FRESH_SECONDS)
    assert shown(board) == ""


def test_the_series_of_a_figure_stand_together_whoever_measured_them() -> None:
    board = Board(FakeClock())
    for node in ("a", "b"):
        labels = (("node", node),)
        board.put(node, [Sample("node_cpu_ratio", labels, 0.5), Sample("gpu_up", labels, 1.0)])
    lines = [line for line in shown(board).splitlines() if not line.startswith("#")]
    assert [line.split("{")[0] for line in lines] == [
        *["vllm_manager_node_cpu_ratio"] * 2,
        *["vllm_manager_gpu_up"] * 2,
    ]


def test_a_figure_of_another_version_is_left_out() -> None:
    board = Board(FakeClock())
    board.put("a", [Sample("of_tomorrow", (), 1.0)])
    assert shown(board) == ""


def test_64_gpus_and_100_replicas_take_2_mb() -> None:
    board = Board(FakeClock())
    fill(board)
    text = shown(board)
    assert {f"# TYPE vllm_manager_{f.name} {f.kind}" for f in FIGURES} <= set(text.splitlines())
    assert len(text) < 2_000_000
