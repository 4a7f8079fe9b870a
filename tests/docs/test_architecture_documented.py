"""The page on architecture names each room, from the top, and the phases in their order."""

import re
import tomllib
from typing import Any

from support.documentation import DOCS, ROOT
from vllm_manager.deployments.states import START_ORDER

PAGE = (DOCS / "architecture.md").read_text()


def contracts() -> list[dict[str, Any]]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]


def layers() -> list[list[str]]:
    (found,) = (contract for contract in contracts() if contract["type"] == "layers")
    return [sorted(layer.split(" | ")) for layer in found["layers"]]


def documented() -> list[str]:
    table = PAGE.split("| room | owns |")[1].split("\n\n")[0]
    return re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)


def test_every_room_is_documented_from_the_top() -> None:
    rooms = documented()
    told: list[list[str]] = []
    for layer in layers():
        told.append(sorted(rooms[: len(layer)]))
        rooms = rooms[len(layer) :]
    assert told == layers()
    assert rooms == []


def test_the_phases_of_a_start_are_documented_in_their_order() -> None:
    (told,) = re.findall(r"A start passes `([a-z ]+)` in this order", PAGE)
    assert told.split() == list(START_ORDER)


def test_every_contract_is_documented() -> None:
    contributing = (ROOT / "CONTRIBUTING.md").read_text()
    names = [contract["name"] for contract in contracts()]
    assert [name for name in names if f"| {name} |" not in contributing] == []
