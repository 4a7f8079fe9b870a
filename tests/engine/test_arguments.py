"""An argument parser becomes a list that the control plane can check against."""

import argparse
import json
from pathlib import Path
from typing import Any

import pytest

from support.ray_cluster import REPOSITORY
from vllm_manager_engine.arguments import describe, listing

RECORDED: dict[str, Any] = json.loads(
    (REPOSITORY / "tests" / "fixtures" / "engine_arguments.json").read_text()
)


def described(*flags: str, **options: Any) -> dict[str, Any]:
    action = argparse.ArgumentParser().add_argument(*flags, **options)
    found = describe(action)
    assert found is not None
    return found


def maybe(text: str) -> int | None:
    return None if text == "None" else int(text)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"type": int}, "integer"),
        ({"type": maybe}, "integer"),
        ({"type": float}, "number"),
        ({"type": str}, "string"),
        ({"type": Path}, "json"),
        ({}, "string"),
        ({"type": json.loads}, "json"),
        ({"action": "store_true"}, "boolean"),
        ({"action": argparse.BooleanOptionalAction}, "boolean"),
        ({"nargs": "+", "type": int}, "list"),
        ({"action": "append"}, "list"),
    ],
)
def test_the_kind_follows_what_is_accepted(options: dict[str, Any], expected: str) -> None:
    assert described("--x", **options)["type"] == expected


def test_names_and_flags_and_aliases_are_told() -> None:
    found = described("--max-model-len", "-m", type=int, default=5, help="100%% of it")
    assert found == {
        "name": "max_model_len", "flag": "--max-model-len", "aliases": ["-m"], "type": "integer",
        "choices": None, "default": 5, "help": "100% of it",
    }  # fmt: skip


def test_what_json_can_t_hold_is_unknown() -> None:
    assert described("--x", default=object())["default"] is None


def test_help_and_positional_arguments_are_left_out() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    document = listing(parser, "1", ["B", "A"])
    assert document["arguments"] == []
    assert document["architectures"] == ["A", "B"]
    assert (Path(document["demo"]) / "config.json").is_file()


def test_the_recorded_list_is_of_the_engine_that_is_pinned() -> None:
    names = {a["name"] for a in RECORDED["arguments"]}
    assert RECORDED["version"] == "0.32.0"
    assert {"max_model_len", "enforce_eager", "kv_cache_memory_bytes"} <= names
