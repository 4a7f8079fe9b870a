"""The web UI: its packages, and its build into the control plane's package."""

import shutil

from bootstrap.node import npm
from bootstrap.paths import FRONTEND, UI_BUILD
from bootstrap.progress import note, step
from bootstrap.stamps import Stamp

_NOT_SOURCE = {"node_modules", "dist", "test-results", "playwright-report", "e2e"}


def packages() -> None:
    """Install exactly the packages of `package-lock.json`."""
    modules = FRONTEND / "node_modules"
    stamp = Stamp(modules / ".stamp", [FRONTEND / "package-lock.json"])
    if stamp.is_current():
        return
    with step("UI packages"):
        shutil.rmtree(modules, ignore_errors=True)
        remedy = "See the lines above. If the registry can't be reached: npm config set registry …"
        # Not `npm ci`: it refuses a lock that lacks optional builds for other platforms, and a
        # registry that does not carry those can't lock them. What is locked is checked by hash
        # all the same, and the lock is left as it is.
        npm(["install", "--no-save", "--no-audit", "--no-fund"], FRONTEND, "npm", remedy)
    stamp.write()


def build() -> None:
    """Build the UI where the control plane serves it from."""
    if not (FRONTEND / "package.json").exists():
        return note("UI", "left out: frontend/ is missing")
    sources = sorted(p for p in FRONTEND.iterdir() if p.name not in _NOT_SOURCE)
    stamp = Stamp(UI_BUILD / ".stamp", sources)
    if stamp.is_current():
        return note("UI", "up to date")
    packages()
    with step("UI"):
        npm(["run", "build"], FRONTEND, "ui", "The UI does not build; the lines above say why.")
    return stamp.write()
