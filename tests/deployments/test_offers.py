"""Which settings are offered: those that can work on what is there."""

from typing import Any

from vllm_manager.configs import Resources
from vllm_manager.configs.fit import FitReport
from vllm_manager.deployments.circumstances import Circumstances
from vllm_manager.deployments.diagnosis import explain
from vllm_manager.deployments.observed import Failure
from vllm_manager.deployments.offers import Offer, offers

GIB = 1024**3


def _estimate(**told: Any) -> FitReport:
    example: Any = FitReport.model_config.get("json_schema_extra")
    return FitReport.model_validate({**example["examples"][0], **told})


def _suggesting(name: str, value: Any) -> Failure:
    return Failure("out_of_memory", "No.", suggestion=(name, value))


def test_more_gpus_than_a_node_has_are_not_offered():
    wanted = _suggesting("tensor_parallel_size", 2)
    assert offers(wanted, "memory", Circumstances(most_gpus=1)) == []
    assert offers(wanted, "memory", Circumstances(most_gpus=2)) != []
    assert offers(wanted, "memory", Circumstances(most_gpus=None)) != []


def test_fewer_workers_are_offered_whatever_there_is():
    around = Circumstances(resources=Resources(tensor_parallel_size=3), most_gpus=0)
    unfit = Failure("parallel_size_unfit", "No.", suggestion=("tensor_parallel_size", 2))
    assert offers(unfit, "arguments", around) == [Offer("tensor_parallel_size", 2)]


def test_a_number_of_gpus_that_was_set_is_changed_with_the_workers():
    around = Circumstances(resources=Resources(gpus=1), most_gpus=4)
    (offer,) = offers(_suggesting("tensor_parallel_size", 2), "memory", around)
    assert offer.also == {"gpus": 2}
    assert offer.label == "Set tensor_parallel_size to 2 and gpus to 2 and retry"


def test_a_share_that_does_not_hold_the_weights_is_not_offered():
    around = Circumstances(estimate=_estimate(), weights_bytes=16 * GIB)
    small = Failure("gpu_memory_taken", "No.", suggestion=("gpu_memory_utilization", 0.04))
    large = Failure("gpu_memory_taken", "No.", suggestion=("gpu_memory_utilization", 0.9))
    assert [o.name for o in offers(small, "memory", around)] == []
    assert [o.name for o in offers(large, "memory", around)] == ["gpu_memory_utilization"]


def test_where_the_engine_names_no_context_the_longest_that_was_estimated_is_offered():
    around = Circumstances(estimate=_estimate(max_model_len=40_960, largest_max_model_len=32_757))
    unnamed = Failure("kv_cache_too_small", "No.")
    assert offers(unnamed, "context", around) == [Offer("max_model_len", 32_752)]
    named = Failure("kv_cache_too_small", "No.", suggestion=("max_model_len", 2336))
    assert offers(named, "context", around) == [Offer("max_model_len", 2336)]
    assert offers(unnamed, "context", Circumstances(estimate=_estimate())) == []


def test_what_was_estimated_to_help_is_offered_with_what_goes_with_it():
    way = {
        "field": "arguments.kv_cache_dtype",
        "value": "fp8",
        "also": {"arguments.calculate_kv_scales": True},
        "gain": "Half the cache.",
        "verdict": "fits",
    }
    hopeless = {**way, "field": "arguments.enforce_eager", "value": True, "verdict": "does_not_fit"}
    around = Circumstances(estimate=_estimate(suggestions=[hopeless, way], smallest_gpus=2))
    found = offers(Failure("weights_too_large", "No."), "memory", around)
    assert found == [
        Offer("kv_cache_dtype", "fp8", {"calculate_kv_scales": True}),
        Offer("tensor_parallel_size", 2),
    ]


def test_the_estimate_of_the_start_is_told_with_the_failure():
    around = Circumstances(estimate=_estimate(), weights_bytes=15 * GIB)
    problem = explain(Failure("out_of_memory", "No."), "demo", around, given_up=True, failures=1)
    assert problem.causes[-1].message == (
        "When it was started it was estimated to need 17.6 GiB, 15.0 GiB of it weights, of the "
        "24.0 GiB of a GPU (NVIDIA GeForce RTX 4090); 23.5 GiB were free."
    )
