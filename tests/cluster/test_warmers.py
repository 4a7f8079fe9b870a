"""What warmers say of themselves is shown as long as they say it."""

from fakes.clock import FakeClock
from vllm_manager.cluster.warmers import Spare, WarmerBoard, WarmerNode, WarmerReport


def report(node: str, **more: object) -> WarmerReport:
    return WarmerReport(node=WarmerNode(id=node), wanted=1, **more)  # type: ignore[arg-type]


def test_the_newest_report_of_each_node_is_kept() -> None:
    board = WarmerBoard(FakeClock())
    board.post(report("b"))
    board.post(report("a"))
    board.post(report("a", spares=[Spare(pid=7, state="ready", resident_bytes=5)]))
    assert [(w.node.id, len(w.spares)) for w in board.all()] == [("a", 1), ("b", 0)]


def test_a_silent_warmer_is_forgotten() -> None:
    clock = FakeClock()
    board = WarmerBoard(clock)
    board.post(report("a"))
    clock.advance(19)
    assert board.all()
    clock.advance(2)
    assert not board.all()
