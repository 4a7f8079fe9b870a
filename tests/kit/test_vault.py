"""What is sealed can be opened with the same key for the same purpose, and not otherwise."""

from pathlib import Path

import pytest

from vllm_manager.kit.errors import Problem
from vllm_manager.kit.vault import Vault


def test_what_was_sealed_is_opened_by_another_process_with_the_same_key(tmp_path: Path) -> None:
    sealed = Vault(tmp_path / "key").seal("a secret, grüße", "test")
    assert "secret" not in sealed
    assert Vault(tmp_path / "key").open(sealed, "test") == "a secret, grüße"


def test_the_same_text_is_never_sealed_the_same(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "key")
    assert vault.seal("x", "test") != vault.seal("x", "test")


@pytest.mark.parametrize("change", ["purpose", "bytes", "key", "nonsense"])
def test_anything_else_stays_shut(tmp_path: Path, change: str) -> None:
    vault = Vault(tmp_path / "key")
    sealed = vault.seal("x", "test")
    if change == "key":
        (tmp_path / "key").unlink()
    if change == "bytes":
        sealed = sealed[:-4] + ("AAA=" if sealed[-4:] != "AAA=" else "BBB=")
    if change == "nonsense":
        sealed = "v1.nonsense"
    with pytest.raises(Problem) as caught:
        vault.open(sealed, "other" if change == "purpose" else "test")
    assert caught.value.code == "vault_locked"
