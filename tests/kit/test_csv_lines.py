"""Tables as CSV."""

import pytest

from vllm_manager.kit.csv_lines import csv_lines


def test_rows_become_lines() -> None:
    assert csv_lines([("a", "b"), (1, None), (["x", "y"], 'say "no"')]) == (
        'a,b\r\n1,\r\nx y,"say ""no"""\r\n'
    )


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx"])
def test_what_a_spreadsheet_would_run_is_text(text: str) -> None:
    assert csv_lines([(text,)]).strip('"\r\n').startswith("'")


def test_a_negative_number_stays_one() -> None:
    assert csv_lines([(-5,)]) == "-5\r\n"
