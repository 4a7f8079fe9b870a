"""67. `n=100000`, a huge `max_tokens`, 10,000 stop strings: bounded, and nothing stays reserved."""

from pathlib import Path
from typing import Any

import pytest

from support.control_plane import snapshot
from support.gateway import AUTHORIZATION, rig

TOO_MUCH: list[tuple[str, dict[str, Any]]] = [
    ("n", {"n": 100_000}),
    ("n", {"n": "100000"}),
    ("n", {"n": 1e300}),
    ("best_of", {"best_of": 129}),
    ("stop", {"stop": [f"stop {number}" for number in range(10_000)]}),
    ("stop_token_ids", {"stop_token_ids": list(range(10_000))}),
    ("bad_words", {"bad_words": ["x"] * 257}),
]
PATHS = ["/v1/chat/completions", "/v1/completions", "/v1/responses", "/v1/messages"]


@pytest.mark.survival
async def test_67_what_is_too_much_is_refused_with_its_bound_and_reaches_no_engine(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path) as made:
        for path in PATHS:
            for name, fields in TOO_MUCH:
                body = {"model": "demo", "prompt": "Hi", "max_tokens": 5, **fields}
                answer = await made.gateway.client.post(path, json=body, headers=AUTHORIZATION)
                assert answer.status_code == 400, (path, name)
                assert f"“{name}”" in answer.json()["error"]["message"], (path, name)
        many = {"model": "demo", "prompt": ["Hi"] * 2049}
        answer = await made.gateway.client.post(PATHS[1], json=many, headers=AUTHORIZATION)
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, "prompt")
        assert made.engine.exchanges == []


@pytest.mark.survival
@pytest.mark.parametrize("most", [10**30, 1e308, "9" * 400, -1])
async def test_67_a_huge_maximum_leaves_no_more_than_what_was_used_on_the_account(
    tmp_path: Path, most: object
) -> None:
    async with rig(tmp_path) as made:
        limits = {"key:key_1": {"tokens_per_day": 1000}}
        content = snapshot({"demo": made.entry()}, limits=limits)
        await made.gateway.publish(made.control, content)
        for _ in range(20):
            answer = await made.gateway.chat(max_tokens=most)
            assert answer.status_code == 200
        assert len(made.engine.exchanges) == 20


@pytest.mark.survival
async def test_67_what_many_programs_ask_for_is_not_too_much(tmp_path: Path) -> None:
    async with rig(tmp_path) as made:
        usual = [
            {"n": 128, "stop": ["\n"] * 256},
            {"stop": "a stop string " * 1000},
            {"n": None, "stop": None, "best_of": None},
            {"prompt": ["Hi"] * 2048},
            {"prompt": list(range(4000))},
        ]
        for fields in usual:
            assert (await made.gateway.chat(**fields)).status_code == 200, fields
