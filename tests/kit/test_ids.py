"""Identifiers are unique and sort by time."""

from collections.abc import Iterator

from vllm_manager.kit.ids import new_id


def made() -> Iterator[str]:
    while True:
        yield new_id("op")


def moment(made: str) -> str:
    """Return the part that tells the millisecond."""
    return made[len("op_") :][:10]


def test_later_ids_sort_after_earlier_ones():
    ids = made()
    first = next(ids)
    assert first < next(later for later in ids if moment(later) != moment(first))


def test_ids_of_the_same_moment_differ():
    made = {new_id("dep") for _ in range(10_000)}
    assert len(made) == 10_000
    assert all(len(one) == len("dep_") + 26 for one in made)
