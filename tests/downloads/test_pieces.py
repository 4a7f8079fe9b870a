"""Who fetches what next, and how much at once."""

from vllm_manager.downloads.turns import Turn, choose
from vllm_manager.downloads.worker.part import BLOCK_BYTES
from vllm_manager.downloads.worker.pieces import LEAST_BYTES, MOST_BYTES, Pool, Queue, piece_bytes

GB = 1 << 30


def queue(size_bytes: int = GB) -> Queue:
    return Queue([(0, size_bytes)])


def test_a_thread_stays_with_its_file() -> None:
    first, second = queue(), queue()
    pool = Pool([first, second])
    assert pool.pick(first) is first


def test_threads_without_a_file_take_those_that_nobody_has() -> None:
    first, second = queue(), queue()
    pool = Pool([first, second])
    assert pool.pick(None) is first
    first.threads += 1
    assert pool.pick(None) is second


def test_where_every_file_is_taken_the_largest_rest_is_helped_with() -> None:
    small, large = queue(GB), queue(3 * GB)
    pool = Pool([small, large])
    for _ in range(2):
        taken = pool.pick(None)
        assert taken is not None
        taken.threads += 1
    assert pool.pick(None) is large


def test_where_nothing_is_left_there_is_nothing_to_take() -> None:
    only = queue(100)
    pool = Pool([only])
    assert pool.pick(None) is only
    only.cut(LEAST_BYTES)
    assert pool.pick(None) is None
    assert Pool([]).pick(None) is None


def test_a_file_that_must_come_again_is_taken_again() -> None:
    pool, again = Pool([]), queue()
    pool.add(again)
    assert pool.pick(None) is again


def test_pieces_are_cut_in_order_at_the_borders_of_blocks() -> None:
    file = Queue([(0, 3 * BLOCK_BYTES), (5 * BLOCK_BYTES, 5 * BLOCK_BYTES + 10)])
    assert file.cut(2 * BLOCK_BYTES + 500) == (0, 2 * BLOCK_BYTES)
    assert file.cut(LEAST_BYTES) == (2 * BLOCK_BYTES, 3 * BLOCK_BYTES)
    assert file.cut(LEAST_BYTES) == (5 * BLOCK_BYTES, 5 * BLOCK_BYTES + 10)
    assert (file.ranges, file.left_bytes) == ([], 0)


def test_pieces_shrink_towards_the_end() -> None:
    sizes = [piece_bytes(queue(size), 8) for size in (100 * GB, GB // 2, 1 << 20)]
    assert sizes == [MOST_BYTES, GB // 32, LEAST_BYTES]


def test_what_follows_is_taken_along_where_a_hub_sends_it_anyway() -> None:
    file = queue(10 * BLOCK_BYTES)
    _, end = file.cut(2 * BLOCK_BYTES)
    assert file.take_on(end) == 10 * BLOCK_BYTES
    assert (file.ranges, file.left_bytes) == ([], 0)
    assert file.take_on(10 * BLOCK_BYTES) == 10 * BLOCK_BYTES


def test_turns_go_in_order_and_one_at_a_time_of_each_repository() -> None:
    wanted = [Turn("1", "a/x"), Turn("2", "a/x"), Turn("3", "b/y"), Turn("4", "c/z")]
    assert choose(wanted, [], 2) == ["1", "3"]
    assert choose(wanted, [Turn("1", "a/x")], 2) == ["3"]
    assert choose(wanted, [Turn("9", "a/x")], 4) == ["3", "4"]
    assert choose(wanted, wanted[:1] + wanted[2:3], 2) == []
