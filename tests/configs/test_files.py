"""Config files: what people write by hand is read, and each mistake is named where it stands."""

import json
from pathlib import Path

import pytest

from configs.conftest import ARGUMENTS
from vllm_manager.configs import EngineArguments, Recipe, RecipeChecks
from vllm_manager.configs.files import ReadConfig, read_file
from vllm_manager.kit.errors import FieldError, Problem, ProblemDetails

CHECKS = RecipeChecks(EngineArguments(ARGUMENTS))


def check(_: str, recipe: Recipe) -> list[FieldError]:
    return CHECKS.errors(recipe)


def read(text: str) -> list[ReadConfig]:
    return read_file(text, check)


def refusal(text: str) -> ProblemDetails:
    with pytest.raises(Problem) as caught:
        read(text)
    assert caught.value.details.status == 422
    return caught.value.details


def test_one_config_is_read() -> None:
    found = read('{"format": 1, "name": "chat", "model": "Qwen/Qwen3-0.6B"}')
    assert found == [ReadConfig("chat", Recipe(model="Qwen/Qwen3-0.6B"))]


def test_many_configs_are_read_with_or_without_a_format_of_their_own() -> None:
    found = read(
        '{"format": 1, "configs": ['
        '{"format": 1, "name": "a", "model": "demo"}, {"name": "b", "model": "demo"}]}'
    )
    assert [config.name for config in found] == ["a", "b"]


def test_a_file_may_name_the_schema_that_its_editor_checks_it_with() -> None:
    assert read('{"$schema": "./s.json", "format": 1, "name": "a", "model": "demo"}')


def test_a_mistake_in_the_json_is_named_with_line_and_column() -> None:
    problem = refusal('{\n  "format": 1,\n  "name": "chat",\n}')
    assert problem.code == "invalid_config_file"
    assert problem.errors[0].message.startswith("Line 3, column 17: there is a comma before “}”")
    assert "Line 3, column 17" in problem.detail


def test_an_unknown_argument_is_named_with_its_place_and_the_nearest() -> None:
    text = (
        '{\n  "format": 1,\n  "name": "chat",\n  "model": "demo",\n'
        '  "arguments": {\n    "max_model_length": 4096\n  }\n}'
    )
    error = refusal(text).errors[0]
    assert error.field == "arguments.max_model_length"
    assert error.message.startswith("Line 6, column 5: vLLM 0.32.0 knows no argument")
    assert error.suggestion == "max_model_len"


def test_a_wrong_value_is_named_where_it_stands() -> None:
    text = '{"format": 1, "name": "chat", "model": "demo",\n"arguments": {"max_num_seqs": 0}}'
    error = refusal(text).errors[0]
    assert error.message.startswith("Line 2, column 31: `max_num_seqs` is out of range")


def test_an_unknown_field_is_named_with_the_nearest() -> None:
    error = refusal('{"format": 1, "name": "chat",\n "modell": "demo", "model": "demo"}').errors[0]
    assert error.message == "Line 2, column 2: A config has no `modell` here. Did you mean `model`?"
    assert error.suggestion == "model"


def test_a_missing_field_is_named() -> None:
    error = refusal('{"format": 1, "name": "chat"}').errors[0]
    assert error.message == "Line 1, column 1: `model` is missing."


def test_every_mistake_of_every_config_is_named_at_once() -> None:
    text = (
        '{"format": 1, "configs": [\n'
        ' {"name": "Chat", "model": "demo"},\n'
        ' {"name": "b", "model": "demo", "replicas": "many", "resources": {"gpus": -1}}]}'
    )
    fields = {error.field: error.message for error in refusal(text).errors}
    assert fields["configs[0].name"].startswith("Line 2, column 11: A name has lower-case")
    assert fields["configs[1].replicas"].startswith("Line 3, column 45:")
    assert fields["configs[1].resources.gpus"].startswith("Line 3, column 75:")


def test_a_name_that_stands_twice_is_refused() -> None:
    text = (
        '{"format": 1, "configs": [{"name": "a", "model": "demo"},{"name": "a", "model": "demo"}]}'
    )
    assert "stands in this file twice" in refusal(text).detail


def test_a_config_from_a_newer_version_is_named_as_such() -> None:
    problem = refusal('{"format": 2, "name": "chat", "soul": {}}')
    assert problem.code == "config_too_new"
    assert "a config from a newer version" in problem.detail
    assert "format 2" in problem.detail
    assert problem.remediation


def test_a_newer_config_among_many_is_named_with_its_line() -> None:
    text = '{"format": 1, "configs": [\n{"format": 7, "name": "a", "model": "demo"}]}'
    problem = refusal(text)
    assert problem.code == "config_too_new"
    assert problem.detail.startswith("Line 2, column 12")


@pytest.mark.parametrize("value", ["true", '"1"', "0", "1.0", "null", "[]"])
def test_a_format_that_is_no_format_is_refused(value: str) -> None:
    problem = refusal(f'{{"format": {value}, "name": "chat", "model": "demo"}}')
    assert "The format's number is 1." in problem.detail


def test_a_file_without_a_format_is_told_what_to_add() -> None:
    assert 'add `"format": 1`' in refusal('{"name": "chat", "model": "demo"}').detail


@pytest.mark.parametrize("text", ["[]", "3", '"x"', "null", '{"format": 1, "configs": []}'])
def test_what_is_no_config_at_all_is_refused(text: str) -> None:
    assert refusal(text).code == "invalid_config_file"


def test_what_stands_beside_a_list_of_configs_is_refused() -> None:
    text = '{"format": 1, "model": "demo", "configs": [{"name": "a", "model": "demo"}]}'
    assert "holds `format` and `configs` only" in refusal(text).detail


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"trust_remote_code": True}, "runs code"),
        ({"--api-key": "x"}, "access"),
        ({"host": "0.0.0.0"}, "set by vLLM Manager"),
        ({"load_format": "pt"}, "can run code"),
    ],
)
def test_row_64_arguments_that_smuggle_are_refused_in_files(
    arguments: dict[str, object], word: str
) -> None:
    text = json.dumps({"format": 1, "name": "a", "model": "demo", "arguments": arguments})
    problem = refusal(text)
    assert len(problem.errors) == 1
    assert word in problem.detail or "code" in problem.detail


def test_a_file_on_disk_may_be_of_any_line_ending(tmp_path: Path) -> None:
    text = '{\r\n"format": 1,\r\n"name": "a",\r\n"model": "demo", "nmae": 1}'
    assert refusal(text).errors[0].message.startswith("Line 4, column 18:")
