"""The benches: all run, whatever one of them misses, and those that missed are named."""

from pathlib import Path

from benches import BENCHES, LONG, missed, usual


def test_a_bench_that_misses_does_not_end_the_others(tmp_path: Path) -> None:
    (tmp_path / "first.py").write_text("raise SystemExit(1)")
    (tmp_path / "second.py").write_text("import sys; open(sys.argv[1], 'w').close()")
    ran = tmp_path / "ran"
    assert missed([("first.py", ()), ("second.py", (str(ran),))], tmp_path) == ["first.py"]
    assert ran.exists()


def test_every_bench_is_run_by_one_of_the_two_targets() -> None:
    run = {name for name, _ in (*usual(), *LONG)}
    assert run == {file.name for file in BENCHES.glob("*.py")}
