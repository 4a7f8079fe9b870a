"""What is changed of vLLM, and when it is left alone."""

from types import ModuleType

from vllm_manager_engine.vllm_plugin import shorten_spin


def queue_with(default: object) -> ModuleType:
    class SpinCondition:
        def __init__(self, busy_loop_s: object = default) -> None:
            self.busy_loop_s = busy_loop_s

    module = ModuleType("queue")
    vars(module)["SpinCondition"] = SpinCondition
    return module


def test_readers_spin_for_a_fiftieth_of_what_vllm_sets():
    queue = queue_with(1)
    assert shorten_spin(queue)
    assert queue.SpinCondition().busy_loop_s == 0.02


def test_a_vllm_that_is_made_otherwise_is_left_alone():
    queue = queue_with(5)
    assert not shorten_spin(queue)
    assert queue.SpinCondition().busy_loop_s == 5
    assert not shorten_spin(ModuleType("empty"))
