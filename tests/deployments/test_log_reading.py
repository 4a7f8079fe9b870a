"""How much is read of engines' output for one page."""

from datetime import timedelta
from pathlib import Path

import pytest
from msgspec import structs

from deployments.reported import BEGAN, line, report
from vllm_manager.deployments.logs import LogQuery, LogStore, lives_in, newest_first
from vllm_manager.deployments.logs.files import Bounds
from vllm_manager.deployments.logs.lines import KeptLine, encoder

UID = "dep_1"


@pytest.fixture
def store(tmp_path: Path) -> LogStore:
    return LogStore(tmp_path)


async def test_files_that_begin_after_a_place_are_not_read(store: LogStore, tmp_path: Path):
    text = "x" * 60_000
    for number in range(1, 60):
        at = BEGAN + timedelta(seconds=number)
        await store.append(report(line(number, text, at)))
    (life,) = lives_in(tmp_path / UID)
    head = [kept.number for kept in newest_first(life, BEGAN + timedelta(seconds=1))]
    assert head[-1] == 1
    assert head[0] < 20
    assert [kept.number for kept in newest_first(life)] == [*reversed(range(1, 60))]
    assert list(newest_first(life, BEGAN)) == []


async def test_reading_for_one_page_has_bounds(store: LogStore, tmp_path: Path):
    await store.append(report(line(1, "a rare word", BEGAN)))
    (life,) = lives_in(tmp_path / UID)
    kept = KeptLine(2, BEGAN, "r1", 1, "stderr", "usual", BEGAN)
    rest = b"".join(
        encoder.encode(structs.replace(kept, number=n)) + b"\n" for n in range(2, 250_000)
    )
    life.append(rest, Bounds(256 << 20))
    pages, cursor = 0, None
    while pages == 0 or cursor is not None:
        found, cursor = await store.page(UID, LogQuery(10, text="rare", before=cursor))
        pages += 1
        assert bool(found) is (cursor is None)
    assert pages == 3
