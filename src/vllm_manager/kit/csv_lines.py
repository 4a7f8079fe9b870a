"""Tables as CSV that a spreadsheet can open without running anything in them."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import cast

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_lines(rows: Iterable[Sequence[object]]) -> str:
    """Return rows as lines of CSV; lists become words with spaces, None an empty cell."""
    text = io.StringIO()
    csv.writer(text).writerows([[_cell(value) for value in row] for row in rows])
    return text.getvalue()


def _cell(value: object) -> object:
    """A spreadsheet takes what begins with `=`, `+`, `-` or `@` for a formula: a quote stops it."""
    if isinstance(value, list):
        value = " ".join(map(str, cast("list[object]", value)))
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
