"""A step of set-up is done again only when what it was made from has changed."""

from pathlib import Path

from bootstrap.stamps import Stamp, digest


def test_a_stamp_is_not_current_before_it_is_written(tmp_path: Path) -> None:
    stamp = Stamp(tmp_path / "stamp", ["input"])
    assert not stamp.is_current()
    stamp.write()
    assert stamp.is_current()


def test_a_changed_file_in_an_input_folder_makes_a_stamp_stale(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "a.ts").write_text("one")
    Stamp(tmp_path / "stamp", [source]).write()
    (source / "a.ts").write_text("two")
    assert not Stamp(tmp_path / "stamp", [source]).is_current()


def test_a_renamed_file_changes_the_digest(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "a").write_text("one")
    before = digest([source])
    (source / "a").rename(source / "b")
    assert digest([source]) != before


def test_a_stamp_is_gone_with_the_folder_it_stands_for(tmp_path: Path) -> None:
    environment = tmp_path / "environment"
    stamp = Stamp(environment / ".stamp", ["lock"])
    stamp.write()
    (environment / ".stamp").unlink()
    environment.rmdir()
    assert not stamp.is_current()
