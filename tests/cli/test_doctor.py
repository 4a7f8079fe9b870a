"""`doctor`: each piece that is wrong is found and comes with what to do."""

import json
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from vllm_manager.cli.doctor import installation, machine
from vllm_manager.cli.main import app


def test_a_missing_engine_is_found() -> None:
    found = installation.engine(Path("/nonexistent/python"))
    assert found.ok is False
    assert found.remedy == "Run: make setup"


def test_an_engine_without_vllm_is_found() -> None:
    """The control plane's own environment has neither Ray nor vLLM."""
    found = installation.engine(Path(sys.executable))
    assert found.ok is False
    assert "ray, vllm" in found.detail


def test_a_missing_or_damaged_argument_list_is_found(tmp_path: Path) -> None:
    file = tmp_path / "arguments.json"
    assert installation.arguments(file).ok is False
    file.write_text("{")
    assert installation.arguments(file).ok is False
    file.write_text('{"arguments": [{"name": "seed"}]}')
    assert installation.arguments(file).ok is True


def test_an_unbuilt_ui_is_found(tmp_path: Path) -> None:
    assert installation.ui(tmp_path).ok is False
    (tmp_path / "index.html").touch()
    assert installation.ui(tmp_path).ok is True


def test_secrets_that_others_may_read_are_found(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    folder.mkdir(mode=0o700)
    (folder / "ray_token").touch(mode=0o600)
    assert installation.secrets(folder).ok is True
    (folder / "ray_token").chmod(0o644)
    found = installation.secrets(folder)
    assert found.ok is False
    assert "ray_token" in found.detail
    assert "chmod" in (found.remedy or "")


def test_the_disk_is_looked_at_where_the_home_will_be(tmp_path: Path) -> None:
    assert str(tmp_path / "not" / "yet") in machine.disk(tmp_path / "not" / "yet").detail


def test_a_system_without_shared_memory_is_neither_right_nor_wrong(tmp_path: Path) -> None:
    assert machine.shared_memory(tmp_path / "none").ok is None


@pytest.mark.parametrize("words", [[], ["--json"]])
def test_something_wrong_exits_with_1(words: list[str], tmp_path: Path) -> None:
    environment = {
        "VLLM_MANAGER_HOME": str(tmp_path),
        "VLLM_MANAGER_ENGINE_PYTHON": str(tmp_path / "bin" / "python"),
    }
    done = CliRunner(env=environment).invoke(app, ["doctor", *words])
    assert done.exit_code == 1
    if words:
        told = json.loads(done.stdout)
        assert told["ok"] is False
        engine = next(one for one in told["findings"] if one["name"] == "Engine")
        assert engine["remedy"] == "Run: make setup"
    else:
        assert "→ Run: make setup" in done.stdout
