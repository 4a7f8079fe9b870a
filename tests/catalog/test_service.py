"""The catalog finds models, tells what is known of one, and says how old that is."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from catalog.room import Room, room_in
from support.hub import Fault, Hub, declare, ready_made, weights
from vllm_manager.catalog import SearchQuery
from vllm_manager.kit.errors import Problem


async def names(room: Room, **query: Any) -> list[str]:
    page = await room.catalog.search(SearchQuery(**query), None)
    return [item.repo for item in page.items]


async def test_a_search_goes_through_every_page(room: Room) -> None:
    room.hub.add(*(declare(f"many/model-{n}", {"config.json": "{}"}) for n in range(25)))
    seen: list[str] = []
    cursor = None
    while True:
        query = SearchQuery(text="many/", sort="likes", limit=10, cursor=cursor)
        page = await room.catalog.search(query, None)
        seen += [item.repo for item in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == 25


async def test_a_search_sorts_and_filters_on_the_hub(room: Room) -> None:
    found = await names(room, text="acme", sort="downloads")
    assert found[:3] == ["acme/tiny-chat", "acme/gated-chat", "acme/pickled"]
    assert await names(room, license="llama3") == ["acme/gated-chat"]
    assert await names(room, task="automatic-speech-recognition") == []
    big = await names(room, min_parameters=1_500_000, max_parameters=1_000_000_000)
    assert big == ["acme/tiny-chat"]


async def test_a_model_in_a_list_tells_what_matters(room: Room) -> None:
    page = await room.catalog.search(SearchQuery(text="tiny-chat"), None)
    (item,) = page.items
    assert page.source == "hub"
    assert (item.license, item.gate, item.task) == ("apache-2.0", "open", "text-generation")
    assert (item.dtypes, item.supported, item.needs_own_code) == (["BF16"], True, False)
    facts = await room.catalog.facts("acme/tiny-chat", None)
    assert item.parameters == (facts.parameters or {})["BF16"]
    strange = await room.catalog.search(SearchQuery(text="strange"), None)
    assert [one.supported for one in strange.items] == [False]
    pickled = await room.catalog.search(SearchQuery(text="pickled"), None)
    assert [one.has_safetensors for one in (item, *pickled.items)] == [True, False]


async def test_what_is_popular_is_asked_once_an_hour(room: Room) -> None:
    first = await room.catalog.popular(3)
    room.clock.advance(600)
    again = await room.catalog.popular(3)
    assert (first.source, again.source, again.age_seconds) == ("hub", "cache", 600)
    assert [item.repo for item in again.items] == [item.repo for item in first.items]
    assert first.items[0].repo == "acme/tiny-chat"
    assert len(room.hub.asked("/api/models")) == 1
    room.clock.advance(3600)
    assert (await room.catalog.popular(3)).source == "hub"


async def test_many_who_ask_at_once_ask_the_hub_as_few_times_as_possible(room: Room) -> None:
    pages = await asyncio.gather(*(room.catalog.popular(3) for _ in range(20)))
    assert {page.items[0].repo for page in pages} == {"acme/tiny-chat"}
    assert len(room.hub.asked("/api/models")) == 1


async def test_with_the_hub_away_the_last_answer_is_told_with_its_age(room: Room) -> None:
    await room.catalog.search(SearchQuery(text="acme"), None)
    await room.catalog.model("acme/tiny-chat", None, None)
    room.hub.close()
    room.clock.advance(120)
    page = await room.catalog.search(SearchQuery(text="acme"), None)
    model = await room.catalog.model("acme/tiny-chat", None, None)
    assert (page.source, model.source) == ("cache", "cache")
    assert page.age_seconds is not None
    assert page.age_seconds >= 120
    assert page.problem is not None
    assert page.problem.code == "hub_unreachable"


async def test_an_answer_outlives_the_process(tmp_path: Path, ready_hub: Hub) -> None:
    async with room_in(tmp_path, ready_hub) as room:
        await room.catalog.popular(5)
    ready_hub.close()
    async with room_in(tmp_path, ready_hub) as room:
        room.clock.advance(7200)
        page = await room.catalog.popular(5)
    assert (page.source, page.items[0].repo) == ("cache", "acme/tiny-chat")
    assert page.age_seconds is not None
    assert 7200 <= page.age_seconds < 7260


async def test_with_a_hub_that_was_never_reached_a_shipped_list_is_told(room: Room) -> None:
    room.hub.close()
    page = await room.catalog.popular(10)
    assert (page.source, page.fetched_at, len(page.items)) == ("shipped", None, 10)
    found = await room.catalog.search(SearchQuery(text="qwen3", max_parameters=10**9), None)
    assert [item.repo for item in found.items] == ["Qwen/Qwen3-0.6B"]
    assert found.items[0].supported is False


async def test_a_hub_that_is_away_is_not_waited_for_each_time(room: Room) -> None:
    room.hub.faults.add(Fault(status=503))
    for _ in range(3):
        await room.catalog.search(SearchQuery(text="x"), None)
    assert len(room.hub.asked("/api/models")) == 3
    room.hub.faults.clear()
    room.clock.advance(16)
    assert (await room.catalog.search(SearchQuery(text="acme"), None)).source == "hub"


async def test_a_model_is_told_at_its_commit(room: Room) -> None:
    model = await room.catalog.model("acme/tiny-chat", "main", None)
    assert model.commit == room.hub.repositories["acme/tiny-chat"].refs["main"]
    assert (model.context_tokens, model.weight_format, model.files_count) == (
        2048,
        "safetensors",
        6,
    )
    assert model.weights_bytes == 4_069_936
    assert model.config is not None
    assert model.config["num_hidden_layers"] == 3
    assert model.findings == []
    assert model.url == f"{room.hub.url}/acme/tiny-chat"


@pytest.mark.parametrize(
    ("repo", "code", "way_out"),
    [
        ("acme/pickled", "pickle_only", "safetensors"),
        ("acme/own-code", "code_refused", "needs no code"),
        ("acme/no-weights", "no_weights", "card"),
        ("acme/strange-architecture", "architecture_unsupported", "Upgrade the engine"),
        ("acme/gated-chat", "gated", "Accept the licence"),
    ],
)
async def test_each_obstacle_has_its_words_and_its_way_out(
    room: Room, repo: str, code: str, way_out: str
) -> None:
    (finding,) = (await room.catalog.model(repo, None, None)).findings
    assert finding.code == code
    assert any(way_out in remedy.label for remedy in finding.remediation)


async def test_a_card_is_told_without_its_metadata(room: Room) -> None:
    card = await room.catalog.card("acme/tiny-chat", None, None)
    assert card.text.startswith("# Tiny chat")
    assert not card.truncated
    room.hub.add(declare("acme/long", {"README.md": "é" * 200_000}))
    long = await room.catalog.card("acme/long", None, None)
    assert long.truncated
    assert len(long.text.encode()) <= 256 << 10


async def test_files_are_listed_with_their_sums_at_a_commit(room: Room) -> None:
    listing = await room.catalog.files("acme/tiny-chat", "main", None)
    commit = room.hub.repositories["acme/tiny-chat"].find("main")
    assert commit is not None
    assert listing.commit == commit.sha
    told = {file.path: (file.sha256, file.git_blob_id) for file in listing.files}
    entries = commit.files
    assert told == {
        path: (entry.content.sha256 if entry.is_lfs else None, entry.oid)
        for path, entry in entries.items()
    }


async def test_a_revision_that_vanished_is_named(room: Room) -> None:
    repository = room.hub.repositories["acme/sharded"]
    sha = repository.refs["main"]
    repository.commit({"config.json": "{}"})
    repository.vanish(sha)
    for ask in (
        room.catalog.model("acme/sharded", sha, None),
        room.catalog.files("acme/sharded", sha, None),
    ):
        with pytest.raises(Problem, match="vanished") as caught:
            await ask
        assert caught.value.code == "hub_revision_not_found"


async def test_what_is_no_hub_is_said_to_be_none(room: Room, tmp_path: Path) -> None:
    with Hub(ready_made()) as page:
        page.repositories["acme/html"] = declare("acme/html", {"config.json": "<html>"})
        async with room_in(tmp_path / "other", page) as other:
            with pytest.raises(Problem) as caught:
                await other.catalog.model("acme/html", None, None)
    assert caught.value.code == "config_malformed"


async def test_the_catalog_of_one_person_is_not_shown_to_another(room: Room) -> None:
    room.hub.admit("hf_of_ada_0123456789", "ada", "acme/secret")
    await room.catalog.tokens.put("user", "usr_ada", "hf_of_ada_0123456789")
    mine = await room.catalog.search(SearchQuery(text="secret"), "usr_ada")
    assert [item.repo for item in mine.items] == ["acme/secret"]
    await room.catalog.search(SearchQuery(text="secret"), "usr_bob")
    room.hub.close()
    kept = await room.catalog.search(SearchQuery(text="secret"), "usr_bob")
    assert kept.items == []
    with pytest.raises(Problem):
        await room.catalog.model("acme/secret", None, "usr_bob")


async def test_weights_of_many_shards_are_one_sum(room: Room) -> None:
    room.hub.add(
        declare(
            "acme/both",
            {
                "config.json": "{}",
                "consolidated.safetensors": weights(1 << 20),
                **{f"model-0000{n}-of-00003.safetensors": weights(1 << 20, n) for n in (1, 2, 3)},
            },
        )
    )
    facts = await room.catalog.facts("acme/both", None)
    assert facts.parameters == {"BF16": 3 * 512 * 1024}
    assert facts.weights_bytes == 3 << 20


async def test_one_models_nonsense_does_not_keep_the_hub_from_others(room: Room) -> None:
    room.hub.faults.add(Fault(path="*/acme/sharded/*", redirect_to="https://10.0.0.1/"))
    with pytest.raises(Problem):
        await room.catalog.model("acme/sharded", None, None)
    assert (await room.catalog.model("acme/tiny-chat", None, None)).source == "hub"
