"""What the tests need of the system: Debian's packages, where a program is missing."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from bootstrap.command import run
from bootstrap.progress import SetupError, note, step


@dataclass(frozen=True)
class _Needed:
    what: str
    package: str
    programs: tuple[str, ...]
    folders: str = "/nowhere"
    """Where else it may lie, as a pattern below the root."""

    def found(self) -> str | None:
        """Return where the program is."""
        for name in self.programs:
            if found := shutil.which(name):
                return found
            for folder in sorted(Path("/").glob(self.folders.lstrip("/")), reverse=True):
                if (folder / name).exists():
                    return str(folder / name)
        return None


_NEEDED = (
    _Needed("Browser for tests", "chromium", ("chromium", "chromium-browser", "google-chrome")),
    _Needed("PostgreSQL for tests", "postgresql", ("initdb",), "/usr/lib/postgresql/*/bin"),
)


def install() -> None:
    """Make sure that everything is here.

    Raises:
        SetupError: something is missing and this machine has no apt-get, or no right to use it.
    """
    missing: list[_Needed] = []
    for needed in _NEEDED:
        if found := needed.found():
            note(needed.what, found)
        else:
            missing.append(needed)
    if missing:
        _install(missing)


def _install(missing: list[_Needed]) -> None:
    names = " ".join(needed.package for needed in missing)
    remedy = f"Install what is missing (as root: apt-get install {names}) and try again."
    if not shutil.which("apt-get") or os.geteuid() != 0:
        raise SetupError(f"The tests need {names}, which this machine lacks.", remedy)
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    with step(f"{names} for tests"):
        run(["apt-get", "update", "-q"], log_name="apt-update", remedy=remedy, extra=quiet)
        for needed in missing:
            install = ["apt-get", "install", "-y", "-q", "--no-install-recommends", needed.package]
            run(install, log_name=f"apt-{needed.package}", remedy=remedy, extra=quiet)
