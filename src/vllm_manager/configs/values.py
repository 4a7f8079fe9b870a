"""What an argument's value may be: its type, its range, and no way for code to slip in (pure)."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, cast

from vllm_manager.configs.reserved import CODE_MEMBERS, SAFE_LOAD_FORMATS
from vllm_manager.configs.schemas import ArgumentInfo

_LIMIT_CHARACTERS: Final = 20_000
_LARGEST: Final = 2**53
_ABBREVIATED = re.compile(r"(\d{1,15}(?:\.\d{1,9})?)([kKmMgGtT]?)", re.ASCII)
_FACTORS: Final = {
    "": 1,
    **{letter: 1000**power for power, letter in enumerate("kmgt", 1)},
    **{letter: 1024**power for power, letter in enumerate("KMGT", 1)},
}
LEAST_ONE: Final = frozenset(
    {
        "block_size",
        "kv_cache_memory_bytes",
        "max_cpu_loras",
        "max_lora_rank",
        "max_loras",
        "max_num_batched_tokens",
        "max_num_seqs",
        "num_gpu_blocks_override",
    }
)
"""Arguments that are at least 1."""
SHARES: Final = frozenset({"gpu_memory_utilization", "kv_cache_metrics_sample"})
"""Arguments that are a share above 0 and up to 1."""


def value_problem(info: ArgumentInfo, value: Any) -> str | None:
    """Return what is wrong with a value, to be read after the argument's name; None if nothing."""
    if len(json.dumps(value)) > _LIMIT_CHARACTERS:
        return f"is longer than {_LIMIT_CHARACTERS} characters."
    if info.name == "load_format" and value not in SAFE_LOAD_FORMATS:
        return f"must be one of {', '.join(SAFE_LOAD_FORMATS)}: other formats can run code."
    problem = _code_problem(value) or _type_problem(info, value)
    if problem is None and info.choices:
        return _choice_problem(info.choices, value)
    return problem


def whole_number(text: str) -> int | None:
    """Return the number in `1024`, `1k` (1,000), `1K` (1,024), `25.6k`; None if it is none."""
    match = _ABBREVIATED.fullmatch(text)
    if match is None:
        return None
    number = Decimal(match.group(1)) * _FACTORS[match.group(2)]
    return int(number) if number == int(number) else None


def words(value: Any) -> Sequence[str]:
    """Return the entries of a list argument as the engine's command line takes them."""
    return [e if isinstance(e, str) else json.dumps(e) for e in _entries(value)]


def _entries(value: Any) -> Sequence[Any]:
    return cast(Sequence[Any], value) if isinstance(value, list) else [value]


def _code_problem(value: Any) -> str | None:
    """Find code, or pickles, that a value would bring in, however deep and however escaped."""
    for name, inner in _members(value):
        canonical = name.strip().lstrip("-").replace("-", "_").lower()
        if "trust_remote_code" in canonical:
            return "may not turn on trust_remote_code: it runs code from the model's repository."
        if "\0" in name:
            return "may not contain NUL characters."
        if canonical in CODE_MEMBERS or canonical.endswith("module_path"):
            return f"may not contain `{canonical}`: it loads code."
        if canonical == "load_format" and inner not in SAFE_LOAD_FORMATS:
            safe = ", ".join(SAFE_LOAD_FORMATS)
            return f"may contain a `load_format` of {safe} only: others can run code."
    return None


def _members(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield every text in a value, and every member of an object with what it holds."""
    if isinstance(value, str):
        inner = _decoded(value)
        if inner is None:
            yield value, None
        else:
            yield from _members(inner)
    elif isinstance(value, Mapping):
        for name, inner in cast(Mapping[str, Any], value).items():
            yield name, inner
            yield from _members(inner)
    elif isinstance(value, list):
        for inner in _entries(value):  # pyright: ignore[reportUnknownArgumentType]
            yield from _members(inner)


def _decoded(text: str) -> Any:
    """Return what stands in a text that is itself a JSON object, list or text; else None."""
    if not text.lstrip().startswith(("{", "[", '"')):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _type_problem(info: ArgumentInfo, value: Any) -> str | None:
    match info.type:
        case "boolean":
            return None if isinstance(value, bool) else "is true or false."
        case "integer":
            return _integer_problem(info.name, value)
        case "number":
            return _number_problem(info.name, value)
        case "string":
            fine = isinstance(value, (str, int, float)) and not isinstance(value, bool)
            return None if fine else "is a text."
        case "list":
            return _list_problem(value)
        case "json":
            return None if not isinstance(value, bool) else "is a JSON object."


def _integer_problem(name: str, value: Any) -> str | None:
    if name == "max_model_len" and value in ("auto", -1):
        return None
    number = whole_number(value) if isinstance(value, str) else value
    if not isinstance(number, int) or isinstance(number, bool):
        return "is a whole number."
    least = 1 if name in LEAST_ONE or name == "max_model_len" else -1
    if not least <= number <= _LARGEST:
        return f"is out of range: {value}. The least is {least}."
    return None


def _number_problem(name: str, value: Any) -> str | None:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return "is a number."
    if name in SHARES:
        return None if 0 < value <= 1 else f"is a share above 0 and up to 1, not {value}."
    return None if 0 <= value <= _LARGEST else f"is out of range: {value}. The least is 0."


def _list_problem(value: Any) -> str | None:
    if not isinstance(value, (list, str)):
        return "is a list of texts."
    if any(word.startswith("-") for word in words(value)):
        return "may not hold entries that begin with “-”: they would be read as other arguments."
    return None


def _choice_problem(choices: Sequence[Any], value: Any) -> str | None:
    if isinstance(value, (dict, bool)):
        return None
    allowed = [str(choice) for choice in choices]
    if all(str(entry) in allowed for entry in _entries(value)):
        return None
    return f"must be one of {', '.join(allowed)}."
