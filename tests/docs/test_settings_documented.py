"""The settings' page names each setting with its default, and none that is not there."""

import re

import pytest
from pydantic_core import PydanticUndefined

from support.documentation import page
from vllm_manager.settings import Settings

FIELDS = Settings.model_fields
FIXED = {name: f.default for name, f in FIELDS.items() if f.default is not PydanticUndefined}


def documented_settings() -> dict[str, str]:
    """Return the default, as the page writes it, of each setting in the page's table."""
    rows = re.findall(r"^\| `VLLM_MANAGER_(\w+)` \| (.+?) \|", page("settings"), re.MULTILINE)
    return {name.lower(): default for name, default in rows}


def test_each_setting_is_documented_and_none_that_is_not_there() -> None:
    assert set(documented_settings()) == set(FIELDS)


@pytest.mark.parametrize("name", sorted(FIXED))
def test_the_documented_default_is_the_real_one(name: str) -> None:
    default = FIXED[name]
    words = default if name == "currency" else str(default).lower()
    written = "none" if default is None else f"`{words}`"
    assert documented_settings()[name] == written
