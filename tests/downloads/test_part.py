"""A file on its way: its blocks, its journal, its checksum."""

import hashlib
import os
from pathlib import Path

from vllm_manager.downloads.worker.part import BLOCK_BYTES, Part

CONTENT = os.urandom(3 * BLOCK_BYTES + 1000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def part_in(folder: Path, content: bytes = CONTENT, sha256: str | None = SHA256) -> Part:
    git = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
    part = Part(folder / "etag", len(content), sha256, git)
    part.open()
    return part


def write_block(part: Part, index: int, content: bytes = CONTENT) -> None:
    start = index * BLOCK_BYTES
    end = min(start + BLOCK_BYTES, len(content))
    part.write(memoryview(content)[start:end], start)
    part.mark(end)


def test_blocks_in_any_order_make_the_file(tmp_path: Path) -> None:
    part = part_in(tmp_path)
    for index in (2, 0, 3, 1):
        assert not part.is_complete
        write_block(part, index)
    assert part.is_complete
    assert part.is_sound()
    part.finish()
    assert (tmp_path / "etag").read_bytes() == CONTENT
    assert os.listdir(tmp_path) == ["etag"]


def test_another_process_goes_on_with_the_blocks_that_are_there(tmp_path: Path) -> None:
    first = part_in(tmp_path)
    first.etag = '"abc"'
    write_block(first, 1)
    write_block(first, 3)
    second = part_in(tmp_path)  # the first was never closed: its process was killed
    assert second.missing() == [(0, BLOCK_BYTES), (2 * BLOCK_BYTES, 3 * BLOCK_BYTES)]
    assert (second.resumed, second.etag) == (True, '"abc"')
    write_block(second, 0)
    write_block(second, 2)
    assert second.is_sound()


def test_a_block_that_was_not_finished_is_missing(tmp_path: Path) -> None:
    first = part_in(tmp_path)
    write_block(first, 0)
    first.write(memoryview(CONTENT)[BLOCK_BYTES : BLOCK_BYTES + 500], BLOCK_BYTES)
    assert part_in(tmp_path).missing() == [(BLOCK_BYTES, len(CONTENT))]


def test_a_journal_that_makes_no_sense_is_a_new_beginning(tmp_path: Path) -> None:
    (tmp_path / "etag.part").write_bytes(b"x" * 10)
    for text in (b"", b"{}", b"\xff" * 700, b'{"size": 1, "block": 2, "etag": null}'.ljust(600)):
        (tmp_path / "etag.journal").write_bytes(text)
        part = part_in(tmp_path)
        assert (part.resumed, part.missing()) == (False, [(0, len(CONTENT))])
        part.close()


def test_a_part_shorter_than_its_journal_says_is_a_new_beginning(tmp_path: Path) -> None:
    first = part_in(tmp_path)
    write_block(first, 2)
    first.close()
    os.truncate(tmp_path / "etag.part", BLOCK_BYTES)
    assert part_in(tmp_path).missing() == [(0, len(CONTENT))]


def test_one_flipped_bit_is_found(tmp_path: Path) -> None:
    wrong = bytearray(CONTENT)
    wrong[BLOCK_BYTES + 7] ^= 1
    part = part_in(tmp_path)
    for index in range(4):
        write_block(part, index, bytes(wrong))
    assert not part.is_sound()
    assert part.found() == hashlib.sha256(wrong).hexdigest()


def test_files_outside_lfs_are_checked_by_git_s_own_sum(tmp_path: Path) -> None:
    part = part_in(tmp_path, b"hello\n", None)
    part.write(memoryview(b"hello\n"), 0)
    part.mark(6)
    assert part.is_sound()
    assert part.found() == "ce013625030ba8dba906f756967f9e9ca394464a"  # git hash-object


def test_an_empty_file_is_complete_at_once(tmp_path: Path) -> None:
    part = part_in(tmp_path, b"", None)
    assert part.is_complete
    assert part.is_sound()
    assert part.found() == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"


def test_a_restart_forgets_every_block(tmp_path: Path) -> None:
    part = part_in(tmp_path)
    write_block(part, 0)
    part.restart()
    assert part.missing() == [(0, len(CONTENT))]
    for index in range(4):
        write_block(part, index)
    assert part.is_sound()


def test_what_is_on_disk_is_counted_without_opening_it(tmp_path: Path) -> None:
    first = part_in(tmp_path)
    write_block(first, 3)
    write_block(first, 0)
    second = Part(tmp_path / "etag", len(CONTENT), SHA256, "")
    assert second.on_disk_bytes() == BLOCK_BYTES + 1000
