"""uv, pinned by hash, in a tool environment of its own; and what is done with it."""

import shutil
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from bootstrap import sources
from bootstrap.command import output, run
from bootstrap.paths import REQUIREMENTS, TOOLS, python_in
from bootstrap.progress import SetupError, note, step
from bootstrap.stamps import Stamp

ONLINE = (
    "See the lines above. If a package index can't be reached, configure pip for one "
    "(`pip config set global.index-url …`): set-up uses the same."
)


@cache
def _environment() -> dict[str, str]:
    return sources.uv_environment()


def install_uv() -> Path:
    """Return the pinned uv, installing it on first use."""
    home = TOOLS / "uv"
    lock = REQUIREMENTS / "uv.txt"
    stamp = Stamp(home / ".stamp", [lock])
    if stamp.is_current():
        return home / "bin" / "uv"
    with step("uv"):
        shutil.rmtree(home, ignore_errors=True)
        run(
            [sys.executable, "-m", "venv", home],
            log_name="uv-venv",
            remedy="Python's venv module is missing or broken. On Debian or Ubuntu: "
            "apt-get install python3-venv",
        )
        pip = [python_in(home), "-m", "pip", "install", "--disable-pip-version-check", "--quiet"]
        install = [*pip, "--require-hashes", "--only-binary", ":all:", "-r", lock]
        run(install, log_name="uv", remedy=ONLINE)
    stamp.write()
    return home / "bin" / "uv"


def uv(arguments: Sequence[str | Path], *, log_name: str, remedy: str = ONLINE) -> None:
    """Run the pinned uv with pip's sources."""
    run([install_uv(), *arguments], log_name=log_name, remedy=remedy, extra=_environment())


def make_environment(folder: Path, python: str | Path) -> None:
    """Make a virtual environment unless a working one is there."""
    if output([python_in(folder), "-c", ""]) is not None:
        return
    uv(["venv", "--clear", "--python", python, folder], log_name=f"venv{folder.name}")


def install_locked(environment: Path, locks: Sequence[Path], options: Sequence[str] = ()) -> None:
    """Install exactly what the lock files name, nothing else; each file is checked by its hash."""
    install = ["pip", "install", "-p", python_in(environment), "--no-deps", "--require-hashes"]
    files = [part for lock in locks for part in ("-r", lock)]
    uv([*install, *options, *files], log_name=f"install{environment.name}")


def install_ours(environment: Path, source: Path) -> None:
    """Install a package of this repository in place, built by a locked build tool."""
    constraints = ["--build-constraints", REQUIREMENTS / "build.txt"]
    uv(
        ["pip", "install", "-p", python_in(environment), "--no-deps", *constraints, "-e", source],
        log_name=f"editable{environment.name}",
    )


def find_python(version: str) -> Path:
    """Return a CPython of exactly `version` (`3.11`), fetched by uv where none is installed."""
    if f"{sys.version_info[0]}.{sys.version_info[1]}" == version:
        return Path(sys.executable)
    tool = install_uv()
    found = output([tool, "python", "find", "--no-project", version])
    if not found:
        with step(f"Python {version}"):
            uv(
                ["python", "install", version],
                log_name="python",
                remedy=f"The engine runs on Python {version}. Install it with the system's "
                f"package manager (python{version}) and try again.",
            )
        found = output([tool, "python", "find", "--no-project", version])
    if not found:
        raise SetupError(f"Python {version} was not found", f"Install python{version}.")
    note("Engine's Python", found)
    return Path(found)
