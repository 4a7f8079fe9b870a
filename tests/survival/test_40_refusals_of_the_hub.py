"""40. 401, gated, 404, 429 and 503 of the hub: each its own words; the passing ones are retried."""

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from catalog.room import CANARY, Room, room_in
from support.hub import Fault, Hub, ready_made
from vllm_manager.kit.errors import Problem

pytestmark = pytest.mark.survival

CASES: dict[str, tuple[dict[str, Any], str, int]] = {
    "401": ({"status": 401}, "hub_token_refused", 1),
    "403": ({"status": 403}, "hub_forbidden", 1),
    "gated": ({"status": 403, "error_code": "GatedRepo"}, "hub_gated", 1),
    "404": ({"status": 404, "error_code": "RepoNotFound"}, "hub_repo_not_found", 1),
    "revision": ({"status": 404, "error_code": "RevisionNotFound"}, "hub_revision_not_found", 1),
    "429": ({"status": 429, "retry_after_seconds": 120}, "hub_rate_limited", 1),
    "429, short": ({"status": 429, "retry_after_seconds": 1}, "hub_rate_limited", 3),
    "503": ({"status": 503}, "hub_unavailable", 3),
}


@pytest.fixture
async def room(tmp_path: Path) -> AsyncGenerator[Room]:
    with Hub(ready_made()) as hub:
        hub.admit(CANARY, "ada")
        async with room_in(tmp_path, hub) as room:
            await room.catalog.tokens.put("installation", "usr_1", CANARY)
            yield room


@pytest.mark.parametrize("case", CASES)
async def test_40_each_refusal_has_its_words_and_as_many_tries_as_it_is_worth(
    room: Room, case: str
) -> None:
    fault, code, tries = CASES[case]
    room.hub.faults.add(Fault(**fault))
    with pytest.raises(Problem) as caught:
        await room.catalog.files("acme/tiny-chat", "main", CANARY)
    details = caught.value.details
    assert (details.code, len(room.hub.requests)) == (code, tries)
    assert details.remediation
    assert details.causes[0].message.startswith("The hub answered 4") or code == "hub_unavailable"
    assert details.retryable is (code in ("hub_rate_limited", "hub_unavailable"))
    assert details.status != 401, "401 would log the person out"
    assert CANARY not in details.model_dump_json()


async def test_40_the_words_differ(room: Room) -> None:
    told: set[str] = set()
    for fault, _, _ in CASES.values():
        switched = room.hub.faults.add(Fault(**fault))
        with pytest.raises(Problem) as caught:
            await room.catalog.files("acme/tiny-chat", "main", CANARY)
        told.add(caught.value.details.detail)
        room.hub.faults.remove(switched)
    assert len(told) == len(CASES)


async def test_40_a_gated_model_leads_to_where_its_licence_is_accepted(room: Room) -> None:
    with pytest.raises(Problem) as caught:
        await room.catalog.facts("acme/gated-chat", None)
    page = f"{room.hub.url}/acme/gated-chat"
    assert page in caught.value.details.detail
    assert caught.value.details.remediation[0].arguments == {"url": page}


async def test_40_what_passes_is_got_over(room: Room) -> None:
    room.hub.faults.add(Fault(status=503, times=1))
    room.hub.faults.add(Fault(status=429, retry_after_seconds=1, times=1))
    listing = await room.catalog.files("acme/tiny-chat", "main", None)
    assert len(listing.files) == 6
    assert room.clock.slept_seconds == [0.2, 1.0]


async def test_40_a_hub_that_is_not_there_is_told_from_one_in_trouble(room: Room) -> None:
    room.hub.close()
    with pytest.raises(Problem) as caught:
        await room.catalog.files("acme/tiny-chat", "main", None)
    assert caught.value.code == "hub_unreachable"
    assert caught.value.details.retryable
