"""Tokens are kept sealed, tested with one call, and never shown again."""

import os
import sqlite3
import stat
from pathlib import Path

import pytest

from catalog.room import CANARY, Room, room_in
from support.hub import Hub
from vllm_manager.kit.errors import Problem

OTHER = "hf_otherOTHERother0123456789wxyz"


async def test_only_the_last_four_characters_are_ever_told(room: Room) -> None:
    view = await room.catalog.tokens.put("installation", "usr_1", f"  {CANARY}\n")
    assert (view.is_set, view.last_four, view.in_force) == (True, CANARY[-4:], "installation")
    assert CANARY[:-4] not in view.model_dump_json()
    assert await room.catalog.token_of(None) == CANARY


async def test_ones_own_token_goes_before_the_installations(room: Room) -> None:
    await room.catalog.tokens.put("installation", "usr_1", CANARY)
    await room.catalog.tokens.put("user", "usr_1", OTHER)
    assert await room.catalog.token_of("usr_1") == OTHER
    assert await room.catalog.token_of("usr_2") == CANARY
    assert (await room.catalog.tokens.view("installation", "usr_1")).in_force == "user"
    await room.catalog.tokens.delete("user", "usr_1")
    assert await room.catalog.token_of("usr_1") == CANARY


async def test_the_test_tells_whose_it_is(room: Room) -> None:
    room.hub.admit(CANARY, "ada")
    await room.catalog.tokens.put("installation", "usr_1", CANARY)
    told = await room.catalog.tokens.test("usr_1")
    assert (told.scope, told.account, told.kind) == ("installation", "ada", "read")
    view = await room.catalog.tokens.view("installation", "usr_1")
    assert (view.account, view.tested_at) == ("ada", room.clock.now())


async def test_a_test_of_a_bad_token_and_of_none(room: Room) -> None:
    with pytest.raises(Problem) as none:
        await room.catalog.tokens.test("usr_1")
    assert none.value.code == "hub_token_missing"
    await room.catalog.tokens.put("installation", "usr_1", CANARY)
    with pytest.raises(Problem) as bad:
        await room.catalog.tokens.test("usr_1")
    assert bad.value.code == "hub_token_refused"


@pytest.mark.parametrize(
    "text", ["", "short", "hf_with space_0123456789", "hf_täuschung_0123", "a\0b" * 8]
)
async def test_what_can_be_no_token_is_refused(room: Room, text: str) -> None:
    with pytest.raises(Problem) as caught:
        await room.catalog.tokens.put("installation", "usr_1", text)
    assert caught.value.details.errors[0].field == "token"


async def test_it_lies_sealed_in_the_database(tmp_path: Path, room: Room) -> None:
    await room.catalog.tokens.put("installation", "usr_1", CANARY)
    key = tmp_path / "secrets" / "vault_key"
    assert stat.S_IMODE(os.stat(key).st_mode) == 0o600
    if room.database.engine.dialect.name == "sqlite":
        with sqlite3.connect(tmp_path / "vllm-manager.db") as connection:
            dump = "\n".join(connection.iterdump())
        assert "hub_tokens" in dump
        assert CANARY not in dump


async def test_without_its_key_a_token_is_said_to_be_locked(tmp_path: Path, room: Room) -> None:
    await room.catalog.tokens.put("installation", "usr_1", CANARY)
    (tmp_path / "secrets" / "vault_key").unlink()
    with pytest.raises(Problem) as caught:
        await room.catalog.token_of("usr_1")
    assert caught.value.code == "vault_locked"


async def test_the_environments_token_is_not_taken(
    tmp_path: Path, ready_hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", CANARY)
    async with room_in(tmp_path / "home", ready_hub) as room:
        await room.catalog.popular(1)
        assert await room.catalog.token_of(None) is None
    assert [request.token for request in ready_hub.requests] == [None]
