"""The JSON Schema of config files, with the arguments of the installed engine in it."""

from collections.abc import Mapping
from typing import Any, Final

from vllm_manager.configs.arguments import EngineArguments
from vllm_manager.configs.reserved import RESERVED, SAFE_LOAD_FORMATS
from vllm_manager.configs.schemas import ArgumentInfo, ConfigFile, ConfigFiles
from vllm_manager.configs.values import LEAST_ONE, SHARES

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_TYPES: Final[Mapping[str, dict[str, Any]]] = {
    "boolean": {"type": "boolean"},
    "number": {"type": "number"},
    "string": {"type": ["string", "number"]},
    "list": {"type": ["array", "string"], "items": {"type": ["string", "number", "object"]}},
    "json": {},
}
_ABBREVIATED: Final = r"^\d{1,15}(\.\d{1,9})?[kKmMgGtT]?$"


def file_schema(arguments: EngineArguments) -> dict[str, Any]:
    """Return the schema of a file that holds one config or many.

    Raises:
        Problem: the engine's argument list can't be read (503).
    """
    properties = {
        info.name: argument_schema(info)
        for info in arguments.known().values()
        if info.name not in RESERVED
    }
    one, many = (m.model_json_schema(by_alias=True) for m in (ConfigFile, ConfigFiles))
    definitions: dict[str, Any] = {**one.pop("$defs", {}), **many.pop("$defs", {})}
    for schema in (one, many, definitions["ConfigFile"]):
        _allow_for_editors(schema)
    for schema in (one, definitions["ConfigFile"]):
        schema["properties"]["arguments"] = {
            "type": "object",
            "description": f"Arguments of vLLM {arguments.version or ''}".strip() + ", by name.",
            "properties": properties,
            "additionalProperties": False,
        }
    return {
        "$schema": _DIALECT,
        "title": "A config of vLLM Manager, or many",
        "anyOf": [one, many],
        "$defs": definitions,
    }


def argument_schema(info: ArgumentInfo) -> dict[str, Any]:
    """Return the schema of one argument's value; null leaves an argument out."""
    schema: dict[str, Any] = {}
    if info.name == "load_format":
        schema = {"enum": [*SAFE_LOAD_FORMATS, None]}
    elif info.choices and info.type not in ("list", "json"):
        schema = {"enum": [*info.choices, None]}
    elif info.type == "integer":
        least = {"minimum": 1} if info.name in LEAST_ONE else {}
        schema = {"anyOf": [{"type": "integer", **least}, _written_number(info), {"type": "null"}]}
    elif info.name in SHARES:
        number = {"type": "number", "exclusiveMinimum": 0, "maximum": 1}
        schema = {"anyOf": [number, {"type": "null"}]}
    elif _TYPES[info.type]:
        schema = {"anyOf": [_TYPES[info.type], {"type": "null"}]}
    if info.help:
        schema["description"] = info.help
    if info.default is not None:
        schema["default"] = info.default
    return schema


def _written_number(info: ArgumentInfo) -> dict[str, Any]:
    pattern = f"{_ABBREVIATED}|^auto$" if info.name == "max_model_len" else _ABBREVIATED
    return {"type": "string", "pattern": pattern}


def _allow_for_editors(schema: dict[str, Any]) -> None:
    """Let a file name its own schema, as editors like it."""
    schema["properties"]["$schema"] = {"type": "string"}
