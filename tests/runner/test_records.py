"""The run files: private, whole, and forgiving when damaged."""

import os
import stat
from pathlib import Path

from vllm_manager.cli.runner import RunFiles, ServiceRecord
from vllm_manager.cli.runner.processes import Member, member
from vllm_manager.cli.runner.records import STEWARD, Wanted
from vllm_manager.settings import Settings


def test_a_record_comes_back_as_it_was_written(tmp_path: Path) -> None:
    files = RunFiles(tmp_path)
    written = ServiceRecord(
        name="ray",
        state="running",
        members=[Member(1, "x", "raylet")],
        commands={"dashboard": ["a"]},
    )
    files.write(written)
    assert files.service("ray") == written
    assert stat.S_IMODE((tmp_path / "ray.json").stat().st_mode) == 0o600


def test_a_damaged_record_counts_as_none(tmp_path: Path) -> None:
    files = RunFiles(tmp_path)
    (tmp_path / "ray.json").write_text('{"name": 7')
    assert files.service("ray") is None


def test_what_is_wanted_is_kept_until_it_is_unwanted(tmp_path: Path) -> None:
    files = RunFiles(tmp_path)
    assert files.wanted() is None
    files.want(Wanted.of(Settings(home=tmp_path, port=9000), foreground=False))
    wanted = files.wanted()
    assert wanted is not None
    assert wanted.port == 9000
    files.unwant()
    assert files.wanted() is None


def test_a_steward_of_another_life_is_not_the_steward(tmp_path: Path) -> None:
    files = RunFiles(tmp_path)
    me = member(os.getpid(), STEWARD)
    assert me is not None
    files.write(ServiceRecord(name=STEWARD, members=[me]))
    assert files.steward() == me
    files.write(ServiceRecord(name=STEWARD, members=[Member(me.pid, "another life", STEWARD)]))
    assert files.steward() is None
