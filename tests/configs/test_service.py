"""Configs are kept in versions that never change."""

import asyncio

import pytest

from configs.conftest import Shelf
from vllm_manager.configs import Recipe
from vllm_manager.configs.schemas import (
    Config,
    ConfigClone,
    ConfigCreate,
    ConfigImport,
    ConfigRollback,
    ConfigSave,
)
from vllm_manager.kit.errors import Problem


def recipe(max_model_len: int = 1024, model: str = "demo") -> Recipe:
    return Recipe(model=model, arguments={"max_model_len": max_model_len})


async def keep(shelf: Shelf, name: str = "chat", max_model_len: int = 1024) -> Config:
    asked = ConfigCreate(name=name, recipe=recipe(max_model_len), message="First")
    return await shelf.recipes.create(asked, "ada")


async def save(shelf: Shelf, max_model_len: int, expected: int | None = None) -> int:
    asked = ConfigSave(
        recipe=recipe(max_model_len), message=f"To {max_model_len}", expected_version=expected
    )
    return (await shelf.recipes.save("chat", asked, "bob")).config.version


def code_of(caught: pytest.ExceptionInfo[Problem]) -> str:
    return caught.value.code


async def test_a_new_config_is_version_1_with_author_message_and_time(shelf: Shelf) -> None:
    await keep(shelf)
    version = await shelf.recipes.version("chat", None)
    assert (version.version, version.author, version.message) == (1, "ada", "First")
    assert version.at == shelf.clock.now()
    assert version.recipe == recipe()


async def test_a_name_is_given_once(shelf: Shelf) -> None:
    await keep(shelf)
    with pytest.raises(Problem) as caught:
        await keep(shelf)
    assert code_of(caught) == "config_name_taken"


@pytest.mark.parametrize("name", ["export", "import", "presets", "schema"])
async def test_an_address_of_the_api_is_no_name(shelf: Shelf, name: str) -> None:
    with pytest.raises(Problem) as caught:
        await keep(shelf, name)
    assert caught.value.details.errors[0].field == "name"


async def test_a_save_makes_a_version_and_leaves_the_old_one_as_it_was(shelf: Shelf) -> None:
    await keep(shelf)
    shelf.clock.advance(60)
    assert await save(shelf, 2048) == 2
    assert (await shelf.recipes.version("chat", 1)).recipe == recipe(1024)
    assert (await shelf.recipes.version("chat", 2)).recipe == recipe(2048)
    assert (await shelf.recipes.get("chat")).message == "To 2048"


async def test_a_save_of_the_same_makes_no_version(shelf: Shelf) -> None:
    await keep(shelf)
    saved = await shelf.recipes.save("chat", ConfigSave(recipe=recipe(), message="again"), "bob")
    assert not saved.changed
    assert saved.config.version == 1
    assert saved.config.author == "ada"
    assert shelf.saves == 1


async def test_a_save_over_someone_elses_is_refused(shelf: Shelf) -> None:
    await keep(shelf)
    await save(shelf, 2048, expected=1)
    with pytest.raises(Problem) as caught:
        await save(shelf, 4096, expected=1)
    assert code_of(caught) == "config_changed"
    assert "saved by bob" in caught.value.details.detail


async def test_saves_at_the_same_moment_make_one_version_each(shelf: Shelf) -> None:
    await keep(shelf)
    numbers = await asyncio.gather(*(save(shelf, 2048 + n) for n in range(8)))
    assert sorted(numbers) == list(range(2, 10))


async def test_a_wrong_argument_is_refused_with_the_nearest_name(shelf: Shelf) -> None:
    wrong = Recipe(model="demo", arguments={"max_model_length": 1})
    with pytest.raises(Problem) as caught:
        await shelf.recipes.create(ConfigCreate(name="chat", recipe=wrong), "ada")
    error = caught.value.details.errors[0]
    assert (error.field, error.suggestion) == ("recipe.arguments.max_model_length", "max_model_len")


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"model": "../etc"}, "recipe.model"),
        ({"environment": {"LD_PRELOAD": "x"}}, "recipe.environment.LD_PRELOAD"),
        ({"replicas": 5, "autoscaling": {"max_replicas": 3}}, "recipe.replicas"),
        (
            {"lora_modules": [{"name": "a", "path": "/a"}, {"name": "a", "path": "/b"}]},
            "recipe.lora_modules",
        ),
        (
            {
                "lora_modules": [{"name": "a", "path": "/a"}],
                "arguments": {"lora_modules": ["b=/b"]},
            },
            "recipe.arguments.lora_modules",
        ),
    ],
)
async def test_a_recipe_that_makes_no_sense_is_refused(
    shelf: Shelf, fields: dict[str, object], field: str
) -> None:
    wrong = Recipe.model_validate({"model": "demo", **fields})
    with pytest.raises(Problem) as caught:
        await shelf.recipes.create(ConfigCreate(name="chat", recipe=wrong), "ada")
    assert [error.field for error in caught.value.details.errors] == [field]


async def test_rolling_back_makes_a_new_version_equal_to_the_old_one(shelf: Shelf) -> None:
    await keep(shelf)
    await save(shelf, 2048)
    back = await shelf.recipes.roll_back("chat", ConfigRollback(version=1), "eve")
    assert back.changed
    assert back.config.version == 3
    assert back.config.recipe == recipe(1024)
    assert back.config.message == "As in version 1."


async def test_rolling_back_to_what_is_there_changes_nothing(shelf: Shelf) -> None:
    await keep(shelf)
    back = await shelf.recipes.roll_back("chat", ConfigRollback(version=1), "eve")
    assert not back.changed


async def test_rolling_back_to_a_version_that_never_was_is_refused(shelf: Shelf) -> None:
    await keep(shelf)
    with pytest.raises(Problem) as caught:
        await shelf.recipes.roll_back("chat", ConfigRollback(version=4), "eve")
    assert code_of(caught) == "config_version_not_found"
    assert "1 to 1" in caught.value.details.detail


async def test_a_clone_begins_with_version_1(shelf: Shelf) -> None:
    await keep(shelf)
    await save(shelf, 2048)
    clone = await shelf.recipes.clone("chat", ConfigClone(name="copy", version=1), "eve")
    assert (clone.name, clone.version, clone.recipe) == ("copy", 1, recipe(1024))
    assert clone.message == "Copied from chat, version 1."


async def test_a_diff_shows_what_the_newest_version_changed(shelf: Shelf) -> None:
    await keep(shelf)
    await save(shelf, 2048)
    diff = await shelf.recipes.diff("chat", None, None)
    assert (diff.before, diff.after) == (1, 2)
    assert [(c.path, c.before, c.after) for c in diff.changes] == [
        ("arguments.max_model_len", 1024, 2048)
    ]


async def test_a_config_in_use_is_not_deleted(shelf: Shelf) -> None:
    await keep(shelf)
    shelf.users = {"chat": ["assistant"]}
    with pytest.raises(Problem) as caught:
        await shelf.recipes.delete("chat")
    assert code_of(caught) == "config_in_use"
    assert "assistant" in caught.value.details.detail
    assert (await shelf.recipes.get("chat")).used_by == ["assistant"]


async def test_a_deleted_config_is_gone_with_its_versions(shelf: Shelf) -> None:
    await keep(shelf)
    await save(shelf, 2048)
    await shelf.recipes.delete("chat")
    with pytest.raises(Problem) as caught:
        await shelf.recipes.get("chat")
    assert code_of(caught) == "config_not_found"
    assert (await keep(shelf)).version == 1


async def test_what_is_exported_is_imported_as_it_was(shelf: Shelf) -> None:
    await keep(shelf, "chat")
    await keep(shelf, "other", 4096)
    text = (await shelf.recipes.export_all()).model_dump_json()
    await shelf.recipes.delete("chat")
    result = await shelf.recipes.import_file(ConfigImport(text=text), "eve")
    assert [(item.name, item.outcome) for item in result.items] == [
        ("chat", "created"),
        ("other", "unchanged"),
    ]
    assert (await shelf.recipes.get("chat")).recipe == recipe(1024)


async def test_an_import_over_a_config_makes_a_version_of_it(shelf: Shelf) -> None:
    await keep(shelf)
    await save(shelf, 2048)
    text = (await shelf.recipes.export("chat", 1)).model_dump_json()
    result = await shelf.recipes.import_file(ConfigImport(text=text), "eve")
    assert [(item.outcome, item.version) for item in result.items] == [("changed", 3)]


async def test_a_file_with_one_mistake_imports_nothing(shelf: Shelf) -> None:
    text = '{"format": 1, "configs": [{"name": "a", "model": "demo"}, {"name": "b"}]}'
    with pytest.raises(Problem) as caught:
        await shelf.recipes.import_file(ConfigImport(text=text), "eve")
    assert code_of(caught) == "invalid_config_file"
    assert (await shelf.recipes.list(10, None, None)).items == []


async def test_an_import_may_be_only_checked(shelf: Shelf) -> None:
    text = '{"format": 1, "name": "a", "model": "demo"}'
    result = await shelf.recipes.import_file(ConfigImport(text=text, check_only=True), "eve")
    assert not result.saved
    assert [item.outcome for item in result.items] == ["created"]
    assert (await shelf.recipes.list(10, None, None)).items == []


async def test_lists_are_paged_by_name_and_searched_by_name_and_model(shelf: Shelf) -> None:
    for name in ("a", "b", "c"):
        await keep(shelf, name)
    await shelf.recipes.create(
        ConfigCreate(name="d", recipe=recipe(model="Qwen/Qwen3-0.6B")), "ada"
    )
    page = await shelf.recipes.list(2, None, None)
    assert [item.name for item in page.items] == ["a", "b"]
    rest = await shelf.recipes.list(2, page.next_cursor, None)
    assert [item.name for item in rest.items] == ["c", "d"]
    assert rest.next_cursor is None
    assert [i.name for i in (await shelf.recipes.list(9, None, "qwen3")).items] == ["d"]
    assert [i.name for i in (await shelf.recipes.list(9, None, "%")).items] == []


async def test_versions_are_paged_newest_first(shelf: Shelf) -> None:
    await keep(shelf)
    for length in (2048, 4096):
        await save(shelf, length)
    page = await shelf.recipes.versions("chat", 2, None)
    assert [version.version for version in page.items] == [3, 2]
    rest = await shelf.recipes.versions("chat", 2, page.next_cursor)
    assert [version.version for version in rest.items] == [1]
