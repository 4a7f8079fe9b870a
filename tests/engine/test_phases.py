"""The engine's printed lines become phases."""

import pytest

from support.ray_cluster import REPOSITORY
from vllm_manager_engine.phases import Course, is_listening, percent, words

REAL_START = (REPOSITORY / "tests" / "fixtures" / "vllm_start.txt").read_text().splitlines()


def walk(lines: list[str]) -> Course:
    course = Course(0.0)
    for now, line in enumerate(lines):
        course.read(line, float(now))
    return course


def test_a_real_start_goes_through_the_phases_in_order() -> None:
    course = walk(REAL_START)
    assert [step.phase for step in course.timeline] == ["starting", "loading"]
    assert course.phase == "warming"


def test_a_real_start_announces_its_port() -> None:
    assert any(map(is_listening, REAL_START))


@pytest.mark.parametrize(
    ("line", "phase", "progress"),
    [
        ("Fetching 8 files:  25%|##5       | 2/8 [00:10<00:30,  5.0s/it]", "fetching", 0.25),
        ("model-00001-of-00002.safetensors:  62%|######2   | 3.1G/5.0G", "fetching", 0.62),
        ("(Worker pid=9) Starting to load model /m...", "loading", None),
        ("Loading safetensors checkpoint shards:  50% Completed | 1/2", "loading", 0.5),
        ("INFO 11-23 10:00:00 [b.py:1] Dynamo bytecode transform time", "compiling", None),
        ("Capturing CUDA graphs (mixed, PIECEWISE):  40%|####      |", "compiling", 0.4),
        ("INFO 11-23 10:00:00 [kv.py:1] GPU KV cache size: 2,097,152 tokens", "warming", None),
    ],
)  # fmt: skip
def test_a_line_is_a_sign_of_a_phase(line: str, phase: str, progress: float | None) -> None:
    course = walk([line])
    assert (course.phase, course.progress) == (phase, progress)


def test_a_phase_is_never_left_backwards_by_a_line() -> None:
    course = walk(["GPU KV cache size: 1 tokens", "Starting to load model x"])
    assert course.phase == "warming"


def test_each_phase_remembers_how_long_it_took() -> None:
    course = walk(["a", "b", "Starting to load model x", "c", "GPU KV cache size: 1 tokens"])
    assert [(s.phase, s.seconds) for s in course.timeline] == [("starting", 2.0), ("loading", 2.0)]


def test_the_same_words_again_are_no_progress() -> None:
    course = walk(["waiting for the moon", "waiting for the moon"])
    assert course.moved == 0.0


def test_a_ready_engine_stays_ready_whatever_it_prints() -> None:
    course = walk(["Starting to load model x"])
    course.enter("ready", 5.0)
    course.read("Warming up the model", 6.0)
    assert course.phase == "ready"


def test_words_leave_out_process_level_time_and_place() -> None:
    line = "(EngineCore pid=9) INFO 11-23 10:00:00 [core.py:402] init engine took 1 s"
    assert words(line) == "init engine took 1 s"


def test_words_of_a_bare_line_are_the_line() -> None:
    assert words("ValueError: no") == "ValueError: no"


def test_a_decimal_percentage_is_read_whole() -> None:
    assert percent("at 12.5% now") == 0.12
