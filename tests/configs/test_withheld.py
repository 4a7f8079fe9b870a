"""Values of environment variables: which are secret, how they are kept, and what is shown."""

from pathlib import Path

import pytest

from configs.conftest import Shelf
from vllm_manager.configs import EnvironmentVault
from vllm_manager.configs.recipe import Recipe
from vllm_manager.configs.schemas import (
    ConfigChange,
    ConfigClone,
    ConfigCreate,
    ConfigImport,
    ConfigRollback,
    ConfigSave,
)
from vllm_manager.configs.withheld import MASK, is_secret, shown, shown_change
from vllm_manager.kit.errors import Problem
from vllm_manager.kit.vault import Vault

HIDDEN = "swordfish"


@pytest.fixture
def vault(tmp_path: Path) -> EnvironmentVault:
    return EnvironmentVault(Vault(tmp_path / "key"))


@pytest.mark.parametrize(
    "name",
    ["HF_TOKEN", "OPENAI_API_KEY", "AWS_SECRET_ACCESS_KEY", "DB_PASSWORD", "PGPASSWORD", "apikey",
     "SSH_PASSPHRASE", "GCP_CREDENTIALS"],
)  # fmt: skip
def test_a_name_tells_that_its_value_is_secret(name: str) -> None:
    assert is_secret(name, "x")


@pytest.mark.parametrize(
    "name",
    ["OMP_NUM_THREADS", "TOKENIZERS_PARALLELISM", "MAX_TOKENS", "VLLM_CPU_KVCACHE_SPACE", "MONKEY"],
)
def test_other_names_do_not(name: str) -> None:
    assert not is_secret(name, "8")


def test_a_value_tells_that_it_is_secret() -> None:
    assert is_secret("HTTPS_PROXY", "http://anna:swordfish@proxy.test:3128")
    assert not is_secret("HTTPS_PROXY", "http://proxy.test:3128")


def test_a_secret_is_kept_sealed_and_the_engine_gets_it(vault: EnvironmentVault) -> None:
    given = {"HF_TOKEN": HIDDEN, "OMP_NUM_THREADS": "2", "EMPTY_KEY": ""}
    kept = vault.kept(given, {})
    assert HIDDEN not in str(kept)
    assert kept["OMP_NUM_THREADS"] == "2"
    assert vault.opened(kept) == given
    assert shown(kept, with_values=True) == {**given, "HF_TOKEN": MASK}
    assert set(shown(kept, with_values=False).values()) == {MASK}


def test_a_masked_value_and_the_same_secret_leave_what_is_kept(vault: EnvironmentVault) -> None:
    kept = vault.kept({"HF_TOKEN": HIDDEN, "A": "1"}, {})
    assert vault.kept({"HF_TOKEN": MASK, "A": MASK}, kept) == kept
    assert vault.kept({"HF_TOKEN": HIDDEN, "A": "1"}, kept) == kept
    changed = vault.kept({"HF_TOKEN": "other", "A": None}, kept)
    assert vault.opened({"HF_TOKEN": changed["HF_TOKEN"]}) == {"HF_TOKEN": "other"}
    assert changed["A"] is None


def test_a_mask_for_which_nothing_is_kept_is_refused(vault: EnvironmentVault) -> None:
    with pytest.raises(Problem) as refused:
        vault.kept({"HF_TOKEN": MASK}, {}, "recipe.environment")
    assert [e.field for e in refused.value.details.errors] == ["recipe.environment.HF_TOKEN"]


def test_a_sealed_value_opens_under_its_own_name_only(vault: EnvironmentVault) -> None:
    kept = vault.kept({"HF_TOKEN": HIDDEN}, {})
    with pytest.raises(Problem, match="can't be read"):
        vault.opened({"OTHER": kept["HF_TOKEN"]})
    copied = vault.kept({"OTHER": kept["HF_TOKEN"]}, {})
    assert vault.opened(copied) == {"OTHER": kept["HF_TOKEN"]}, "what a client sends is a value"


def test_differences_show_that_a_secret_changed_and_not_how() -> None:
    change = ConfigChange(path="environment.HF_TOKEN", kind="changed", before="a", after="b")
    assert shown_change(change, with_values=True).after == MASK
    plain = ConfigChange(path="environment.A", kind="added", after="b")
    assert shown_change(plain, with_values=True) == plain
    assert shown_change(plain, with_values=False).after == MASK
    other = ConfigChange(path="arguments.seed", kind="added", after=1)
    assert shown_change(other, with_values=False) == other


def _recipe(**environment: str) -> Recipe:
    return Recipe(model="acme/tiny-chat", environment=environment)


async def test_a_config_that_is_read_changed_and_saved_keeps_its_secrets(shelf: Shelf) -> None:
    made = await shelf.recipes.create(
        ConfigCreate(name="chat", recipe=_recipe(HF_TOKEN=HIDDEN, A="1")), "anna"
    )
    assert HIDDEN not in made.model_dump_json()
    masked = _recipe(HF_TOKEN=MASK, A="1")
    same = await shelf.recipes.save("chat", ConfigSave(recipe=masked), "anna")
    assert not same.changed
    again = await shelf.recipes.save("chat", ConfigSave(recipe=_recipe(HF_TOKEN=HIDDEN, A="2")), "")
    assert again.changed
    kept = made.recipe.environment["HF_TOKEN"]
    assert again.config.recipe.environment == {"HF_TOKEN": kept, "A": "2"}
    rolled = await shelf.recipes.roll_back("chat", ConfigRollback(version=1), "anna")
    assert rolled.config.recipe.environment == {"HF_TOKEN": kept, "A": "1"}
    copy = await shelf.recipes.clone("chat", ConfigClone(name="copy"), "anna")
    assert copy.recipe.environment["HF_TOKEN"] == kept


async def test_a_file_with_masked_values_changes_what_is_there_and_makes_nothing_new(
    shelf: Shelf,
) -> None:
    text = '{"format": 1, "name": "chat", "model": "a/b", "environment": {"HF_TOKEN": "%s"}}'
    with pytest.raises(Problem) as refused:
        await shelf.recipes.import_file(ConfigImport(text=text % MASK), "anna")
    assert "none is kept here" in refused.value.details.errors[0].message
    await shelf.recipes.import_file(ConfigImport(text=text % HIDDEN), "anna")
    await shelf.recipes.import_file(ConfigImport(text=text % MASK), "anna")
    assert (await shelf.recipes.get("chat")).version == 1
