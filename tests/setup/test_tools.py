"""Choosing tools: Node.js new enough, commands that fail with their output and a remedy."""

import sys
from pathlib import Path

import pytest

from bootstrap.command import output, run
from bootstrap.hardware import engine_for_this_machine
from bootstrap.node import is_new_enough
from bootstrap.progress import SetupError


@pytest.mark.parametrize(
    ("version", "good"),
    [
        ("v24.19.0", True),
        ("v20.19.0", True),
        ("v20.18.1", False),
        ("v18.20.4", False),
        ("", False),
        (None, False),
        ("not a version", False),
    ],
)
def test_node_is_taken_from_the_system_only_if_new_enough(version: str | None, good: bool) -> None:
    assert is_new_enough(version) is good


def test_a_failing_command_quotes_its_output_and_says_what_to_do() -> None:
    program = [sys.executable, "-c", "print('the disk is full'); raise SystemExit(3)"]
    with pytest.raises(SetupError, match="the disk is full") as raised:
        run(program, log_name="test-failing", remedy="Free some space.")
    assert raised.value.remedy == "Free some space."


def test_a_missing_program_is_a_set_up_error() -> None:
    with pytest.raises(SetupError, match="can't be started"):
        run(["/nonexistent/program"], log_name="test-missing", remedy="Install it.")
    assert output(["/nonexistent/program"]) is None


def test_the_choice_of_an_engine_comes_with_its_reason() -> None:
    kind, why = engine_for_this_machine()
    assert kind in ("cuda", "cpu", None)
    assert why


def test_set_up_explains_itself_to_an_old_python() -> None:
    """The entry must compile without anything that only new versions of Python know."""
    entry = Path(__file__).parents[2] / "scripts" / "setup.py"
    head = entry.read_text().partition("from bootstrap")[0]
    assert "needs Python 3.11 or newer" in head
    assert "match " not in head
