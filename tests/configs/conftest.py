"""Fixtures of the configs room: the service on a real database, with the engine's real list."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from pathlib import Path

import pytest

from fakes.clock import FakeClock
from support.application import database_in
from vllm_manager.configs import EngineArguments, EnvironmentVault, RecipeChecks, Recipes
from vllm_manager.kit.vault import Vault

ARGUMENTS = Path(__file__).parent.parent / "fixtures" / "engine_arguments.json"


class Shelf:
    """The service, with what lies around it: who uses configs, and how often it told of a save."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.users: dict[str, list[str]] = {}
        self.saves = 0
        self.recipes: Recipes

    async def who(self) -> Mapping[str, Sequence[str]]:
        return self.users

    def saved(self) -> None:
        self.saves += 1


@pytest.fixture
async def shelf(tmp_path: Path) -> AsyncGenerator[Shelf]:
    shelf = Shelf()
    checks = RecipeChecks(EngineArguments(ARGUMENTS))
    async with database_in(tmp_path) as database:
        vault = EnvironmentVault(Vault(tmp_path / "vault_key"))
        shelf.recipes = Recipes(database, checks, shelf.clock, shelf.who, shelf.saved, vault)
        yield shelf
