"""Secrets lie in private files, are made once however many ask, and are never empty."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from vllm_manager.kit.errors import Problem
from vllm_manager.kit.secrets import fingerprint, matches, new_token, read_or_create, write_private


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_a_new_secret_lies_in_a_file_and_folder_for_its_owner_alone(tmp_path: Path):
    previous = os.umask(0)
    try:
        token = read_or_create(tmp_path / "secrets" / "token", "vm-")
    finally:
        os.umask(previous)
    assert token.startswith("vm-")
    assert len(token) == 46
    assert mode(tmp_path / "secrets" / "token") == 0o600
    assert mode(tmp_path / "secrets") == 0o700


def test_a_secret_stays_as_it_is_and_leaves_no_other_file(tmp_path: Path):
    first = read_or_create(tmp_path / "token")
    assert read_or_create(tmp_path / "token") == first
    assert os.listdir(tmp_path) == ["token"]


@pytest.mark.integration
def test_processes_that_ask_at_once_get_one_secret(tmp_path: Path):
    program = (
        "import sys, pathlib; from vllm_manager.kit.secrets import read_or_create; "
        "sys.stdin.read(1); print(read_or_create(pathlib.Path(sys.argv[1])))"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "token")]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    started = [subprocess.Popen(command, **pipes) for _ in range(6)]  # pyright: ignore
    for process in started:
        assert process.stdin
        process.stdin.write(".")
        process.stdin.flush()
    answers = {process.communicate(timeout=30)[0].strip() for process in started}
    assert answers == {(tmp_path / "token").read_text()}
    assert os.listdir(tmp_path) == ["token"]


def test_an_empty_secret_is_refused_rather_than_used(tmp_path: Path):
    (tmp_path / "token").write_text("\n")
    with pytest.raises(Problem, match="is empty"):
        read_or_create(tmp_path / "token")


def test_writing_replaces_the_whole_file_whatever_its_mode_was(tmp_path: Path):
    path = tmp_path / "file"
    path.write_text("something longer than what follows")
    path.chmod(0o644)
    write_private(path, "short")
    assert path.read_text() == "short"
    assert mode(path) == 0o600


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path):
    path = tmp_path / "file"
    write_private(path, "old")
    with pytest.raises(UnicodeEncodeError):
        write_private(path, "\ud800")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["file"]


def test_tokens_differ_and_are_compared_by_value():
    token = new_token()
    assert token != new_token()
    assert matches(token, token)
    assert not matches(token, token[:-1])
    assert not matches("ключ", token)
    assert len(fingerprint(token)) == 64
