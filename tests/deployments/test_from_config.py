"""A spec that follows from a recipe and what was set beside it."""

from typing import Any

import pytest

from vllm_manager.configs import Recipe
from vllm_manager.deployments.from_config import deviations, fields_of, laid_over, moved

RECIPE = Recipe(
    model="org/model",
    arguments={"max_model_len": 4096, "max_num_seqs": 8},
    environment={"A": "1", "B": "2"},
    max_concurrent_requests=16,
)


def spec(**given: Any) -> dict[str, Any]:
    return laid_over(fields_of(RECIPE), given)


def test_without_anything_beside_it_a_spec_says_what_the_recipe_says() -> None:
    assert spec() == fields_of(RECIPE)
    assert "description" not in spec()


def test_arguments_environment_and_resources_are_laid_over_member_by_member() -> None:
    made = spec(arguments={"max_num_seqs": 4}, environment={"C": "3"}, resources={"gpus": 2})
    assert made["arguments"] == {"max_model_len": 4096, "max_num_seqs": 4}
    assert made["environment"] == {"A": "1", "B": "2", "C": "3"}
    assert (made["resources"]["gpus"], made["resources"]["cpus"]) == (2, 1.0)


def test_other_fields_replace() -> None:
    assert spec(model="org/other", max_concurrent_requests=None)["max_concurrent_requests"] is None


def test_a_null_takes_a_variable_away_and_an_argument_back() -> None:
    made = spec(arguments={"max_num_seqs": None}, environment={"A": None})
    assert made["arguments"] == {"max_model_len": 4096, "max_num_seqs": None}
    assert made["environment"] == {"B": "2"}


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"replicas": 3},
        {"arguments": {"max_num_seqs": 4, "enforce_eager": True}},
        {"environment": {"A": None, "C": "3"}},
        {"resources": {"tensor_parallel_size": 2}},
        {"lora_modules": [{"name": "a", "path": "/a"}]},
    ],
)
def test_what_deviates_leads_from_the_recipe_to_the_spec(given: dict[str, Any]) -> None:
    made = spec(**given)
    assert laid_over(fields_of(RECIPE), deviations(fields_of(RECIPE), made)) == made


def test_a_newer_version_brings_its_changes_and_leaves_what_was_set_beside_it() -> None:
    newer = RECIPE.model_copy(
        update={"arguments": {"max_model_len": 8192, "max_num_seqs": 32}, "model": "org/newer"}
    )
    made = moved({"name": "x", **spec(arguments={"max_num_seqs": 4})}, RECIPE, newer)
    assert made["name"] == "x"
    assert made["model"] == "org/newer"
    assert made["arguments"] == {"max_model_len": 8192, "max_num_seqs": 4}


def test_an_argument_that_a_newer_version_drops_is_dropped() -> None:
    newer = RECIPE.model_copy(update={"arguments": {}})
    assert moved(spec(), RECIPE, newer)["arguments"] == {}
