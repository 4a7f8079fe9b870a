"""`config`: every verb, against a control plane that runs."""

import json
import shlex
from collections.abc import Callable, Generator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from support.application import engine_python_in
from support.downloading import DownloadingPlane, downloading_plane
from vllm_manager.cli.main import app
from vllm_manager.kit.errors import Problem

Run = Callable[..., Result]


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Generator[DownloadingPlane]:
    folder = tmp_path_factory.mktemp("plane")
    python = str(engine_python_in(folder))
    with downloading_plane(folder / "home", "http://127.0.0.1:9", engine_python=python) as plane:
        yield plane


@pytest.fixture
def run(plane: DownloadingPlane) -> Generator[Run]:
    """Run one verb, its words apart or in one line; afterwards no config is left."""
    admin = json.loads((plane.home / "secrets" / "admin.json").read_text())
    environment = {
        "VLLM_MANAGER_URL": str(plane.client.base_url),
        "VLLM_MANAGER_TOKEN": admin["api_key"],
        "VLLM_MANAGER_HOME": str(plane.home),
    }

    def run_verb(*words: str, typed: str | None = None) -> Result:
        split = [part for word in words for part in shlex.split(word)]
        return CliRunner(env=environment).invoke(app, split, input=typed)

    yield run_verb
    for config in plane.ask("/configs")["items"]:
        plane.client.delete(f"/api/v1/configs/{config['name']}")


def say(run: Run, *words: str) -> str:
    """Run a verb that must succeed; return what it prints."""
    done = run(*words)
    assert done.exit_code == 0, (done.output, done.exception)
    return done.stdout


def problem(run: Run, *words: str) -> Problem:
    done = run(*words)
    assert isinstance(done.exception, Problem), done.output
    return done.exception


def test_a_config_is_saved_changed_and_shown(run: Run) -> None:
    assert "version 1" in say(run, "config save chat --model demo --arg max_model_len=512")
    assert "version 2" in say(run, "config save chat --arg max_num_seqs=4 -m more")
    assert "says so already" in say(run, "config save chat --arg max_num_seqs=4")
    shown = json.loads(say(run, "config", "show", "chat"))
    assert shown["recipe"]["arguments"] == {"max_model_len": 512, "max_num_seqs": 4}
    first = json.loads(say(run, "config", "show", "chat", "--version", "1"))
    assert first["recipe"]["arguments"] == {"max_model_len": 512}
    assert "more" in say(run, "config", "show", "chat", "--versions")


def test_configs_are_listed(run: Run) -> None:
    assert "config save" in say(run, "config", "ls")
    say(run, "config save chat --model demo")
    assert "chat" in say(run, "config", "ls")
    assert json.loads(say(run, "config", "ls", "--json"))["items"][0]["version"] == 1


def test_two_versions_are_compared_and_rolled_back(run: Run) -> None:
    say(run, "config save chat --model demo --arg max_model_len=512")
    say(run, "config save chat --arg max_model_len=1024")
    assert say(run, "config", "diff", "chat").splitlines() == [
        "chat, version 1 → 2",
        "- arguments.max_model_len: 512",
        "+ arguments.max_model_len: 1024",
    ]
    assert "version 3" in say(run, "config", "rollback", "chat", "1")
    nothing = say(run, "config diff chat --from 1 --to 3")
    assert "no difference" in nothing


def test_a_config_is_cloned_and_removed(run: Run) -> None:
    say(run, "config save chat --model demo")
    say(run, "config", "clone", "chat", "copy")
    say(run, "config", "rm", "chat", "--yes")
    assert problem(run, "config", "show", "chat").code == "config_not_found"
    assert json.loads(say(run, "config", "show", "copy"))["recipe"]["model"] == "demo"


def test_an_unknown_argument_is_answered_with_the_nearest(run: Run) -> None:
    found = problem(run, "config save chat --model demo --arg max_model_length=1")
    assert found.details.errors[0].suggestion == "max_model_len"


def test_what_is_exported_is_imported(run: Run, tmp_path: Path) -> None:
    for name in ("a", "b"):
        say(run, "config", "save", name, "--model", "demo")
    file = tmp_path / "configs.json"
    say(run, "config", "export", "-o", str(file))
    say(run, "config", "rm", "a", "--yes")
    assert "a: would be created, version 1" in say(run, "config", "import", str(file), "--check")
    assert say(run, "config", "import", str(file)).splitlines() == [
        "a: created, version 1",
        "b: unchanged, version 1",
    ]
    single = json.loads(say(run, "config", "export", "a"))
    assert (single["format"], single["name"]) == (1, "a")


def test_a_mistake_in_a_file_is_named_with_line_and_column(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "chat.json"
    file.write_text('{\n  "format": 1,\n  "name": "chat",\n  "modell": "demo"\n}\n')
    detail = problem(run, "config", "import", str(file)).details.detail
    assert "Line 4, column 3: A config has no `modell` here. Did you mean `model`?" in detail


def test_a_file_that_is_not_there_is_misuse(run: Run) -> None:
    assert run("config", "import", "/no/such/file.json").exit_code == 2


def test_a_config_begins_with_a_preset(run: Run) -> None:
    say(run, "config save chat --model Qwen/Qwen3-8B --preset qwen3")
    arguments = json.loads(say(run, "config", "show", "chat"))["recipe"]["arguments"]
    assert arguments["reasoning_parser"] == "qwen3"
    assert run("config save x --model demo --preset nothing").exit_code == 2


def test_presets_are_listed_for_a_model(run: Run) -> None:
    assert say(run, "config presets --model openai/gpt-oss-20b").startswith("gpt-oss")


def test_the_schema_is_printed(run: Run) -> None:
    assert "max_model_len" in say(run, "config", "schema")


def test_a_deployment_is_made_from_a_config_and_the_other_way_round(
    run: Run, plane: DownloadingPlane
) -> None:
    say(run, "config save chat --model demo --arg max_model_len=512")
    made = say(run, "deploy assistant --config chat@1 --no-start --json")
    assert json.loads(made)["deployment"]["spec"]["config"] == {"name": "chat", "version": 1}
    assert problem(run, "config", "rm", "chat", "--yes").code == "config_in_use"
    say(run, "config save again --from assistant")
    recipe = json.loads(say(run, "config", "show", "again"))["recipe"]
    assert recipe["arguments"] == {"max_model_len": 512}
    assert run("deploy other --config chat@new").exit_code == 2
    plane.call("DELETE", "/deployments/assistant")
