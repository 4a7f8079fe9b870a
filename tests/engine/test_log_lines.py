"""The engine's output becomes numbered lines, whatever it prints."""

from vllm_manager_engine.log_lines import LogRing, Output


class Heard:
    def __init__(self, lines_per_second: int = 1000) -> None:
        self.lines: list[str] = []
        self.redrawn: list[str] = []
        self.dropped: list[int] = []
        self.output = Output(
            self.lines.append, self.redrawn.append, self.dropped.append, lines_per_second
        )


def test_a_line_in_pieces_is_one_line() -> None:
    heard = Heard()
    for piece in (b"one ", b"line\nnext", b" line\n"):
        heard.output.feed(piece, 0.0)
    assert heard.lines == ["one line", "next line"]


def test_a_redrawn_line_is_kept_as_it_was_last_seen() -> None:
    heard = Heard()
    heard.output.feed(b"10%\r50%\r100%\n", 0.0)
    assert heard.lines == ["100%"]


def test_a_line_under_redrawing_is_told_before_it_ends() -> None:
    heard = Heard()
    heard.output.feed(b"Loading:  10%\rLoading:  50%", 0.0)
    assert (heard.lines, heard.redrawn) == ([], ["Loading:  50%"])


def test_colours_and_broken_text_do_no_harm() -> None:
    heard = Heard()
    heard.output.feed(b"\x1b[31mred\x1b[0m \xff\xfe\x00!\n", 0.0)
    assert heard.lines == ["red \ufffd\ufffd!"]


def test_the_last_line_counts_without_an_end() -> None:
    heard = Heard()
    heard.output.feed(b"Segmentation fault", 0.0)
    heard.output.close()
    assert heard.lines == ["Segmentation fault"]


def test_a_flood_is_cut_and_said_to_be_cut() -> None:
    heard = Heard(lines_per_second=10)
    heard.output.feed(b"".join(b"line %d\n" % n for n in range(100_000)), 0.0)
    heard.output.feed(b"calm again\n", 10.0)
    assert heard.lines[:11] == [*(f"line {n}" for n in range(10)), "line 99950"]
    assert heard.dropped == [99_940]
    assert heard.lines[-2:] == ["line 99999", "calm again"]


def test_the_end_of_a_flood_is_shown_without_waiting_for_more() -> None:
    heard = Heard(lines_per_second=10)
    heard.output.feed(b"x\n" * 100_000 + b"Application startup complete.\n", 0.0)
    heard.output.settle(1.0)
    assert heard.lines[-1] == "Application startup complete."


def test_the_last_words_after_a_flood_are_kept() -> None:
    heard = Heard(lines_per_second=10)
    heard.output.feed(b"x\n" * 100_000 + b"CUDA out of memory\n", 0.0)
    heard.output.close()
    assert heard.lines[-1] == "CUDA out of memory"


def test_a_line_without_end_takes_bounded_memory() -> None:
    heard = Heard()
    for _ in range(1000):
        heard.output.feed(b"x" * 10_000, 0.0)
    heard.output.feed(b"\n", 0.0)
    assert len(heard.lines[0]) < 30_000


def test_idle_throughput_is_not_worth_a_line() -> None:
    heard = Heard()
    line = b"Avg prompt throughput: 0.1 tokens/s, Running: %d reqs, Waiting: 0 reqs\n"
    heard.output.feed(line % 0 + line % 3, 0.0)
    assert len(heard.lines) == 1


def test_the_ring_forgets_the_oldest_and_keeps_the_numbers() -> None:
    ring = LogRing(capacity=3)
    for n in range(5):
        ring.add("stderr", f"line {n}")
    assert ring.first == 3
    assert [(line.number, line.text) for line in ring.since(1, 10)] == [
        (3, "line 2"),
        (4, "line 3"),
        (5, "line 4"),
    ]


def test_lines_are_read_from_a_number_up_to_a_limit() -> None:
    ring = LogRing()
    for n in range(10):
        ring.add("stdout", str(n))
    assert [line.number for line in ring.since(4, 2)] == [4, 5]
    assert ring.since(11, 2) == []


def test_dropped_lines_leave_a_gap_in_the_numbers() -> None:
    ring = LogRing()
    ring.add("stdout", "before", "loading")
    ring.skip(1000)
    ring.add("stdout", "after")
    assert [(line.number, line.text) for line in ring.since(1, 10)] == [
        (1, "before"),
        (1002, "after"),
    ]
    assert [line.text for line in ring.since(500, 10)] == ["after"]
    assert ring.since(1, 1)[0].as_dict()["phase"] == "loading"


def test_the_ring_is_bounded_in_characters_too() -> None:
    ring = LogRing(capacity=100, most_characters=1000)
    for n in range(50):
        ring.add("stdout", f"{n:02d}" + "x" * 98)
    assert ring.first == 41
    assert len(ring.since(1, 100, most_characters=250)) == 2
    assert len(ring.since(1, 100, most_characters=1)) == 1


def test_what_the_supervisor_says_explains_no_failure() -> None:
    ring = LogRing()
    ring.add("stderr", "CUDA out of memory")
    ring.add("supervisor", "port taken")
    assert ring.last_texts(10, 1) == ["CUDA out of memory"]
