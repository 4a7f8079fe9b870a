"""The lock files: pinned, hashed, complete, and free of hosts."""

import json
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = sorted(p for p in (ROOT / "requirements").glob("*.txt") if "overrides" not in p.name)


def entries(lock: Path) -> dict[str, str]:
    """Return each requirement of a lock file with the lines of its hashes."""
    found: dict[str, str] = {}
    name = ""
    for line in lock.read_text().splitlines():
        if match := re.match(r"([A-Za-z0-9._-]+)(\[[^\]]*\])?==", line):
            name = match[1].lower()
        if name:
            found[name] = found.get(name, "") + line + "\n"
    return found


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.stem)
def test_every_file_is_pinned_by_hash(lock: Path) -> None:
    pinned = entries(lock)
    assert pinned
    assert [name for name, text in pinned.items() if "--hash=sha256:" not in text] == []


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.stem)
def test_no_lock_names_a_host(lock: Path) -> None:
    assert "://" not in lock.read_text()


def test_the_control_lock_holds_what_the_project_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = {re.split(r"[\[>=;<~! ]", one)[0] for one in project["project"]["dependencies"]}
    assert wanted - set(entries(ROOT / "requirements" / "control.txt")) == set()


def test_the_development_lock_holds_what_the_project_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = {re.split(r"[\[>=;<~! ]", one)[0] for one in project["dependency-groups"]["dev"]}
    assert wanted - set(entries(ROOT / "requirements" / "dev.txt")) == set()


def test_a_package_in_both_locks_of_the_control_plane_has_one_version() -> None:
    control, dev = (entries(ROOT / "requirements" / f"{name}.txt") for name in ("control", "dev"))
    first = {
        name: text.splitlines()[0].split(";")[0].strip(" \\") for name, text in control.items()
    }
    second = {name: text.splitlines()[0].split(";")[0].strip(" \\") for name, text in dev.items()}
    assert {name for name in first.keys() & second.keys() if first[name] != second[name]} == set()


def test_the_cpu_engine_has_no_cuda_build_of_torch() -> None:
    engine = entries(ROOT / "requirements" / "engine-cpu.txt")
    assert engine["torch"].startswith("torch==2.13.0+cpu")
    assert not {"torchvision", "torchaudio", "torchcodec"} & set(engine)


def test_the_ui_lock_is_made_from_the_ui_s_package_file() -> None:
    asked = json.loads((ROOT / "frontend" / "package.json").read_text())
    locked = json.loads((ROOT / "frontend" / "package-lock.json").read_text())["packages"]
    for kind in ("dependencies", "devDependencies"):
        assert asked[kind] == locked[""][kind]
    assert [n for n, one in locked.items() if n and "integrity" not in one] == []
    assert [n for n, one in locked.items() if "resolved" in one] == []
