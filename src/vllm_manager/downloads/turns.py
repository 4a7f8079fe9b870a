"""Which of the downloads that are wanted run now. Pure."""

from collections.abc import Collection, Sequence
from typing import NamedTuple


class Turn(NamedTuple):
    """A download that runs or is to run."""

    id: str
    repo: str


def choose(wanted: Sequence[Turn], running: Collection[Turn], at_once: int) -> Sequence[str]:
    """Return the ids to begin: in order, as many as may run, one at a time of each repository.

    Two downloads of one repository share blobs; the second finds what the first has fetched.
    """
    free = at_once - len(running)
    busy_repos = {turn.repo for turn in running}
    running_ids = {turn.id for turn in running}
    chosen: list[str] = []
    for turn in wanted:
        if len(chosen) >= free:
            break
        if turn.id not in running_ids and turn.repo not in busy_repos:
            chosen.append(turn.id)
            busy_repos.add(turn.repo)
    return chosen
