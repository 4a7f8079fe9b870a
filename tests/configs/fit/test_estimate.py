"""What an estimate says of models on machines with GPUs and without."""

from typing import Any

import pytest

from configs.fit import cases
from configs.fit.asked import GIB, LLAMA_8B, LLAMA_70B, SMOLLM, Facts, Room, ask, config
from vllm_manager.configs.fit import architecture, defaults
from vllm_manager.configs.fit.engine_settings import read_settings
from vllm_manager.configs.fit.report import refusal_of
from vllm_manager.configs.fit.schemas import FitReport, FitRequest
from vllm_manager.configs.fit.service import judge
from vllm_manager.hardware import GpuProcess
from vllm_manager_engine.command import kv_cache_bytes

ONE_24 = Room(gpus=[(24, 23.6)])


def parts(report: FitReport, index: int = 0) -> dict[str, Any]:
    names = ("weights", "kv_cache", "activations", "graphs", "overhead", "lora")
    device = report.devices[index].model_dump()
    return {name: device[f"{name}_bytes"] for name in names}


def test_a_model_that_fits_says_what_takes_how_much() -> None:
    report = ask("llama-3-8b", LLAMA_8B, ONE_24)
    assert report.verdict == "fits"
    assert parts(report)["weights"] == 2 * LLAMA_8B["BF16"]
    assert report.kv_bytes_per_token == 131_072
    assert report.kv_tokens == pytest.approx(
        (report.devices[0].kv_cache_bytes or 0) / 131_072, abs=16
    )
    assert report.smallest_gpus == 1
    assert report.suggestions == []


def test_the_parts_and_the_cache_are_all_that_the_engine_may_take() -> None:
    report = ask("llama-3-8b", LLAMA_8B, ONE_24)
    assert sum(parts(report).values()) == report.devices[0].allowed_bytes


def test_what_is_needed_is_the_parts_and_one_request_of_full_length() -> None:
    report = ask("llama-3-8b", LLAMA_8B, ONE_24, arguments={"max_model_len": 8192})
    fixed = sum(size for name, size in parts(report).items() if name != "kv_cache")
    assert report.devices[0].needed_bytes == fixed + (8192 + 16) * 131_072


def test_an_unknown_size_of_the_weights_is_unknown_and_not_nothing() -> None:
    report = ask("llama-3-8b", None, ONE_24)
    assert report.verdict == "unknown"
    assert report.confidence == "none"
    assert parts(report)["weights"] is None
    assert report.devices[0].needed_bytes is None
    assert report.kv_tokens is None
    assert report.unknowns == ["The size of the model's weights is not known."]


def test_a_configuration_that_says_nothing_is_unknown() -> None:
    facts = Facts({"model_type": "something_new"}, {"BF16": 1000})
    report = judge(FitRequest(model="a"), facts, ONE_24.snapshot())
    assert report.verdict == "unknown"
    assert report.kv_bytes_per_token is None
    assert any("how many layers" in why for why in report.unknowns)


@pytest.mark.parametrize(
    "broken",
    [
        {"num_hidden_layers": "many"},
        {"num_hidden_layers": -1},
        {"num_attention_heads": [], "num_key_value_heads": None},
        {"rope_scaling": "x", "quantization_config": 3},
        {"layer_types": [1, 2]},
        {"layer_types": ["surprise"] * 32},
        {"max_position_embeddings": float("inf"), "vocab_size": float("nan")},
        {"text_config": []},
    ],
)
def test_a_malformed_configuration_never_raises(broken: dict[str, Any]) -> None:
    facts = Facts({**config("llama-3-8b"), **broken}, LLAMA_8B)
    assert judge(FitRequest(model="a"), facts, ONE_24.snapshot()).verdict in (
        "fits", "tight", "unknown",
    )  # fmt: skip


def test_weights_alone_that_are_too_large_do_not_fit_even_where_the_cache_is_unknown() -> None:
    facts = Facts({**config("llama-2-70b"), "layer_types": ["surprise"] * 80}, LLAMA_70B)
    assert judge(FitRequest(model="a"), facts, ONE_24.snapshot()).verdict == "does_not_fit"


@pytest.mark.parametrize(
    "argument",
    [{"speculative_config": {"model": "x"}}, {"cpu_offload_gb": 4}, {"kv_cache_dtype": "nvfp4"},
     {"hf_overrides": {"num_hidden_layers": 1}}],
)  # fmt: skip
def test_settings_that_the_estimate_can_not_count_make_it_unknown(argument: Any) -> None:
    report = ask("llama-3-8b", LLAMA_8B, ONE_24, arguments=argument)
    assert report.verdict == "unknown"
    assert report.unknowns


def test_32_bit_weights_are_loaded_in_16_bit() -> None:
    report = ask("olmo-2-7b", {"F32": 7_298_011_136}, ONE_24)
    assert parts(report)["weights"] == 2 * 7_298_011_136


def test_quantised_weights_stay_as_they_are_stored() -> None:
    report = ask("gpt-oss-20b", {"BF16": 1000, "U8": 5000}, ONE_24)
    assert parts(report)["weights"] == 2 * 1000 + 5000


def test_weights_are_split_over_gpus_and_few_heads_are_copied() -> None:
    room = Room(gpus=[(80, 79)] * 4)
    shards = ask("glm-4-9b", {"BF16": 9_400_279_040}, room,
                 resources={"tensor_parallel_size": 4})  # fmt: skip
    per_gpu = parts(shards)["weights"]
    assert len(shards.devices) == 4
    # Two key-value heads on four GPUs: each has a whole one.
    copied = 40 * 2 * 4096 * 128 * (1 - 2 / 4) * 2
    assert per_gpu == pytest.approx(2 * 9_400_279_040 / 4 + copied, abs=2)


def test_pipeline_stages_have_their_own_layers_and_ends() -> None:
    room = Room(gpus=[(80, 79)] * 2)
    resources = {"pipeline_parallel_size": 2}
    report = ask("llama-3-8b", LLAMA_8B, room, resources=resources)
    first, last = parts(report, 0), parts(report, 1)
    assert first["weights"] + last["weights"] == pytest.approx(2 * LLAMA_8B["BF16"], abs=4)
    assert report.kv_bytes_per_token == 131_072 // 2


def test_the_names_of_arguments_may_be_written_as_on_a_command_line() -> None:
    one = ask("llama-3-8b", LLAMA_8B, ONE_24, arguments={"--max-model-len": "4k"})
    assert one.max_model_len == 4000
    assert ask("llama-3-8b", LLAMA_8B, ONE_24, arguments={"max-model-len": 4000}) == one


def test_the_engine_refuses_to_take_more_than_is_free_and_the_share_that_is_free_works() -> None:
    room = Room(gpus=[(24, 20)])
    report = ask("llama-3-8b", LLAMA_8B, room)
    assert report.verdict == "does_not_fit"
    assert "gpu_memory_utilization 0.92 asks for more than is free" in report.summary
    (way,) = report.suggestions
    assert way.field == "arguments.gpu_memory_utilization"
    again = ask("llama-3-8b", LLAMA_8B, room, arguments={"gpu_memory_utilization": way.value})
    assert again.verdict == way.verdict == "fits"


@pytest.mark.parametrize(
    ("model", "parameters", "room"),
    [
        ("llama-3-8b", LLAMA_8B, Room(gpus=[(16, 15.6)])),
        ("llama-3-8b", LLAMA_8B, Room(gpus=[(24, 12)])),
        ("llama-2-70b", LLAMA_70B, Room(gpus=[(80, 79)] * 4)),
        ("gpt-oss-20b", {"BF16": 1_804_459_584, "U8": 9_853_747_200}, Room(gpus=[(16, 15.6)])),
        ("qwen3-0.6b", {"BF16": 751_632_384}, Room(available=4.5)),
        ("mistral-nemo-12b", {"BF16": 12_247_782_400}, Room(gpus=[(48, 47)] * 2)),
    ],
)
def test_every_suggestion_holds_what_it_promises(
    model: str, parameters: dict[str, int], room: Room
) -> None:
    report = ask(model, parameters, room)
    assert report.verdict in ("does_not_fit", "tight")
    assert report.suggestions
    for way in report.suggestions:
        question: dict[str, Any] = {"arguments": {}, "resources": {}}
        for field, value in {**way.also, way.field: way.value}.items():
            group, _, name = field.partition(".")
            question[group][name] = value
        again = ask(model, parameters, room, **question)
        assert again.verdict == way.verdict, way
        assert again.verdict != "does_not_fit"


def test_the_smallest_number_of_gpus_is_told_for_machines_that_are_not_here() -> None:
    device = {"count": 1, "memory_total_bytes": 80 * GIB}
    report = ask("llama-2-70b", LLAMA_70B, Room(), device=device)
    assert report.verdict == "does_not_fit"
    assert report.smallest_gpus == 2
    wider = ask("llama-2-70b", LLAMA_70B, Room(), device={**device, "count": 2},
                resources={"tensor_parallel_size": 2})  # fmt: skip
    assert wider.verdict == "fits"


def test_too_few_gpus_on_this_machine_are_unknown_for_others_may_have_them() -> None:
    report = ask("llama-2-70b", LLAMA_70B, ONE_24, resources={"tensor_parallel_size": 4})
    assert report.verdict == "unknown"
    assert report.unknowns == ["4 GPUs are needed, and this machine has 1."]


def test_adapters_need_room_as_soon_as_they_may_be_loaded() -> None:
    plain = ask("llama-3-8b", LLAMA_8B, ONE_24)
    given = {"enable_lora": True, "max_lora_rank": 64, "max_loras": 4}
    adapted = ask("llama-3-8b", LLAMA_8B, ONE_24, arguments=given)
    assert parts(plain)["lora"] == 0
    assert parts(adapted)["lora"] == 4 * 64 * 2 * 32 * (
        2 * (4096 + 4096) + 2 * (4096 + 1024) + 3 * (4096 + 14_336)
    )


def test_without_graphs_nothing_is_set_aside_for_them() -> None:
    assert parts(ask("llama-3-8b", LLAMA_8B, ONE_24))["graphs"] > 0
    eager = ask("llama-3-8b", LLAMA_8B, ONE_24, arguments={"enforce_eager": True})
    assert parts(eager)["graphs"] == 0


def test_a_machine_without_gpus_is_judged_by_its_memory() -> None:
    report = ask("smollm2-135m", SMOLLM, Room())
    (device,) = report.devices
    assert (device.kind, device.index, device.graphs_bytes) == ("cpu", None, 0)
    assert device.free_bytes == 56 * GIB
    assert device.other_processes_bytes == 8 * GIB
    assert report.verdict == "fits"
    # Two requests of full length, as the replica's side asks the engine for.
    assert device.kv_cache_bytes == 2 * 8192 * report.kv_bytes_per_token  # type: ignore[operator]
    assert report.smallest_gpus is None


def test_memory_that_can_not_be_read_is_unknown() -> None:
    report = ask("smollm2-135m", SMOLLM, Room(memory=None, available=None))
    assert report.verdict == "unknown"
    assert report.devices[0].free_bytes is None
    assert report.unknowns == ["How much memory is free can't be read on this machine."]


def test_several_copies_need_the_machines_memory_several_times() -> None:
    room = Room(available=6)
    assert ask("smollm2-135m", SMOLLM, room).verdict == "fits"
    twice = ask("smollm2-135m", SMOLLM, room, replicas=4)
    assert twice.verdict == "does_not_fit"
    assert "replicas" in [way.field for way in twice.suggestions]


def test_a_cache_of_our_choice_that_is_too_small_is_refused_with_the_size_that_works() -> None:
    report = ask("llama-3-8b", LLAMA_8B, Room(), arguments={"kv_cache_memory_bytes": "100M"})
    refusal = refusal_of(report)
    assert refusal is not None
    assert "too small for one request" in refusal.details.detail
    remedy = refusal.details.remediation[0]
    assert remedy.arguments["name"] == "kv_cache_memory_bytes"
    size = remedy.arguments["value"]
    works = ask("llama-3-8b", LLAMA_8B, Room(), arguments={"kv_cache_memory_bytes": size})
    assert works.verdict == "fits"


def test_the_older_variable_sets_the_cache_on_cpu() -> None:
    report = ask("smollm2-135m", SMOLLM, Room(), environment={"VLLM_CPU_KVCACHE_SPACE": "3"})
    assert report.devices[0].kv_cache_bytes == 3 * GIB


def test_others_on_a_gpu_are_counted_and_named() -> None:
    other = GpuProcess(
        pid=4720, name="blender", memory_used_bytes=14 * GIB, mig_gpu_instance=None, ours=False
    )
    report = ask("llama-3-8b", LLAMA_8B, Room(gpus=[(24, 9.5)], processes=[other]))
    assert report.verdict == "does_not_fit"
    assert "blender (pid 4720) 14.0 GiB" in report.summary
    assert report.devices[0].other_processes[0].pid == 4720
    assert report.devices[0].other_processes_bytes == int(14.5 * GIB)


def test_only_what_can_not_fit_is_refused() -> None:
    fits = ask("llama-3-8b", LLAMA_8B, ONE_24)
    unknown = ask("llama-3-8b", None, ONE_24)
    never = ask("llama-2-70b", LLAMA_70B, ONE_24)
    assert refusal_of(fits) is None
    assert refusal_of(unknown) is None
    refusal = refusal_of(never)
    assert refusal is not None
    assert (refusal.code, refusal.details.status) == ("does_not_fit", 409)
    assert "GiB" in refusal.details.detail
    assert refusal.details.causes[0].message.startswith("Weights: ")


def test_the_gpus_with_the_most_free_memory_are_taken() -> None:
    report = ask("llama-3-8b", LLAMA_8B, Room(gpus=[(24, 3), (24, 23.5)]))
    assert [device.index for device in report.devices] == [1]
    assert report.verdict == "fits"


def test_encoders_keep_no_cache() -> None:
    bert = {
        "model_type": "bert", "hidden_size": 768, "intermediate_size": 3072, "vocab_size": 30_522,
        "num_hidden_layers": 12, "num_attention_heads": 12, "max_position_embeddings": 512,
        "torch_dtype": "float32",
    }  # fmt: skip
    report = judge(FitRequest(model="a"), Facts(bert, {"F32": 109_482_240}), ONE_24.snapshot())
    assert report.kv_bytes_per_token == 0
    assert report.verdict == "fits"


@pytest.mark.parametrize("model", cases.MODELS)
@pytest.mark.parametrize("length", [None, 1024])
def test_the_cache_on_cpu_is_the_one_that_a_replica_asks_for(
    model: str, length: int | None
) -> None:
    settings = read_settings({"max_model_len": length}, {})
    ours = defaults.cpu_kv_cache_bytes(architecture.read(config(model)), settings)
    assert ours == kv_cache_bytes(config(model), length)
