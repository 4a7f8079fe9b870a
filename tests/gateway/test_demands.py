"""What a request may use at most, and what is too much for one."""

import json
from typing import Any

import pytest

from vllm_manager.gateway.answers import Refusal
from vllm_manager.gateway.demands import MOST_STOPS, estimate
from vllm_manager.gateway.payload import parse

JSON = b"application/json"


@pytest.mark.parametrize(
    ("fields", "output"),
    [
        ({}, 1024),
        ({"max_tokens": 50}, 50),
        ({"max_tokens": "50"}, 50),
        ({"max_tokens": 50.0, "n": "2"}, 100),
        ({"max_tokens": 100_000, "n": 128}, 12_800_000),
        ({"max_completion_tokens": 1, "max_tokens": 100_000}, 100_000),
        ({"max_completion_tokens": 1, "max_output_tokens": 100_000}, 100_000),
        ({"max_tokens": -5, "n": -1}, 1024),
        ({"max_tokens": None, "n": None}, 1024),
        ({"max_tokens": "many", "n": [7]}, 1024),
        ({"max_tokens": 10**30, "n": 2}, 1 << 40),
        ({"max_tokens": 1e308, "n": 2}, 1 << 40),
        ({"max_tokens": 10, "best_of": 4, "n": 2}, 40),
        ({"max_tokens": 10, "prompt": ["one", "two", "three"], "n": 2}, 60),
        ({"max_tokens": 10, "prompt": [[1, 2], [3, 4]]}, 20),
        ({"max_tokens": 10, "prompt": [1, 2, 3, 4]}, 10),
        ({"max_tokens": 10, "prompt": []}, 10),
        ({"max_tokens": 10, "prompt": "one"}, 10),
    ],
)
def test_what_is_reserved_is_what_an_engine_may_take_it_for(
    fields: dict[str, Any], output: int
) -> None:
    body = json.dumps({"model": "demo", **fields}).encode()
    asked = parse(body, JSON)
    assert estimate(body, asked, generates=True).output == output
    assert estimate(body, asked, generates=False).output == 0


@pytest.mark.parametrize(
    ("fields", "max_model_len", "output", "most"),
    [
        ({}, 32_768, 1024, 32_768 - 5),
        ({"n": 3}, 32_768, 3072, 3 * (32_768 - 7)),
        ({"max_tokens": 50}, 32_768, 50, 50),
        ({}, 512, 507, 507),
        ({}, 2, 1, 1),
        ({}, None, 1024, 1024),
    ],
)
def test_without_a_maximum_an_answer_may_fill_the_context(
    fields: dict[str, Any], max_model_len: int | None, output: int, most: int
) -> None:
    body = json.dumps({"model": "demo", **fields}).encode()
    found = estimate(body, parse(body, JSON), generates=True, max_model_len=max_model_len)
    assert (found.output, found.output_at_most) == (output, most)


@pytest.mark.parametrize("name", ["stop", "stop_sequences", "stop_token_ids", "bad_words"])
def test_a_list_may_be_as_long_as_its_bound_and_no_longer(name: str) -> None:
    def ask(entries: int) -> None:
        body = json.dumps({"model": "demo", name: [1] * entries}).encode()
        estimate(body, parse(body, JSON), generates=True)

    ask(MOST_STOPS)
    with pytest.raises(Refusal) as caught:
        ask(MOST_STOPS + 1)
    assert (caught.value.status, caught.value.param) == (400, name)


def test_a_broken_list_is_left_to_the_engine_to_explain() -> None:
    body = b'{"model":"demo","stop":[' + b"[" * 600 + b"]" * 600 + b"]}"
    assert estimate(body, parse(body, JSON), generates=True).output == 1024
