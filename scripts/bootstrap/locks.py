"""`make lock`: compiles the lock files. Every file in them is pinned by hash; no host is named."""

import tempfile
from pathlib import Path

from bootstrap.environments import ENGINE_PYTHON
from bootstrap.paths import REQUIREMENTS, ROOT
from bootstrap.progress import step
from bootstrap.uv import uv

_COMMON = ["--generate-hashes", "--no-emit-index-url", "--no-annotate", "--no-header", "--quiet"]
_ANYWHERE = ["--universal", "--python-version", "3.11"]
_ENGINE = ["--python-version", ENGINE_PYTHON, "--python-platform", "x86_64-manylinux_2_31"]
_REMEDY = "Nothing was changed for this lock. See the lines above."


def _compile(name: str, arguments: list[str | Path], upgrade: bool) -> None:
    """Compile into a draft first, so that a failure leaves the lock as it was."""
    target = REQUIREMENTS / f"{name}.txt"
    with tempfile.TemporaryDirectory() as folder, step(f"lock {name}"):
        draft = Path(folder) / target.name
        if target.exists() and not upgrade:
            draft.write_bytes(target.read_bytes())
        options = [*_COMMON, *(["--upgrade"] if upgrade else [])]
        command = ["pip", "compile", *options, *arguments, "-o", draft]
        uv(command, log_name=f"lock-{name}", remedy=_REMEDY)
        target.write_bytes(draft.read_bytes())


def lock(*, upgrade: bool) -> None:
    """Bring every lock up to date with what it is made from; with `upgrade` to the newest."""
    project = ROOT / "pyproject.toml"
    control = REQUIREMENTS / "control.txt"
    for tool in ("uv", "build", "node"):
        _compile(tool, [*_ANYWHERE, REQUIREMENTS / f"{tool}.in"], upgrade)
    _compile("control", [*_ANYWHERE, project], upgrade)
    _compile("dev", [*_ANYWHERE, "--group", f"{project}:dev", "-c", control], upgrade)
    overrides = ["--overrides", REQUIREMENTS / "engine-cpu-overrides.txt"]
    _compile("engine-cpu", [*_ENGINE, *overrides, REQUIREMENTS / "engine-cpu.in"], upgrade)
    _compile("engine-cuda", [*_ENGINE, REQUIREMENTS / "engine-cuda.in"], upgrade)
