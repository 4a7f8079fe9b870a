"""Names that requests ask for: a deployment's, and its adapters'."""

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from deployments.room import Room
from support.adapters import write_adapter
from vllm_manager.deployments.naming import adapters_of, refuse_if_taken
from vllm_manager.deployments.schemas import DeploymentChange, StartRequest
from vllm_manager.kit.errors import Problem


@pytest.fixture
async def room(tmp_path: Path) -> AsyncGenerator[Room]:
    room = await Room(tmp_path).open()
    yield room
    await room.close()


def spec(name: str, *adapters: str, **arguments: Any) -> dict[str, Any]:
    modules = [{"name": adapter, "path": "/a"} for adapter in adapters]
    return {"name": name, "lora_modules": modules, "arguments": arguments}


@pytest.mark.parametrize(
    ("value", "names"),
    [
        (["sql=/a", "law=/b"], ["sql", "law"]),
        ("sql=/a", ["sql"]),
        ('{"name": "sql", "path": "/a"}', ["sql"]),
        ([{"name": "sql", "path": "/a"}], ["sql"]),
        (['{"name": 3}', "{broken"], []),
    ],
)
def test_adapters_in_the_engine_s_own_argument_count_as_well(
    value: object, names: list[str]
) -> None:
    assert adapters_of(spec("demo", lora_modules=value)) == names


@pytest.mark.parametrize(
    ("mine", "other", "field", "words"),
    [
        (spec("demo", "code"), spec("code"), "lora_modules.0.name", "the deployment “code”"),
        (spec("demo", "a", "b"), spec("x", "b"), "lora_modules.1.name", "an adapter of “x”"),
        (spec("sql"), spec("x", "sql"), "name", "an adapter of “x”"),
        (spec("demo", "demo"), spec("x"), "lora_modules.0.name", "this deployment"),
    ],
)
def test_a_name_that_is_taken_is_refused_with_whose_it_is(
    mine: dict[str, Any], other: dict[str, Any], field: str, words: str
) -> None:
    with pytest.raises(Problem) as caught:
        refuse_if_taken(mine, [(mine["name"], mine), (other["name"], other)])
    details = caught.value.details
    assert (details.code, details.status) == ("name_taken", 409)
    assert [error.field for error in details.errors] == [field]
    assert words in details.detail


def test_its_own_earlier_spec_takes_no_name_from_it() -> None:
    refuse_if_taken(spec("demo", "sql"), [("demo", spec("demo", "sql")), ("x", spec("x", "law"))])


async def test_routes_carry_the_adapters_that_were_launched(room: Room, tmp_path: Path) -> None:
    modules = [{"name": "sql", "path": str(write_adapter(tmp_path / "sql"))}]
    await room.serve(lora_modules=modules)
    await room.service.change("demo", DeploymentChange.model_validate({"lora_modules": []}))
    await room.step()
    routes = room.service.routes()
    assert routes is not None
    assert [route.adapters for route in routes] == [["sql"]]


async def test_create_and_change_refuse_a_name_that_is_taken(room: Room, tmp_path: Path) -> None:
    path = str(write_adapter(tmp_path / "sql"))
    await room.create("demo", lora_modules=[{"name": "sql", "path": path}])
    with pytest.raises(Problem) as caught:
        await room.create("sql")
    assert caught.value.code == "name_taken"
    with pytest.raises(Problem) as caught:
        await room.create("other", lora_modules=[{"name": "demo", "path": path}])
    assert caught.value.code == "name_taken"
    await room.create("other")
    asked = DeploymentChange.model_validate({"lora_modules": [{"name": "sql", "path": path}]})
    with pytest.raises(Problem) as caught:
        await room.service.change("other", asked)
    assert caught.value.code == "name_taken"
    assert (await room.get("other")).spec.lora_modules == []
    await room.service.restart("other", StartRequest())
