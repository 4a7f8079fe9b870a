"""Which of the downloads that are wanted run now. Pure."""

from collections.abc import Collection, Sequence
from typing import Protocol, TypeVar


class Wanted(Protocol):
    """A download that is wanted."""

    @property
    def id(self) -> str: ...
    @property
    def repo(self) -> str: ...


W = TypeVar("W", bound=Wanted)


def choose(wanted: Sequence[W], running: Collection[W], at_once: int) -> Sequence[W]:
    """Return those to begin: in order, as many as may run, one at a time of each repository.

    Two downloads of one repository share blobs; the second finds what the first has fetched.
    """
    free = at_once - len(running)
    busy_repos = {row.repo for row in running}
    running_ids = {row.id for row in running}
    chosen: list[W] = []
    for row in wanted:
        if len(chosen) >= free:
            break
        if row.id not in running_ids and row.repo not in busy_repos:
            chosen.append(row)
            busy_repos.add(row.repo)
    return chosen
