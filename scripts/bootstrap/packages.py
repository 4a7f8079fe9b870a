"""What the tests need of the system: Debian's packages, where a program is missing."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from bootstrap.command import run
from bootstrap.paths import TOOLS
from bootstrap.progress import SetupError, note, step


@dataclass(frozen=True)
class _Needed:
    what: str
    package: str
    programs: tuple[str, ...]
    folders: str = "/nowhere"
    """Where else it may lie, as a pattern below the root."""
    unpacked: bool = False
    """Its files are enough, in `.tools`: installed, it would become a service of the machine."""

    @property
    def tool(self) -> Path:
        """The folder that it is unpacked into."""
        return TOOLS / self.package

    def found(self) -> str | None:
        """Return where the program is."""
        for name in self.programs:
            if found := shutil.which(name, path=self._path()):
                return found
            for folder in sorted(Path("/").glob(self.folders.lstrip("/")), reverse=True):
                if (folder / name).exists():
                    return str(folder / name)
        return None

    def _path(self) -> str:
        own = str(self.tool / "usr" / "bin")
        return os.pathsep.join([own, os.environ.get("PATH", os.defpath)])


_NEEDED = (
    _Needed("Browser for tests", "chromium", ("chromium", "chromium-browser", "google-chrome")),
    _Needed("PostgreSQL for tests", "postgresql", ("initdb",), "/usr/lib/postgresql/*/bin"),
    _Needed("Prometheus for tests", "prometheus", ("promtool",), unpacked=True),
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
            if needed.unpacked:
                _unpack(needed, remedy)
                continue
            install = ["apt-get", "install", "-y", "-q", "--no-install-recommends", needed.package]
            run(install, log_name=f"apt-{needed.package}", remedy=remedy, extra=quiet)


def _unpack(needed: _Needed, remedy: str) -> None:
    """Fetch a package, which apt checks as it does any, and lay out its files in `.tools`."""
    needed.tool.mkdir(parents=True, exist_ok=True)
    for old in needed.tool.glob("*.deb"):
        old.unlink()
    fetch = ["apt-get", "download", "-q", needed.package]
    run(fetch, log_name=f"apt-{needed.package}", remedy=remedy, cwd=needed.tool)
    for archive in needed.tool.glob("*.deb"):
        lay_out = ["dpkg", "-x", archive, needed.tool]
        run(lay_out, log_name=f"dpkg-{needed.package}", remedy=remedy)
        archive.unlink()
