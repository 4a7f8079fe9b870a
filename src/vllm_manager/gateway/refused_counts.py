"""What a worker has refused itself, counted by who asked, of what model and with what status.

A refusal must stay cheaper than a request, however many come: it adds one to a number here, and the
numbers become records of usage about once a second.
"""

import time
from collections.abc import Callable
from typing import Final, NamedTuple

from vllm_manager.gateway.identity import Asker
from vllm_manager.gateway.journal import Record

MOST_CELLS: Final = 4096
_HOUR_SECONDS = 3600


class _Cell(NamedTuple):
    """What is counted together."""

    hour: int
    """Since 1970."""
    key: str | None
    user: str
    team: str | None
    model: str
    """A deployment's own name, never what a client made up; empty where there is none."""
    status: int


class RefusedCounts:
    """The counts since they were last taken. Beyond `MOST_CELLS` it is not told of which model."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._cells: dict[_Cell, int] = {}

    def add(self, asker: Asker | None, model: str, status: int) -> None:
        """Count one refusal; `asker`: None where nobody knows who it was."""
        hour = int(self._now() // _HOUR_SECONDS)
        key, user, team = (None, "", None) if asker is None else (asker.key, asker.user, asker.team)
        cell = self._fitting(_Cell(hour, key, user, team, model, status))
        self._cells[cell] = self._cells.get(cell, 0) + 1

    def take(self) -> list[Record]:
        """Return a record for each cell, and begin anew."""
        cells, self._cells = self._cells, {}
        return [_record(cell, count) for cell, count in cells.items()]

    def _fitting(self, cell: _Cell) -> _Cell:
        """Return the cell, or a coarser one where there are too many: then nobody's."""
        cells = self._cells
        if cell in cells or len(cells) < MOST_CELLS:
            return cell
        cell = cell._replace(model="")
        if cell in cells or len(cells) < 2 * MOST_CELLS:
            return cell
        return _Cell(cell.hour, None, "", None, "", cell.status)


def _record(cell: _Cell, count: int) -> Record:
    return Record(
        at=float(cell.hour * _HOUR_SECONDS),
        key=cell.key,
        user=cell.user,
        model=cell.model,
        path="",
        status=cell.status,
        stream=False,
        prompt_tokens=None,
        completion_tokens=None,
        cached_tokens=None,
        seconds=0.0,
        first_token_seconds=None,
        outcome="refused",
        team=cell.team,
        refusals=count,
    )
