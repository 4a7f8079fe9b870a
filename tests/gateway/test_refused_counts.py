"""What the gateway refuses is counted once, and reaches the control plane as usage does."""

from pathlib import Path

import pytest

from support.control_plane import model, sha256, snapshot
from support.gateway import AUTHORIZATION, Rig, rig
from vllm_manager.gateway.identity import Asker
from vllm_manager.gateway.refused_counts import MOST_CELLS, RefusedCounts

pytestmark = pytest.mark.integration

ANN = Asker("usr_ann", "key_1", None, "team_1")


def counts(at: float = 7200.5) -> RefusedCounts:
    return RefusedCounts(lambda: at)


def test_alike_refusals_are_one_record() -> None:
    made = counts()
    for status in (429, 429, 503, 429):
        made.add(ANN, "demo", status)
    limited, away = made.take()
    assert (limited.at, limited.key, limited.user, limited.team) == (
        7200.0,
        "key_1",
        "usr_ann",
        "team_1",
    )
    assert (limited.model, limited.status, limited.refusals) == ("demo", 429, 3)
    assert (limited.outcome, limited.prompt_tokens) == ("refused", None)
    assert (away.status, away.refusals) == (503, 1)
    assert made.take() == []


def test_who_is_not_known_is_nobody() -> None:
    made = counts()
    made.add(None, "", 401)
    (record,) = made.take()
    assert (record.key, record.user, record.team, record.model) == (None, "", None, "")


def test_a_flood_of_models_and_keys_is_folded_and_still_counted() -> None:
    made = counts()
    asked = 3 * MOST_CELLS
    for number in range(asked):
        made.add(ANN._replace(key=f"key_{number}"), f"model-{number}", 404)
    records = made.take()
    assert len(records) <= 2 * MOST_CELLS + 1
    assert sum(record.refusals for record in records) == asked
    assert (records[-1].key, records[-1].user, records[-1].model) == (None, "", "")


async def ask(made: Rig, key: str | None, body: object, method: str = "POST") -> int:
    headers = {} if key is None else {"authorization": f"Bearer {key}"}
    answer = await made.gateway.client.request(
        method, "/v1/chat/completions", json=body, headers=headers
    )
    return answer.status_code


async def test_each_refusal_is_told_once_with_who_asked_and_why(tmp_path: Path) -> None:
    async with rig(tmp_path) as made:
        asleep = model(phase="loading", deployment="asleep")
        limits = {"key:key_2": {"requests_per_minute": 1}}
        content = snapshot({"demo": made.entry(), "asleep": asleep}, limits=limits)
        content["keys"][sha256("vm-two")] = {"id": "key_2", "user": "usr_2", "name": "two"}
        await made.gateway.publish(made.control, content)
        own = AUTHORIZATION["authorization"].removeprefix("Bearer ")
        assert await ask(made, None, {"model": "demo"}) == 401
        assert await ask(made, "vm-wrong", {"model": "demo"}) == 401
        assert await ask(made, own, {"model": "made-up"}) == 404
        assert await ask(made, own, {"model": ["no name"]}) == 400
        assert await ask(made, own, {"model": "demo"}, method="PUT") == 405
        assert await ask(made, own, {"model": "asleep"}) == 503
        assert await ask(made, "vm-two", {"model": "demo"}) == 200
        for _ in range(3):
            assert await ask(made, "vm-two", {"model": "demo"}) == 429
        assert await made.control.wait_for_refusals(9) == {
            (None, "", 401): 2,
            ("key_1", "", 404): 1,
            ("key_1", "", 400): 1,
            (None, "", 405): 1,
            ("key_1", "asleep", 503): 1,
            ("key_2", "demo", 429): 3,
        }
        (answered,) = await made.control.wait_for_records(1)
        assert answered["key"] == "key_2"


@pytest.mark.parametrize("kill", [False, True])
async def test_what_was_refused_while_the_control_plane_was_away_is_told_once(
    tmp_path: Path, *, kill: bool
) -> None:
    async with rig(tmp_path) as made:
        await made.control.kill()
        assert await ask(made, "vm-wrong", {"model": "demo"}) == 401
        folder = made.gateway.run_dir / "usage"
        await made.gateway.when(
            lambda: any(b'"refusals":1' in file.read_bytes() for file in folder.glob("*.ndjson"))
        )
        if kill:
            await made.gateway.kill()
        else:
            await made.gateway.stop()
        await made.control.listen()
        await made.gateway.start()
        assert await made.control.wait_for_refusals(1) == {(None, "", 401): 1}
