"""A specification becomes a command line and an environment."""

from pathlib import Path

import pytest

from support.engines import model_folder, replica_spec
from vllm_manager_engine import command
from vllm_manager_engine.model_folder import Model, locate, problem
from vllm_manager_engine.secret import VARIABLE

LOCAL = Model("/models/m", Path("/models/m"))
HUB = Model("organisation/name", None)


def built(model: Model = LOCAL, **changes: object) -> list[str]:
    spec = replica_spec(engine="vllm", **changes)
    return command.command(spec, model, "127.0.0.1", 4711)


def after(options: list[str], name: str) -> str | None:
    return options[options.index(name) + 1] if name in options else None


def test_the_engine_is_told_where_to_listen_and_under_which_name() -> None:
    options = built()
    assert after(options, "--port") == "4711"
    assert after(options, "--host") == "127.0.0.1"
    assert after(options, "--served-model-name") == "demo"


def test_the_quick_way_in_is_taken_unless_several_servers_are_asked_for() -> None:
    assert built()[2:5] == ["vllm_manager_engine.launch", "--model", "/models/m"]
    several = built(arguments=["--data-parallel-size=2"])
    assert several[2:5] == ["vllm.entrypoints.cli.main", "serve", "/models/m"]


def test_every_route_is_guarded() -> None:
    assert after(built(), "--middleware") == "vllm_manager_engine.secret.RequireSecret"


def test_only_safetensors_are_loaded_unless_said_otherwise() -> None:
    assert after(built(), "--load-format") == "safetensors"
    assert built(arguments=["--load-format", "dummy"]).count("--load-format") == 1


def test_a_small_machine_gets_small_settings() -> None:
    options = built()
    assert "--enforce-eager" in options
    assert after(options, "--kv-cache-memory-bytes") == str(1024**3)


def test_what_the_deployment_says_stands() -> None:
    options = built(arguments=["--no-enforce-eager", "--kv-cache-memory-bytes=1G"])
    assert "--enforce-eager" not in options
    assert "--kv-cache-memory-bytes" not in options


def test_a_gpu_gets_the_engine_s_own_settings() -> None:
    options = built(gpus=1)
    assert "--enforce-eager" not in options
    assert "--kv-cache-memory-bytes" not in options


def test_several_workers_run_under_the_engine_itself_not_under_ray() -> None:
    options = built(gpus=4, tensor_parallel_size=2, pipeline_parallel_size=2)
    assert after(options, "--tensor-parallel-size") == "2"
    assert after(options, "--pipeline-parallel-size") == "2"
    assert after(options, "--distributed-executor-backend") == "mp"


def test_a_revision_is_for_the_hub_alone() -> None:
    assert after(built(HUB, revision="abc"), "--revision") == "abc"
    assert "--revision" not in built(LOCAL, revision="abc")


def test_spans_go_where_the_product_s_go_unless_the_deployment_names_another_place() -> None:
    spec = replica_spec(otlp_endpoint="http://127.0.0.1:4318/")
    told = command.command(spec, LOCAL, "127.0.0.1", 4711)
    assert after(told, "--otlp-traces-endpoint") == "http://127.0.0.1:4318/v1/traces"
    environment = command.environment(spec, LOCAL, {}, "s")
    assert environment["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"] == "http/protobuf"
    assert environment["OTEL_SERVICE_NAME"] == "demo"
    own = ["--otlp-traces-endpoint=http://a:1"]
    spec = replica_spec(otlp_endpoint="http://127.0.0.1:4318", arguments=own)
    assert "--otlp-traces-endpoint" not in command.command(spec, LOCAL, "127.0.0.1", 4711)
    assert "OTEL_SERVICE_NAME" not in command.environment(spec, LOCAL, {}, "s")
    assert "--otlp-traces-endpoint" not in built()


@pytest.mark.parametrize(
    "argument",
    ["--host", "--api-key=x", "--trust-remote-code", "--trust_remote_code", "--trust", "--uds",
     "--middleware", "--worker-cls=x.Y", "--load-format=pt", "--tool-parser-plugin=/tmp/x.py"],
)  # fmt: skip
def test_a_reserved_argument_is_refused(argument: str) -> None:
    refused = command.refusal(replica_spec(arguments=[argument]))
    assert refused is not None
    assert refused.code == "bad_argument"


@pytest.mark.parametrize(
    "argument", ["--max-model-len", "--model-impl=auto", "--tool-call-parser=hermes", "-5", "word"]
)
def test_an_ordinary_argument_is_not(argument: str) -> None:
    assert command.refusal(replica_spec(arguments=[argument])) is None


def test_the_cache_holds_two_requests_of_full_length() -> None:
    config = {
        "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8,
        "hidden_size": 4096, "max_position_embeddings": 8192,
    }  # fmt: skip
    assert command.kv_cache_bytes(config, None) == 2 * 131_072 * 8192
    assert command.kv_cache_bytes(config, 4096) == 2 * 131_072 * 4096


def test_the_cache_stays_within_bounds() -> None:
    tiny = {"num_hidden_layers": 1, "hidden_size": 8, "max_position_embeddings": 16}
    assert command.kv_cache_bytes(tiny, None) == 256 * 1024**2
    assert command.kv_cache_bytes(tiny, 10**12) == 4096 * 1024**2


def test_our_settings_and_ray_s_do_not_reach_the_engine() -> None:
    inherited = {"VLLM_MANAGER_HOME": "/x", "RAY_AUTH_TOKEN_PATH": "/t", "PATH": "/bin"}
    environment = command.environment(replica_spec(), LOCAL, inherited, "s")
    assert environment["PATH"] == "/bin"
    assert not {"VLLM_MANAGER_HOME", "RAY_AUTH_TOKEN_PATH"} & set(environment)


def test_the_gpus_that_ray_gave_are_passed_on() -> None:
    environment = command.environment(
        replica_spec(gpus=1), LOCAL, {"CUDA_VISIBLE_DEVICES": "3"}, "s"
    )
    assert environment["CUDA_VISIBLE_DEVICES"] == "3"
    assert "VLLM_CPU_OMP_THREADS_BIND" not in environment


def test_a_local_folder_needs_no_hub() -> None:
    assert command.environment(replica_spec(), LOCAL, {}, "s")["HF_HUB_OFFLINE"] == "1"
    assert "HF_HUB_OFFLINE" not in command.environment(replica_spec(), HUB, {}, "s")


def test_the_deployment_s_environment_comes_last_but_for_the_secret() -> None:
    asked = {"OMP_NUM_THREADS": "7", VARIABLE: "mine"}
    environment = command.environment(replica_spec(environment=asked), LOCAL, {}, "s")
    assert environment["OMP_NUM_THREADS"] == "7"
    assert environment[VARIABLE] == "s"


def test_every_replica_finds_the_caches_of_the_node() -> None:
    """vLLM keeps what it compiles below its cache root: for all, and for the next start."""
    first = command.environment(replica_spec(uid="dep_1"), LOCAL, {"HOME": "/home/a"}, "s")
    again = command.environment(
        replica_spec(uid="dep_2", generation=7, attempt=3), LOCAL, {"HOME": "/home/a"}, "other"
    )
    assert first | {VARIABLE: ""} == again | {VARIABLE: ""}
    assert not [name for name in first if "CACHE" in name]


@pytest.mark.parametrize(
    ("node", "deployment", "expected"),
    [("/node", None, "/node"), (None, "/mine", "/mine"), ("/node", "/mine", "/mine")],
)
def test_a_cache_root_of_the_node_or_the_deployment_is_honoured(
    node: str | None, deployment: str | None, expected: str
) -> None:
    inherited = {"VLLM_CACHE_ROOT": node} if node else {}
    asked = {"VLLM_CACHE_ROOT": deployment} if deployment else {}
    environment = command.environment(replica_spec(environment=asked), LOCAL, inherited, "s")
    assert environment["VLLM_CACHE_ROOT"] == expected


def test_the_command_line_shows_no_secret() -> None:
    assert "s3cret" not in " ".join(built())


def test_the_demo_model_comes_with_the_package() -> None:
    folder = locate("demo").folder
    assert folder is not None
    assert folder.name == "demo"


def test_a_folder_with_safetensors_may_be_loaded(tmp_path: Path) -> None:
    folder = model_folder(tmp_path, "config.json", "model.safetensors", "old.bin")
    assert problem(Model(str(folder), folder)) is None


@pytest.mark.parametrize("names", [["model.safetensors"], ["config.json"], []])
def test_a_folder_that_is_no_model_is_said_to_be_none(tmp_path: Path, names: list[str]) -> None:
    folder = model_folder(tmp_path, *names)
    found = problem(Model(str(folder), folder))
    assert found is not None
    assert found.code == "model_not_found"
