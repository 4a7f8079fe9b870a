"""Files that only their owner may read, replaced whole."""

import os
from pathlib import Path

import pytest

from vllm_manager.kit.private_files import replaced, write_private


def mode_of(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_a_file_that_others_could_read_is_replaced_by_one_that_they_can_t(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.touch(mode=0o644)
    write_private(path, "secret")
    assert (path.read_text(), mode_of(path)) == ("secret", 0o600)


def test_what_is_not_written_whole_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("before")
    with pytest.raises(ValueError, match="broken"):
        _break_off(path)
    assert [(one.name, one.read_text()) for one in tmp_path.iterdir()] == [("a", "before")]


def test_where_there_can_be_no_file_its_own_name_is_told(tmp_path: Path) -> None:
    place = tmp_path / "nowhere" / "a"
    with pytest.raises(FileNotFoundError) as refused, replaced(place):
        pass
    assert refused.value.filename == str(place)


def test_a_link_still_leads_to_the_file(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "a")
    with replaced(tmp_path / "link") as beside:
        beside.write_text("x")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "a").read_text() == "x"


def test_a_pipe_is_written_to_as_it_is(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with replaced(tmp_path / "pipe") as beside:
        assert beside == tmp_path / "pipe"
    assert (tmp_path / "pipe").is_fifo()


def _break_off(path: Path) -> None:
    with replaced(path) as beside:
        beside.write_text("half")
        raise ValueError("broken")
