"""The commands' page names each verb and each option of `deploy`, and none that is not there."""

import re

from typer.core import TyperGroup
from typer.main import get_command

from support.documentation import page
from vllm_manager.cli.main import app


def command_line() -> TyperGroup:
    group = get_command(app)
    assert isinstance(group, TyperGroup)
    return group


def test_each_verb_is_documented_and_none_that_is_not_there() -> None:
    verbs = {name for name, verb in command_line().commands.items() if not verb.hidden}
    assert set(re.findall(r"^\| `([a-z]+)[ `]", page("cli"), re.MULTILINE)) == verbs


def test_each_option_of_deploy_is_documented() -> None:
    parameters = command_line().commands["deploy"].params
    names = [p.opts[-1] for p in parameters if not getattr(p, "hidden", False)]
    options = [name for name in names if name.startswith("--")]
    assert len(options) > 10
    assert [name for name in options if name.removeprefix("--") not in page("cli")] == []
