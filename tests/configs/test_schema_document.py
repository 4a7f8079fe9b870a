"""The published schema says what the checks say."""

import json
import re
from typing import Any

import pytest

from configs.conftest import ARGUMENTS
from vllm_manager.configs import EngineArguments
from vllm_manager.configs.schema_document import file_schema


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return file_schema(EngineArguments(ARGUMENTS))


def test_a_file_is_one_config_or_many(schema: dict[str, Any]) -> None:
    one, many = schema["anyOf"]
    assert {"format", "name", "model"} == set(one["required"])
    assert many["properties"]["configs"]["items"] == {"$ref": "#/$defs/ConfigFile"}
    assert one["additionalProperties"] is False


def test_the_installed_engines_arguments_are_in_it(schema: dict[str, Any]) -> None:
    for config in (schema["anyOf"][0], schema["$defs"]["ConfigFile"]):
        arguments = config["properties"]["arguments"]
        assert arguments["additionalProperties"] is False
        known = arguments["properties"]
        assert "fp8" in known["kv_cache_dtype"]["enum"]
        assert known["max_num_seqs"]["anyOf"][0] == {"type": "integer", "minimum": 1}
        assert known["enable_prefix_caching"]["anyOf"][0] == {"type": "boolean"}
        assert known["load_format"]["enum"][0] == "safetensors"
        assert known["max_model_len"]["description"]


def test_reserved_arguments_are_not_in_it(schema: dict[str, Any]) -> None:
    known = schema["$defs"]["ConfigFile"]["properties"]["arguments"]["properties"]
    assert len(known) > 200
    assert known.keys().isdisjoint({"api_key", "host", "trust_remote_code", "middleware"})


def test_every_reference_leads_somewhere(schema: dict[str, Any]) -> None:
    found = set(re.findall(r'"\$ref": "([^"]+)"', json.dumps(schema)))
    assert found
    assert found <= {f"#/$defs/{name}" for name in schema["$defs"]}
