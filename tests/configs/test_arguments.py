"""Engine arguments: known names alone, right types, nothing reserved, nothing smuggled."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from vllm_manager.configs import EngineArguments
from vllm_manager.kit.errors import FieldError, Problem

LIST = Path(__file__).parent.parent / "fixtures" / "engine_arguments.json"


@pytest.fixture
def arguments() -> EngineArguments:
    return EngineArguments(LIST)


def only_error(arguments: EngineArguments, name: str, value: Any) -> FieldError:
    errors = arguments.check({name: value})
    assert len(errors) == 1, errors
    assert errors[0].field == f"arguments.{name}"
    return errors[0]


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("max_model_length", "max_model_len"),
        ("enforce_eagr", "enforce_eager"),
        ("--max-num-seq", "max_num_seqs"),
        ("gpu_memory_utilisation", "gpu_memory_utilization"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest(
    arguments: EngineArguments, name: str, nearest: str
):
    error = only_error(arguments, name, 1)
    assert error.suggestion == nearest
    assert f"Did you mean `{nearest}`?" in error.message
    assert "vLLM 0.32.0 knows no argument" in error.message


def test_a_name_like_no_other_is_refused_without_a_suggestion(arguments: EngineArguments):
    assert only_error(arguments, "zzzzzz", 1).suggestion is None


def test_a_reserved_name_is_never_suggested(arguments: EngineArguments):
    assert only_error(arguments, "api_keys", "x").suggestion != "api_key"


@pytest.mark.parametrize(
    "name",
    [
        "host",
        "--host",
        "port",
        "api_key",
        "api-key",
        "--api-key",
        "middleware",
        "--middleware",
        "trust_remote_code",
        "trust-remote-code",
        "--trust-remote-code",
        " --trust_remote_code",
        "---trust-remote-code",
        "model",
        "served_model_name",
        "tensor_parallel_size",
        "config",
        "worker_cls",
        "ssl_keyfile",
        "uds",
    ],
)
def test_what_is_reserved_is_refused_however_it_is_spelled(arguments: EngineArguments, name: str):
    for value in (True, "x", None, ["x"]):
        error = only_error(arguments, name, value)
        assert "can't be set on a deployment." in error.message


@pytest.mark.parametrize(
    "name",
    [
        "Trust_Remote_Code",
        "trust_remote_code=true",
        "no_trust_remote_code",
        "trust_remote_cod",
        "hf_overrides.trust_remote_code",
        "hos",
        "tp",
        "-tp",
        "max_model_len --trust-remote-code",
        "max_model_len\n--host",
        "",
        "--",
    ],
)
def test_no_other_spelling_of_a_name_gets_through(arguments: EngineArguments, name: str):
    assert "knows no argument" in only_error(arguments, name, True).message


SMUGGLED: list[tuple[str, Any]] = [
    ("hf_overrides", {"trust_remote_code": True}),
    ("hf_overrides", {"a": [{"Trust-Remote-Code": True}]}),
    ("hf_overrides", '{"trust_remote_code": true}'),
    ("hf_overrides", '{"trust\\u005fremote_code": true}'),
    ("hf_overrides", {"a": '{"b": "{\\"trust\\\\u005fremote_code\\": 1}"}'}),
    ("speculative_config", {"model": "x", "draft_load_config": {"load_format": "pt"}}),
    ("speculative_config", {"draft_load_config": {"load_format": "AUTO"}}),
    ("kv_transfer_config", {"kv_connector_module_path": "evil.module"}),
    ("additional_config", {"worker_cls": "evil.Worker"}),
    ("chat_template", "--trust-remote-code"),
    ("lora_modules", ["a=b", "--trust-remote-code"]),
    ("lora_modules", ['{"name": "a", "path": "b", "trust_remote_code": true}']),
]


@pytest.mark.parametrize(("name", "value"), SMUGGLED)
def test_nothing_is_smuggled_in_a_value(arguments: EngineArguments, name: str, value: Any):
    only_error(arguments, name, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("lora_modules", ["a=b", "-x"]),
        ("lora_modules", "--host"),
        ("cudagraph_capture_sizes", [1, -2]),
    ],
)
def test_entries_of_a_list_do_not_begin_with_a_hyphen(
    arguments: EngineArguments, name: str, value: Any
):
    assert "begin with “-”" in only_error(arguments, name, value).message


@pytest.mark.parametrize("value", ["auto", "pt", "npcache", "AUTO", "tensorizer", "evil", {}, 1])
def test_a_load_format_that_can_run_code_is_refused(arguments: EngineArguments, value: Any):
    assert "other formats can run code" in only_error(arguments, "load_format", value).message


@pytest.mark.parametrize("value", ["safetensors", "dummy", None])
def test_a_safe_load_format_is_accepted(arguments: EngineArguments, value: Any):
    assert arguments.check({"load_format": value}) == []


WRONG: list[tuple[str, Any]] = [
    ("max_model_len", "many"),
    ("max_model_len", True),
    ("max_model_len", 10.5),
    ("max_model_len", 0),
    ("max_model_len", -2),
    ("max_model_len", "1.5"),
    ("max_model_len", "²"),
    ("max_model_len", 10**30),
    ("max_model_len", [1]),
    ("max_num_seqs", 0),
    ("seed", -7),
    ("gpu_memory_utilization", "much"),
    ("gpu_memory_utilization", 0),
    ("gpu_memory_utilization", 1.5),
    ("gpu_memory_utilization", -0.5),
    ("gpu_memory_utilization", True),
    ("cpu_offload_gb", -1),
    ("enforce_eager", "yes"),
    ("enforce_eager", 1),
    ("tokenizer", True),
    ("tokenizer", {"a": 1}),
    ("tokenizer", ["a"]),
    ("tokenizer", "a\0b"),
    ("tokenizer", "x" * 20_001),
    ("lora_modules", 5),
    ("lora_modules", {"a": "b"}),
    ("hf_overrides", True),
    ("all2all_backend", "none_such"),
    ("collect_detailed_traces", ["model", "none_such"]),
]


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_value_of_the_wrong_type_or_range_is_refused(
    arguments: EngineArguments, name: str, value: Any
):
    assert only_error(arguments, name, value).message.startswith(f"`{name}` ")


FINE: list[tuple[str, Any, list[str]]] = [
    ("max_model_len", 1024, ["--max-model-len=1024"]),
    ("--max-model-len", 1024, ["--max-model-len=1024"]),
    ("max_model_len", "1k", ["--max-model-len=1000"]),
    ("max_model_len", "1K", ["--max-model-len=1024"]),
    ("max_model_len", "25.6k", ["--max-model-len=25600"]),
    ("max_model_len", "auto", ["--max-model-len=auto"]),
    ("max_model_len", -1, ["--max-model-len=-1"]),
    ("max_num_seqs", "64", ["--max-num-seqs=64"]),
    ("gpu_memory_utilization", 0.5, ["--gpu-memory-utilization=0.5"]),
    ("gpu_memory_utilization", 1, ["--gpu-memory-utilization=1"]),
    ("cpu_offload_gb", 0, ["--cpu-offload-gb=0"]),
    ("enforce_eager", True, ["--enforce-eager"]),
    ("enforce_eager", False, ["--no-enforce-eager"]),
    ("tokenizer", "-odd", ["--tokenizer=-odd"]),
    ("chat_template", "/a b/c.jinja", ["--chat-template=/a b/c.jinja"]),
    ("hf_overrides", {"rope_theta": 1.5}, ['--hf-overrides={"rope_theta": 1.5}']),
    ("hf_overrides", '{"a": 1}', ['--hf-overrides={"a": 1}']),
    ("lora_modules", ["a=/b", "c=/d"], ["--lora-modules", "a=/b", "c=/d"]),
    (
        "lora_modules",
        [{"name": "a", "path": "/b"}],
        ["--lora-modules", '{"name": "a", "path": "/b"}'],
    ),
    ("cudagraph_capture_sizes", [1, 2], ["--cudagraph-capture-sizes", "1", "2"]),
    ("collect_detailed_traces", ["model"], ["--collect-detailed-traces", "model"]),
    (
        "speculative_config",
        {"method": "ngram", "num_speculative_tokens": 2},
        ['--speculative-config={"method": "ngram", "num_speculative_tokens": 2}'],
    ),
    ("all2all_backend", "pplx", ["--all2all-backend=pplx"]),
    ("max_model_len", None, []),
]


@pytest.mark.parametrize(("name", "value", "line"), FINE)
def test_what_is_fine_is_rendered_as_the_engine_reads_it(
    arguments: EngineArguments, name: str, value: Any, line: list[str]
):
    assert arguments.check({name: value}) == []
    assert arguments.render({name: value}) == line


def test_one_argument_under_two_spellings_is_refused(arguments: EngineArguments):
    errors = arguments.check({"max_model_len": 1, "--max-model-len": 2})
    assert [error.message for error in errors] == ["`max_model_len` is given 2 times."]


def test_every_wrong_argument_is_named(arguments: EngineArguments):
    errors = arguments.check({"host": "x", "seed": "x", "max_model_len": 10, "nope": 1})
    assert [e.field for e in errors] == ["arguments.host", "arguments.seed", "arguments.nope"]


def test_without_arguments_no_list_is_needed(tmp_path: Path):
    missing = EngineArguments(tmp_path / "missing.json")
    assert missing.check({}) == []
    assert missing.render({}) == []


@pytest.mark.parametrize("text", [None, "", "{", "[]", '{"arguments": [{}]}'])
def test_a_list_that_cant_be_read_says_what_to_do(tmp_path: Path, text: str | None):
    path = tmp_path / "arguments.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(Problem) as caught:
        EngineArguments(path).known()
    assert (caught.value.code, caught.value.details.status) == ("engine_arguments_missing", 503)
    assert "make up" in caught.value.details.detail


def test_a_new_list_is_read_without_a_restart(tmp_path: Path):
    path = tmp_path / "arguments.json"
    path.write_text(LIST.read_text())
    arguments = EngineArguments(path)
    assert arguments.check({"brand_new": 1}) != []
    document = json.loads(LIST.read_text())
    new = {"name": "brand_new", "flag": "--brand-new", "type": "integer"}
    path.write_text(json.dumps({**document, "arguments": [new], "version": "9"}))
    os.utime(path, ns=(1, 1))
    assert arguments.check({"brand_new": 1}) == []
    assert arguments.version == "9"


def test_the_list_tells_why_an_argument_is_reserved(arguments: EngineArguments):
    known = arguments.known()
    assert known["max_model_len"].reserved is None
    assert known["host"].reserved == "It is set by vLLM Manager."
