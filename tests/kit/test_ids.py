"""Identifiers are unique and sort by time."""

from vllm_manager.kit.clock import SystemClock
from vllm_manager.kit.ids import new_id


async def test_later_ids_sort_after_earlier_ones():
    first = new_id("op")
    await SystemClock().sleep(0.002)
    assert first < new_id("op")


def test_ids_of_the_same_moment_differ():
    made = {new_id("dep") for _ in range(10_000)}
    assert len(made) == 10_000
    assert all(len(one) == len("dep_") + 26 for one in made)
