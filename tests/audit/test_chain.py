"""The chain by itself: what was changed, taken out or put in shows."""

from typing import Any

import pytest

from vllm_manager.audit.chain import GENESIS, MEMBERS, Walk, hash_of


def chain(length: int) -> list[dict[str, Any]]:
    """Return so many entries that follow each other."""
    links: list[dict[str, Any]] = []
    before = GENESIS
    for seq in range(1, length + 1):
        link = {**dict.fromkeys(MEMBERS), "seq": seq, "action": "startDeployment"}
        link |= {"subject": f"model-{seq}", "previous_hash": before}
        before = link["hash"] = hash_of(link)
        links.append(link)
    return links


def test_what_was_not_touched_is_whole() -> None:
    walk, links = Walk(), chain(5)
    assert walk.take(links[:2])
    assert walk.take(links[2:])
    verdict = walk.verdict
    assert (verdict.ok, verdict.entries, verdict.head) == (True, 5, links[-1]["hash"])


@pytest.mark.parametrize("name", [name for name in MEMBERS if name != "seq"])
def test_every_member_is_covered(name: str) -> None:
    links = chain(4)
    links[1][name] = "another"
    walk = Walk()
    assert not walk.take(links)
    assert walk.verdict.broken_at == 2


def test_a_changed_entry_with_a_hash_of_its_own_breaks_the_next() -> None:
    links = chain(4)
    links[1]["subject"] = "another"
    links[1]["hash"] = hash_of(links[1])
    walk = Walk()
    assert not walk.take(links)
    assert walk.verdict.broken_at == 3


def test_an_entry_that_was_taken_out_is_missed() -> None:
    links = chain(4)
    del links[1]
    walk = Walk()
    assert not walk.take(links)
    assert (walk.verdict.broken_at, walk.verdict.reason) == (3, "Entry 2 is missing.")


def test_a_beginning_that_was_cut_off_shows_where_the_start_is_known() -> None:
    links = chain(4)
    assert not Walk(GENESIS).take(links[2:])
    assert Walk(links[1]["hash"]).take(links[2:])
    assert Walk(None).take(links[2:])
