"""Settings of single sign-on that could let nobody in, or everybody, stop the start."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from support.application import settings_in
from vllm_manager.auth.oidc.config import config_of
from vllm_manager.kit.errors import Problem
from vllm_manager.settings import Settings

GOOD: dict[str, Any] = {
    "oidc_issuer": "https://login.example.org",
    "oidc_client_id": "vllm-manager",
    "oidc_default_role": "member",
}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"oidc_issuer": "http://login.example.org"}, "https://"),
        ({"oidc_issuer": "login.example.org"}, "https://"),
        ({"oidc_client_id": None}, "VLLM_MANAGER_OIDC_CLIENT_ID"),
        ({"oidc_default_role": None}, "Nobody could log in"),
        ({"oidc_default_role": "root"}, "administrator"),
        ({"oidc_roles": "{"}, "JSON"),
        ({"oidc_roles": '["a"]'}, "dictionary"),
        ({"oidc_roles": '{"a": "root"}'}, "administrator"),
    ],
)
def test_a_setting_that_can_t_work_is_named(
    tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValidationError, match=said):
        settings_in(tmp_path, **{**GOOD, **change})


def test_roles_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VLLM_MANAGER_OIDC_ROLES", '{"ml-ops": "operator"}')
    assert Settings().oidc_roles == {"ml-ops": "operator"}
    monkeypatch.setenv("VLLM_MANAGER_OIDC_ROLES", "")
    assert Settings().oidc_roles == {}


def test_without_an_issuer_there_is_no_single_sign_on(tmp_path: Path) -> None:
    assert config_of(settings_in(tmp_path, **{**GOOD, "oidc_issuer": None})) is None


def test_the_secret_comes_from_the_environment_a_file_or_nowhere(tmp_path: Path) -> None:
    def secret(**more: Any) -> str | None:
        config = config_of(settings_in(tmp_path, **GOOD, **more))
        assert config is not None
        assert "told" not in repr(config)
        return config.client_secret

    assert secret() is None
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "oidc_client_secret").write_text("told by the home\n")
    assert secret() == "told by the home"
    (tmp_path / "elsewhere").write_text("told by a file")
    assert secret(oidc_client_secret_path=tmp_path / "elsewhere") == "told by a file"
    assert secret(oidc_client_secret="told by the environment") == "told by the environment"


@pytest.mark.parametrize("content", [None, "", "\n"])
def test_a_file_without_the_secret_stops_the_start(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "secret"
    if content is not None:
        path.write_text(content)
    with pytest.raises(Problem) as raised:
        config_of(settings_in(tmp_path, **GOOD, oidc_client_secret_path=path))
    assert raised.value.code == "oidc_secret_unreadable"
